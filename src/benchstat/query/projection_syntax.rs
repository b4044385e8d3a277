//! Projection expressions: keys separated by a comma or a space, each with an optional order, `key@alpha` or `key@(a
//! b)`.

use super::SyntaxError;
use super::lexer::{Lexer, Token};

/// One key of a projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub key: String,
    /// Byte offsets of the key and its order, for messages.
    pub key_offset: usize,
    pub order_offset: usize,
    pub order: PartOrder,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartOrder {
    /// By a name: `first` if the expression names none.
    Named(String),
    /// These values in this order, and no others.
    Fixed(Vec<String>),
}

pub fn parse(query: &str) -> Result<Vec<Part>, SyntaxError> {
    let mut parts = Vec::new();
    let mut lexer = Lexer::new(query);
    loop {
        match lexer.key()? {
            (Token::End, _) => break,
            (Token::Operator(','), behind) if !parts.is_empty() => lexer = behind,
            _ => {}
        }
        let (part, behind) = part(lexer)?;
        parts.push(part);
        lexer = behind;
    }
    Ok(parts)
}

fn part(mut lexer: Lexer<'_>) -> Result<(Part, Lexer<'_>), SyntaxError> {
    let (token, mut rest) = lexer.key()?;
    let key = token.into_word().ok_or_else(|| lexer.error("expected key"))?;
    let key_offset = lexer.offset();
    let by_appearance =
        Part { key_offset, order_offset: key_offset + key.len(), key, order: PartOrder::Named("first".to_owned()) };
    let (Token::Operator('@'), mut rest) = rest.key()? else { return Ok((by_appearance, rest)) };
    let (token, behind) = rest.key()?;
    let order_offset = rest.offset();
    let (order, behind) = match token {
        // The name of the list's own order, with no list: nothing is left.
        Token::Word(name) | Token::Quoted(name) if name == "fixed" => (PartOrder::Fixed(Vec::new()), behind),
        Token::Word(name) | Token::Quoted(name) => (PartOrder::Named(name), behind),
        Token::Operator('(') => {
            let (values, behind) = values(behind)?;
            (PartOrder::Fixed(values), behind)
        }
        _ => return Err(rest.error("expected named sort order or parenthesized list")),
    };
    Ok((Part { order, order_offset, ..by_appearance }, behind))
}

/// The rest of `(a b)`, after the parenthesis.
fn values(mut lexer: Lexer<'_>) -> Result<(Vec<String>, Lexer<'_>), SyntaxError> {
    let mut values = Vec::new();
    loop {
        let (token, behind) = lexer.key()?;
        match token {
            Token::Word(word) | Token::Quoted(word) => values.push(word),
            Token::Operator(')') if values.is_empty() => return Err(lexer.error("nothing to match")),
            Token::Operator(')') => return Ok((values, behind)),
            _ => return Err(lexer.error("missing )")),
        }
        lexer = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_orders() {
        let parts = parse(" .name,/size@num goos@(linux \"my os\")").unwrap();
        let seen: Vec<_> = parts.into_iter().map(|part| (part.key, part.order)).collect();
        let named = |name: &str| PartOrder::Named(name.to_owned());
        let fixed = PartOrder::Fixed(vec!["linux".to_owned(), "my os".to_owned()]);
        let expected = [(".name", named("first")), ("/size", named("num")), ("goos", fixed)];
        assert_eq!(seen, expected.map(|(key, order)| (key.to_owned(), order)));
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn messages_point_at_the_place() {
        let message = |query| parse(query).unwrap_err().to_string();
        assert_eq!(message(",a"), "syntax error: expected key\n\t,a\n\t^");
        assert_eq!(message("a,"), "syntax error: expected key\n\ta,\n\t  ^");
        assert_eq!(message("a@"), "syntax error: expected named sort order or parenthesized list\n\ta@\n\t  ^");
        assert_eq!(message("a@()"), "syntax error: nothing to match\n\ta@()\n\t   ^");
        assert_eq!(message("a@(b"), "syntax error: missing )\n\ta@(b\n\t    ^");
        assert_eq!(message("a@(b:"), "syntax error: missing )\n\ta@(b:\n\t    ^");
    }
}
