//! The first functions of musl's threads. musl is built without unwind information, so that no rule says where a stack ends: it
//! ends where it reaches one of these, known by name.

use object::ReadRef;

use super::elf::{Elf, Function};
use super::rule::Rule;
use super::spans::Spans;

/// They call the main function.
const MAIN: [&[u8]; 4] = [b"__libc_start_main", b"libc_start_main_stage2", b"_start_c", b"_start"];
/// They call another thread's function; only in a library that has one of the others.
const THREAD: [&[u8]; 3] = [b"start", b"start_c11", b"__clone"];

/// Adds those that no function in `spans` (sorted) covers.
pub(super) fn collect<'data>(elf: &Elf<'data, impl ReadRef<'data>>, spans: &mut Spans) {
    let uncovered: Vec<Function> =
        elf.functions().into_iter().filter(|function| !spans.covers(function.code.start)).collect();
    let named = |names: &[&[u8]]| -> Vec<&Function> {
        uncovered.iter().filter(|function| names.contains(&elf.name(function))).collect()
    };
    let first = named(&MAIN);
    if first.iter().all(|function| !MAIN[..2].contains(&elf.name(function))) {
        return;
    }
    for function in first.into_iter().chain(named(&THREAD)) {
        spans.begin(function.code.clone());
        spans.change(function.code.start, Rule::OUTERMOST);
    }
}
