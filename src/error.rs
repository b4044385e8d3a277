//! The error of the whole tool: one line that says what is wrong and what to do next, and the exit code it leads to.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};

use crate::exit;

/// An error, with its causes as sources; [`Error::line`] is the text that the user reads.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Wrong arguments.
    #[error("{0}")]
    Usage(String),
    /// No workspace, or a configuration that cannot be used.
    #[error("{0}")]
    Project(String),
    /// The user's code does not build.
    #[error("{0}")]
    BuildFailed(String),
    /// Nothing matched, or nothing could be counted.
    #[error("{0}")]
    NothingMeasured(String),
    /// Ctrl-C, or a polite request to end.
    #[error("interrupted")]
    Interrupted,
    /// A file or folder.
    #[error("cannot {action} {}", path.display())]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    /// Another process of this tool ended with this exit code.
    #[error("{message}")]
    OtherRun { code: u8, message: String },
    /// Something else, with its cause.
    #[error("{context}")]
    With { context: String, source: Box<dyn StdError + Send + Sync> },
    #[error("{0}")]
    Other(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn usage(message: impl Into<String>) -> Self {
        Error::Usage(message.into())
    }

    pub fn project(message: impl Into<String>) -> Self {
        Error::Project(message.into())
    }

    pub fn nothing_measured(message: impl Into<String>) -> Self {
        Error::NothingMeasured(message.into())
    }

    pub fn other(message: impl Into<String>) -> Self {
        Error::Other(message.into())
    }

    /// `cannot ACTION PATH: …`.
    pub fn file(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::File { action, path: path.as_ref().to_owned(), source }
    }

    /// `CONTEXT: …`.
    pub fn with(context: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Error::With { context: context.into(), source: source.into() }
    }

    /// `cannot run PROGRAM: …`.
    pub fn run(command: &std::process::Command, source: std::io::Error) -> Self {
        Error::with(format!("cannot run {}", command.get_program().display()), source)
    }

    /// The exit code of [`crate::exit`] that it leads to.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => exit::USAGE,
            Error::Project(_) => exit::NO_WORKSPACE,
            Error::BuildFailed(_) => exit::BUILD_FAILED,
            Error::NothingMeasured(_) => exit::NOTHING_MEASURED,
            Error::OtherRun { code, .. } => *code,
            Error::Interrupted | Error::File { .. } | Error::With { .. } | Error::Other(_) => exit::ERROR,
        }
    }

    /// The error with all of its causes, in one line.
    pub fn line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_stand_behind_the_error() {
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = Error::with("cannot keep the baseline", Error::file("write", "/x/y", full()));
        assert_eq!(error.line(), format!("cannot keep the baseline: cannot write /x/y: {}", full()));
        assert_eq!(error.exit_code(), exit::ERROR);
    }
}
