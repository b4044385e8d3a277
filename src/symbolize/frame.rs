//! The source position of an address.

use super::plumbing::Role;

/// One function at one line: a call as the programmer sees it, inlined or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Demangled, without hashes; `MODULE+0xOFFSET` (of the function's start, where that is
    /// known) or `0xADDRESS` where nothing names the code.
    pub function: String,
    /// The linker's name (mangled for Rust and C++); empty if unknown.
    pub system_name: String,
    /// As the compiler recorded it: absolute, or below `/rustc/HASH/` for std. Empty if unknown.
    pub file: String,
    /// From 1; 0 if unknown.
    pub line: u32,
    /// From 1.
    pub column: Option<u32>,
    /// Whether the compiler inlined this function into the next frame's.
    pub inlined: bool,
    /// The line on which the function is declared; 0 if unknown.
    pub start_line: u32,
}

/// An address of the code, and its frames. A name is long, and a stack has many: what a name tells is found out once.
#[derive(Debug)]
pub struct Place {
    /// At run time; within the call, unless it is an exact leaf.
    pub address: u64,
    /// Index of the module that holds it.
    pub module: Option<usize>,
    /// Innermost first; the last one is the function that the code was compiled into, the others were inlined. At least
    /// one.
    pub frames: Vec<Frame>,
    /// Of each frame.
    pub(super) roles: Vec<Role>,
}

/// Some of a place's frames, next to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// The number of its place in the symbolizer.
    pub(super) place: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Place {
    pub(super) fn new(address: u64, module: Option<usize>, frames: Vec<Frame>) -> Place {
        let roles = frames.iter().map(|frame| Role::of(&frame.function)).collect();
        Place { address, module, frames, roles }
    }
}
