use std::fmt;
use std::time::{Instant, SystemTime};

use crate::embed::Refusal;

/// When a recording started.
pub(crate) type Started = (SystemTime, Instant);

/// The result of starting, stopping or writing a profile.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a profile cannot be had. Its text says what to do.
///
/// ```
/// assert!(memprof::Error::NotInstalled.to_string().contains("#[global_allocator]"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The program's `#[global_allocator]` is not a [`crate::Allocator`].
    NotInstalled,
    /// It runs already.
    AlreadyStarted,
    /// It does not run.
    NotStarted,
    /// Stacks and CPU samples need x86-64 or AArch64 Linux with glibc.
    Unsupported,
    /// The kernel gives no memory, or no clock that could interrupt threads.
    Refused,
    /// The profile could not be written.
    Io(std::io::Error),
    /// Nothing can be served at the address.
    Address(String),
}

/// Said by every way of counting that finds no allocator to count.
pub(crate) const HOW_TO_INSTALL: &str = "nothing can be counted: declare the allocator once in the program or test \
     file: #[global_allocator] static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotInstalled => f.write_str(HOW_TO_INSTALL),
            Error::AlreadyStarted => f.write_str("it is running already: stop it first"),
            Error::NotStarted => f.write_str("it is not running: start it first"),
            Error::Unsupported => {
                f.write_str("stacks and CPU samples need x86-64 or AArch64 Linux with glibc; counts work here")
            }
            Error::Refused => f.write_str("the system gives no memory or no CPU timers: check limits (ulimit -a)"),
            Error::Io(error) => write!(f, "cannot write the profile: {error}"),
            Error::Address(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::Io(error)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Running => Error::AlreadyStarted,
            Refusal::NotRunning => Error::NotStarted,
            Refusal::NoMeans => Error::Refused,
            Refusal::NoStacks => Error::Unsupported,
        }
    }
}
