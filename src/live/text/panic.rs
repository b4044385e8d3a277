//! The stacks of all threads in the form of a Go panic: `goroutine?debug=2`.

use std::fmt::Write as _;

use super::stacks::Stacks;
use crate::go::quote::quoted;

/// Of a longer stack, so many frames at its leaf and at its root are shown.
const INNERMOST: usize = 50;
const OUTERMOST: usize = 50;

/// A thread of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    pub id: u64,
    /// Its state or wait: `running`, `sleep`, `select`, …
    pub state: String,
    /// Whole minutes that it has been waiting for.
    pub minutes: u64,
    /// As in the profile's labels: keys and texts.
    pub labels: Vec<(String, String)>,
    /// Locations of the profile, leaf first.
    pub stack: Vec<u32>,
}

/// The text; arguments are not known, and where a thread was made is not, either.
pub fn panic(stacks: &Stacks<'_>, threads: &[Thread]) -> String {
    let threads: Vec<String> = threads.iter().map(|thread| header(thread) + &calls(stacks, &thread.stack)).collect();
    threads.join("\n")
}

fn header(thread: &Thread) -> String {
    let mut out = format!("goroutine {} [{}", thread.id, thread.state);
    if thread.minutes >= 1 {
        write!(out, ", {} minutes", thread.minutes).ok();
    }
    out.push(']');
    let labels: Vec<String> =
        thread.labels.iter().map(|(key, value)| format!("{}: {}", plain(key), plain(value))).collect();
    if !labels.is_empty() {
        write!(out, " {{{}}}", labels.join(", ")).ok();
    }
    out + ":\n"
}

/// In quotes only where there is something to quote.
fn plain(text: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '/' | '_');
    if text.chars().all(is_plain) { text.to_owned() } else { quoted(text) }
}

fn calls(stacks: &Stacks<'_>, stack: &[u32]) -> String {
    let mut calls = Vec::new();
    for location in stack.iter().map(|&location| stacks.location(location)) {
        for (index, line) in location.lines.iter().enumerate() {
            let (name, file) = stacks.function(line.function);
            // The others are inlined into the last.
            let is_compiled = index + 1 == location.lines.len();
            let start = (stacks.starts)(location.address).filter(|_| is_compiled);
            // Here it is the return address.
            let offset = start.map(|start| format!(" +{:#x}", location.address.wrapping_add(1).wrapping_sub(start)));
            calls.push(format!("{name}(...)\n\t{file}:{}{}\n", line.line, offset.unwrap_or_default()));
        }
    }
    if calls.len() > INNERMOST + OUTERMOST {
        let elided = calls.len() - INNERMOST - OUTERMOST;
        calls.splice(INNERMOST..INNERMOST + elided, [format!("...{elided} frames elided...\n")]);
    }
    calls.concat()
}
