//! Bytes that are not a profile.

use std::fmt;

use super::wire::WireError;

/// The reason why bytes are not a profile; printed after the source's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// gzip that does not expand.
    Gzip(String),
    Empty,
    /// Neither profile.proto nor a legacy format.
    Unrecognized,
    /// Several profiles in one file, one after the other.
    Concatenated,
    /// Protobuf of the right shape with contradictory contents.
    Malformed(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Gzip(what) => write!(f, "decompressing profile: {what}"),
            ReadError::Empty => f.write_str("parsing profile: empty input file"),
            ReadError::Unrecognized => f.write_str("parsing profile: unrecognized profile format"),
            ReadError::Concatenated => f.write_str("parsing profile: concatenated profiles detected"),
            ReadError::Malformed(what) => write!(f, "malformed profile: {what}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<WireError> for ReadError {
    fn from(_: WireError) -> Self {
        ReadError::Unrecognized
    }
}
