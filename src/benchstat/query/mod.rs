//! The two small languages of the flags: filters (`-filter`) choose measurements, projections (`-table`, `-row`,
//! `-col`, `-ignore`) choose the keys that group them.
//! <https://pkg.go.dev/golang.org/x/perf/benchproc/syntax>

pub mod filter;
pub mod filter_syntax;
pub mod key;
pub mod lexer;
pub mod order;
pub mod projection;
pub mod projection_syntax;
pub mod projections;
pub mod quote;

use std::fmt;

/// An error in an expression: the message, the expression, and a caret under the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    pub query: String,
    /// Byte offset in `query`.
    pub offset: usize,
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.query.char_indices().take_while(|(place, _)| *place < self.offset);
        let column = before.filter(|(_, character)| quote::is_graphic(*character)).count();
        write!(f, "syntax error: {}\n\t{}\n\t{:column$}^", self.message, self.query, "")
    }
}
