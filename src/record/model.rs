//! The records of one run of a bench executable.

use std::path::PathBuf;

/// An object that was mapped while the bench ran: the executable, a shared library, or the vdso.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// As dl_iterate_phdr names it; the executable's own path for the first.
    pub path: PathBuf,
    /// Run-time address minus the address in the file (`p_vaddr`).
    pub bias: u64,
    /// The GNU build id; empty where the object has none.
    pub build_id: Vec<u8>,
    /// Executable PT_LOAD segments, addresses as in the file.
    pub text: Vec<Segment>,
    /// The object's bytes where they are not to be had from `path` (the vdso).
    pub image: Option<Vec<u8>>,
}

/// One executable PT_LOAD segment, addresses as in the file (before the bias is added).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub vaddr: u64,
    pub size: u64,
    pub file_offset: u64,
}

/// How far a stack walk came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Completeness {
    /// It reached the thread's start.
    Whole,
    /// It ended at code without unwind information, or at the depth limit.
    Cut,
}

/// A stack as recorded: run-time addresses, leaf first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    pub addresses: Vec<u64>,
    /// True where `addresses[0]` is the interrupted instruction itself (a CPU sample); otherwise it is a return address like all others.
    pub leaf_is_exact: bool,
    pub completeness: Completeness,
}

/// What one stack allocated inside the brackets of one pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StackCounts {
    pub allocs: u64,
    pub bytes: u64,
    pub reallocs: u64,
    /// Bytes by which its reallocs grew blocks.
    pub grown_bytes: u64,
    pub frees: u64,
    pub freed_bytes: u64,
}
