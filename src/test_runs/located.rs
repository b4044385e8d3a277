//! The places that a failed assertion of the library `memprof` names, `FILE+0xADDRESS`, with functions and lines.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::records::{Module, Segment};
use crate::symbolize::{Frame, Symbolizer, is_plumbing, trim};

/// `text` with the stacks in it named; all else is left as it is.
pub fn located(text: &str) -> String {
    let (mut out, mut stack) = (String::new(), Stack::default());
    for line in text.split_inclusive('\n') {
        match place(line) {
            Some((path, address)) => stack.push(path, address, line),
            None => {
                stack.end(&mut out);
                out.push_str(line);
            }
        }
    }
    stack.end(&mut out);
    out
}

/// The library indents frames by this.
const INDENT: &str = "      ";

fn place(line: &str) -> Option<(&str, u64)> {
    let (path, address) = line.strip_prefix(INDENT)?.trim_end().rsplit_once("+0x")?;
    let address = u64::from_str_radix(address, 16).ok()?;
    path.starts_with('/').then_some((path, address))
}

#[derive(Default)]
struct Stack {
    files: HashMap<PathBuf, Symbolizer>,
    /// Innermost first.
    frames: Vec<Frame>,
    lines: String,
}

impl Stack {
    fn push(&mut self, path: &str, address: u64, line: &str) {
        let symbolizer = self.files.entry(path.into()).or_insert_with(|| {
            // The address is that in the file.
            let text = vec![Segment { vaddr: 0, size: u64::MAX, file_offset: 0 }];
            Symbolizer::new(&[Module { path: path.into(), bias: 0, build_id: Vec::new(), text, image: None }])
        });
        self.frames.extend_from_slice(symbolizer.frames(address, true).1);
        self.lines.push_str(line);
    }

    /// Writes it without the allocator and the thread's start; as it was, if no frame has a name.
    fn end(&mut self, out: &mut String) {
        let (mut frames, lines) = (std::mem::take(&mut self.frames), std::mem::take(&mut self.lines));
        if frames.iter().all(|frame| frame.system_name.is_empty()) {
            out.push_str(&lines);
            return;
        }
        // The recorder calls std, too, within its allocator.
        let is_allocator = |frame: &Frame| is_plumbing(&frame.function) && frame.function.contains("GlobalAlloc>::");
        frames.drain(..frames.iter().position(is_allocator).unwrap_or(0));
        for frame in trim(frames) {
            let _ = match frame.line {
                0 => writeln!(out, "{INDENT}{}", frame.function),
                line => writeln!(out, "{INDENT}{}  {}:{line}", frame.function, frame.file),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_stays() {
        for text in ["", "a\n      b", "      /no/such/file+0x12\n  x\n", "      relative+0x12\n", "      /a+0xzz\n"] {
            assert_eq!(located(text), text);
        }
    }
}
