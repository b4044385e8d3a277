//! Names and lines, from the debug information of the program itself.

use std::os::raw::c_void;

use crate::profile::Frame;

/// The functions at the place of a call, the innermost inlined one first.
pub(crate) fn frames(address: u64) -> Vec<Frame> {
    let mut frames = Vec::new();
    // It takes one off, as of return addresses.
    backtrace::resolve(address.wrapping_add(1) as *mut c_void, |symbol| {
        let name = symbol.name().map_or_else(|| format!("{address:#x}"), |name| format!("{name:#}"));
        let file = symbol.filename().map_or_else(String::new, |file| file.display().to_string());
        frames.push(Frame { name, file, line: symbol.lineno().unwrap_or(0) });
    });
    frames
}
