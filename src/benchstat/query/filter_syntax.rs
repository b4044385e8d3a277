//! Filter expressions: `key:value`, `key:/regexp/`, `key:(a OR b)`, combined with AND (or nothing), OR, `-` and
//! parentheses.

use regex::Regex;

use super::SyntaxError;
use super::lexer::{Lexer, Token};
use super::quote::quote;

#[derive(Debug, Clone)]
pub enum Expression {
    Match(Match),
    Not(Box<Expression>),
    /// All of them; without any, everything matches.
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

#[derive(Debug, Clone)]
pub struct Match {
    pub key: String,
    /// Byte offset of the key, for messages.
    pub offset: usize,
    pub value: Pattern,
}

#[derive(Debug, Clone)]
pub enum Pattern {
    Literal(String),
    Regexp(Regex),
}

impl Pattern {
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Literal(literal) => literal == text,
            Pattern::Regexp(regexp) => regexp.is_match(text),
        }
    }
}

pub fn parse(query: &str) -> Result<Expression, SyntaxError> {
    let (expression, mut lexer) = alternatives(Lexer::new(query))?;
    lexer.end()?;
    Ok(expression)
}

/// Terms with OR between them.
fn alternatives(mut lexer: Lexer<'_>) -> Result<(Expression, Lexer<'_>), SyntaxError> {
    let mut terms = Vec::new();
    loop {
        let (term, mut behind) = conjunction(lexer)?;
        terms.push(term);
        match behind.key()? {
            (Token::Or, next) => lexer = next,
            _ => return Ok((single_or(terms, Expression::Or), behind)),
        }
    }
}

/// Terms with AND or nothing between them.
fn conjunction(lexer: Lexer<'_>) -> Result<(Expression, Lexer<'_>), SyntaxError> {
    let (term, mut lexer) = term(lexer)?;
    let mut terms = vec![term];
    loop {
        match lexer.key()? {
            (Token::And, next) => lexer = next,
            (Token::Operator('(' | '-' | '*') | Token::Word(_) | Token::Quoted(_), _) => {
                let (term, next) = self::term(lexer)?;
                terms.push(term);
                lexer = next;
            }
            (Token::Operator(')') | Token::Or | Token::End, _) => {
                return Ok((single_or(terms, Expression::And), lexer));
            }
            (token, _) => return Err(lexer.error(format!("unexpected {}", quote(&token.text())))),
        }
    }
}

/// One match, negation or parenthesis.
fn term(mut start: Lexer<'_>) -> Result<(Expression, Lexer<'_>), SyntaxError> {
    let (token, mut rest) = start.key()?;
    match token {
        Token::Operator('(') => {
            let (inner, mut rest) = alternatives(rest)?;
            match rest.key()? {
                (Token::Operator(')'), behind) => Ok((inner, behind)),
                _ => Err(rest.error("missing \")\"")),
            }
        }
        Token::Operator('-') => {
            let (inner, behind) = term(rest)?;
            Ok((Expression::Not(Box::new(inner)), behind))
        }
        Token::Operator('*') => Ok((Expression::And(Vec::new()), rest)),
        Token::Word(key) | Token::Quoted(key) => {
            let offset = start.offset();
            let expected = || start.error("expected key:value");
            let (Token::Operator(':'), mut rest) = rest.key()? else { return Err(expected()) };
            let (value, rest) = rest.value()?;
            match value {
                Token::Operator('(') => values(key, offset, rest),
                value => {
                    let value = pattern(value).ok_or_else(expected)?;
                    Ok((Expression::Match(Match { key, offset, value }), rest))
                }
            }
        }
        _ => Err(start.error("expected key:value or subexpression")),
    }
}

/// The rest of `key:(a OR b)`, after the parenthesis.
fn values(key: String, offset: usize, mut lexer: Lexer<'_>) -> Result<(Expression, Lexer<'_>), SyntaxError> {
    let mut terms = Vec::new();
    loop {
        let (value, mut behind) = lexer.value()?;
        let value = pattern(value).ok_or_else(|| lexer.error("expected value"))?;
        terms.push(Expression::Match(Match { key: key.clone(), offset, value }));
        match behind.value()? {
            (Token::Operator(')'), next) => return Ok((Expression::Or(terms), next)),
            (Token::Or, next) => lexer = next,
            _ => return Err(behind.error("value list must be separated by OR")),
        }
    }
}

fn pattern(token: Token) -> Option<Pattern> {
    match token {
        Token::Word(word) | Token::Quoted(word) => Some(Pattern::Literal(word)),
        Token::Regexp(regexp) => Some(Pattern::Regexp(regexp)),
        _ => None,
    }
}

fn single_or(mut terms: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    if terms.len() == 1 { terms.remove(0) } else { join(terms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(query: &str) -> String {
        parse(query).unwrap_err().to_string()
    }

    #[test]
    fn well_formed() {
        for query in [
            "*",
            "a:b",
            "a:b c:d AND e:/f/",
            "-(a:b OR -c:d)",
            "\"a b\":(x OR \"y z\" OR /w/)",
            "a:b AND",
            ".unit:(ns/op OR B/op)",
            "a:b-c",
        ] {
            assert!(parse(query).is_ok(), "{query}");
        }
    }

    #[test]
    fn messages_point_at_the_place() {
        assert_eq!(message(".unit:("), "syntax error: expected value\n\t.unit:(\n\t       ^");
        assert_eq!(message(""), "syntax error: expected key:value or subexpression\n\t\n\t^");
        assert_eq!(message("  a"), "syntax error: expected key:value\n\t  a\n\t  ^");
        assert_eq!(message("(a:b"), "syntax error: missing \")\"\n\t(a:b\n\t    ^");
        assert_eq!(message("a:b )"), "syntax error: unexpected \")\"\n\ta:b )\n\t    ^");
        assert_eq!(message("a:b ,"), "syntax error: unexpected \",\"\n\ta:b ,\n\t    ^");
        assert_eq!(message("a:(b c)"), "syntax error: value list must be separated by OR\n\ta:(b c)\n\t     ^");
        assert_eq!(message("a:\"b"), "syntax error: missing end quote\n\ta:\"b\n\t  ^");
        assert_eq!(message("a:/b"), "syntax error: missing close \"/\"\n\ta:/b\n\t  ^");
        let text =
            "syntax error: regexp must be followed by space or an operator (unescaped \"/\"?)\n\ta:/b/c\n\t     ^";
        assert_eq!(message("a:/b/c"), text);
    }
}
