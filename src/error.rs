//! The error of the whole tool: one line that says what is wrong and what to do, and the exit code it leads to.

use std::fmt;

use crate::exit;

/// What went wrong, as the user reads it, and the exit code of [`crate::exit`] that it leads to.
#[derive(Debug)]
pub struct Error {
    pub code: u8,
    pub message: String,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Error { code, message: message.into() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(exit::USAGE, message)
    }

    pub fn other(message: impl Into<String>) -> Self {
        Error::new(exit::ERROR, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        // One that has an exit code of its own keeps it.
        error.downcast().unwrap_or_else(|error| Error::other(format!("{error:#}")))
    }
}
