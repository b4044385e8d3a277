//! Words and operators of both languages.
//!
//! A lexer is a cheap copy of a position: to look ahead, lex from a copy. The lexer itself skips white space before a
//! token, so that an error at "here" points after it.

use regex::Regex;

use super::{SyntaxError, quote};
use crate::go::regexp;

#[derive(Debug, Clone)]
pub enum Token {
    /// A word without quotes.
    Word(String),
    /// A quoted word, unescaped.
    Quoted(String),
    Regexp(Regex),
    /// The word AND.
    And,
    /// The word OR.
    Or,
    /// One of `( ) : @ , - *`.
    Operator(char),
    End,
}

impl Token {
    /// The word, quoted or not.
    pub fn into_word(self) -> Option<String> {
        match self {
            Token::Word(word) | Token::Quoted(word) => Some(word),
            _ => None,
        }
    }

    /// The token as messages name it.
    pub fn text(&self) -> String {
        match self {
            Token::Word(word) | Token::Quoted(word) => word.clone(),
            Token::Regexp(regexp) => regexp.as_str().to_owned(),
            Token::And => "AND".to_owned(),
            Token::Or => "OR".to_owned(),
            Token::Operator(operator) => operator.to_string(),
            Token::End => String::new(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Lexer<'a> {
    query: &'a str,
    /// Byte offset of the unread rest.
    position: usize,
}

/// Operators everywhere.
fn is_operator(character: char) -> bool {
    matches!(character, '(' | ')' | ':' | '@' | ',')
}

/// Operators at the start of a token; `-` and `*` inside of a word belong to it.
fn is_starting_operator(character: char) -> bool {
    is_operator(character) || matches!(character, '-' | '*')
}

impl<'a> Lexer<'a> {
    pub fn new(query: &'a str) -> Self {
        Lexer { query, position: 0 }
    }

    /// Byte offset of the next token, once it has been peeked at.
    pub fn offset(&self) -> usize {
        self.position
    }

    /// The next token where keys and operators are expected, and the lexer after it.
    pub fn key(&mut self) -> Result<(Token, Lexer<'a>), SyntaxError> {
        self.next(false)
    }

    /// The next token where a value may stand, which may be a regular expression.
    pub fn value(&mut self) -> Result<(Token, Lexer<'a>), SyntaxError> {
        self.next(true)
    }

    /// Fails unless everything has been read.
    pub fn end(&mut self) -> Result<(), SyntaxError> {
        match self.key()? {
            (Token::End, _) => Ok(()),
            (token, _) => Err(self.error(format!("unexpected {}", quote::quote(&token.text())))),
        }
    }

    /// An error at this place.
    pub fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { query: self.query.to_owned(), offset: self.position, message: message.into() }
    }

    fn next(&mut self, regexp_allowed: bool) -> Result<(Token, Lexer<'a>), SyntaxError> {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start().len();
        let rest = self.rest();
        match rest.chars().next() {
            None => Ok((Token::End, *self)),
            Some(operator) if is_starting_operator(operator) => Ok((Token::Operator(operator), self.skip(1))),
            Some('/') if regexp_allowed => self.regexp(),
            Some('"') => self.quoted_word(),
            Some(_) => {
                let end = rest.find(|c: char| c.is_whitespace() || is_operator(c)).unwrap_or(rest.len());
                let token = match &rest[..end] {
                    "AND" => Token::And,
                    "OR" => Token::Or,
                    word => Token::Word(word.to_owned()),
                };
                Ok((token, self.skip(end)))
            }
        }
    }

    fn quoted_word(&self) -> Result<(Token, Lexer<'a>), SyntaxError> {
        let bytes = self.rest().as_bytes();
        let end = (1..bytes.len()).find(|&at| bytes[at] == b'"' && bytes[at - 1] != b'\\');
        let end = end.ok_or_else(|| self.error("missing end quote"))? + 1;
        let word = quote::unquote(&self.rest()[..end]).ok_or_else(|| self.error("bad escape sequence"))?;
        Ok((Token::Quoted(word), self.skip(end)))
    }

    fn regexp(&self) -> Result<(Token, Lexer<'a>), SyntaxError> {
        let rest = &self.rest()[1..];
        let length = regexp_length(rest).ok_or_else(|| self.error("missing close \"/\""))?;
        let regexp = regexp::compile(&rest[..length]).map_err(|message| self.error(message))?;
        let behind = self.skip(1 + length + 1);
        // Otherwise a "/" inside the expression would end it unnoticed.
        match behind.rest().chars().next() {
            Some(next) if !next.is_whitespace() && !is_starting_operator(next) => {
                Err(behind.error("regexp must be followed by space or an operator (unescaped \"/\"?)"))
            }
            _ => Ok((Token::Regexp(regexp), behind)),
        }
    }

    fn rest(&self) -> &'a str {
        &self.query[self.position..]
    }

    fn skip(&self, bytes: usize) -> Lexer<'a> {
        Lexer { position: self.position + bytes, ..*self }
    }
}

/// The length of the regular expression up to the first `/` outside of brackets, parentheses and escapes.
fn regexp_length(text: &str) -> Option<usize> {
    let (mut brackets, mut parentheses) = (0i32, 0i32);
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'/' if brackets == 0 && parentheses == 0 => return Some(at),
            b'[' => brackets += 1,
            // An unmatched ] is itself.
            b']' => brackets = (brackets - 1).max(0),
            b'(' if brackets == 0 => parentheses += 1,
            b')' if brackets == 0 => parentheses -= 1,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_end_at_their_own_slash() {
        assert_eq!(regexp_length("a[/]b(c/d)\\//x"), Some(12));
        assert_eq!(regexp_length("(/"), None);
        assert_eq!(regexp_length("])/"), None);
    }

    #[test]
    fn words_and_operators() {
        let mut lexer = Lexer::new("  -foo-bar*:(\"a b\" OR AND,");
        let mut texts = Vec::new();
        loop {
            let (token, next) = lexer.key().unwrap();
            if matches!(token, Token::End) {
                break;
            }
            texts.push(token.text());
            lexer = next;
        }
        assert_eq!(texts, ["-", "foo-bar*", ":", "(", "a b", "OR", "AND", ","]);
    }
}
