//! Profiles from before profile.proto: gperftools', jemalloc's and Go's text formats, gperftools' CPU profiles, Java's.
//!
//! They hold addresses and a copy of /proc/PID/maps, rarely names. Each format has its file; all of them build
//! [`Stacks`].

mod contention;
mod count;
mod cpu;
mod frames;
mod heap;
mod java;
mod jemalloc;
mod lines;
mod maps;
mod stacks;
mod threads;

use regex::Regex;

use super::error::ReadError;
use super::model::Profile;
use crate::go::regexp;
use lines::Lines;

/// The reason why bytes are not a profile of a format.
#[derive(Debug)]
enum Refusal {
    /// They may be of another format.
    Other,
    /// They are of this format but invalid.
    Broken(String),
}

type Parsed<T = Profile> = Result<T, Refusal>;

fn broken<T>(reason: impl Into<String>) -> Parsed<T> {
    Err(Refusal::Broken(reason.into()))
}

/// Reads a profile of any of the formats.
pub fn read(data: &[u8]) -> Result<Profile, ReadError> {
    let readers: [fn(&[u8]) -> Parsed; 7] = [
        cpu::read,
        |data| heap::read(Lines::new(data)),
        |data| jemalloc::read(Lines::new(data)),
        |data| count::read(Lines::new(data)),
        |data| threads::read(Lines::new(data)),
        |data| contention::read(Lines::new(data)),
        java::read,
    ];
    for reader in readers {
        match reader(data) {
            Ok(mut profile) => {
                frames::set_dropped(&mut profile);
                return Ok(profile);
            }
            Err(Refusal::Other) => {}
            Err(Refusal::Broken(reason)) => return Err(ReadError::Malformed(reason)),
        }
    }
    Err(ReadError::Unrecognized)
}

/// A pattern of a format, in Go's syntax: classes such as `\d` are ASCII.
fn pattern(pattern: &str) -> Regex {
    regexp::compile(pattern).expect("the patterns are constants")
}
