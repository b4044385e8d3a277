//! Records: this process's messages to the tool, one after the other in an append-only file.
//!
//! Each is `kind: u32, length: u64, payload`, little-endian, written by one call; a crash leaves whole records and at
//! most one cut one, which the reader drops. Records are only made between brackets.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use crate::entry::Entry;
use crate::{fork, shared};

/// Version of the record format; the reader refuses others.
pub const VERSION: u32 = 3;

pub const START: u32 = 1;
pub const OBJECT: u32 = 2;
pub const BENCHMARK: u32 = 3;
pub const BEGIN: u32 = 4;
pub const TIMED: u32 = 5;
pub const COUNTED: u32 = 6;
pub const STACKS: u32 = 7;
pub const SAMPLES: u32 = 8;
pub const DONE: u32 = 9;
pub const NOT_LINKED: u32 = 10;
pub const NO_SAMPLER: u32 = 11;
pub const VERIFIED: u32 = 12;
pub const FREED: u32 = 13;
pub const PEAKS: u32 = 14;
pub const UNTIMED: u32 = 15;
pub const LIVES: u32 = 16;
pub const WAITS: u32 = 17;

/// Printed if the disk is full, for instance; the tool looks for it.
const CANNOT_WRITE: &str = "cargo-memprof: cannot write what was recorded";

/// The process is at its end.
pub static ENDING: AtomicBool = AtomicBool::new(false);

/// Bytes before the payload.
const HEADER: usize = 12;

/// A fork's child inherits the file, and does not write.
static OUT: Mutex<Option<File>> = Mutex::new(None);

/// Opens the file that records go to.
pub fn open(path: &str) -> std::io::Result<()> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    *OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(file);
    Ok(())
}

/// A record in the making.
pub struct Record(Vec<u8>);

impl Record {
    pub fn new(kind: u32) -> Record {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Record(bytes)
    }

    pub fn u32(mut self, value: u32) -> Record {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub fn u64(mut self, value: u64) -> Record {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub fn bytes(self, value: &[u8]) -> Record {
        let mut record = self.u32(value.len() as u32);
        record.0.extend_from_slice(value);
        record
    }

    pub fn u64s(mut self, values: &[u64]) -> Record {
        for &value in values {
            self.0.extend_from_slice(&value.to_le_bytes());
        }
        self
    }

    /// A stack, leaf first; `None` where it could not be kept, for want of memory.
    pub fn stack(self, entry: Option<&Entry>) -> Record {
        let addresses: Vec<u64> = entry.map_or(Vec::new(), |entry| entry.addresses().iter().rev().copied().collect());
        let cut = entry.map_or(true, |entry| entry.cut());
        self.u32(u32::from(cut)).u32(addresses.len() as u32).u64s(&addresses)
    }

    /// Overwrites the 32-bit number at `at` of the payload.
    pub fn patch_u32(&mut self, at: usize, value: u32) {
        self.0[HEADER + at..HEADER + 4 + at].copy_from_slice(&value.to_le_bytes());
    }

    /// Writes it.
    pub fn emit(mut self) {
        let length = (self.0.len() - HEADER) as u64;
        self.0[4..HEADER].copy_from_slice(&length.to_le_bytes());
        write(&self.0);
    }
}

/// Writes a record of up to [`SHORT`] words, made without the allocator under observation.
pub fn emit_short(kind: u32, words: impl IntoIterator<Item = u32>) {
    let mut bytes = [0; HEADER + 4 * SHORT];
    bytes[..4].copy_from_slice(&kind.to_le_bytes());
    let mut end = HEADER;
    for (word, room) in words.into_iter().zip(bytes[HEADER..].chunks_exact_mut(4)) {
        room.copy_from_slice(&word.to_le_bytes());
        end += 4;
    }
    bytes[4..HEADER].copy_from_slice(&((end - HEADER) as u64).to_le_bytes());
    write(&bytes[..end]);
}

/// See [`emit_short`].
pub const SHORT: usize = 512;

/// The first record that cannot be written whole is the last: anything behind it would be misread.
fn write(bytes: &[u8]) {
    if fork::is_child() {
        return;
    }
    let mut out = OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if shared::append(bytes) {
        return;
    }
    if let Some(Err(error)) = out.as_mut().map(|out| out.write_all(bytes)) {
        *out = None;
        drop(out);
        eprintln!("{}: {}", CANNOT_WRITE, error);
        // A process that is ending may not start to exit again.
        if !ENDING.load(Ordering::Relaxed) {
            std::process::exit(74);
        }
    }
}

/// The description of a benchmark by a harness's hook: the group that it is compared in, its parameter there, and the
/// amount of work in one iteration.
pub fn description(group: Option<&str>, parameter: Option<&str>, throughput: Option<(&str, u64)>) -> String {
    let group = group.map(|group| format!("\"group_id\":{},\"function_id\":\"\"", quoted(group)));
    let throughput = throughput.map(|(unit, n)| format!("\"throughput\":{{{}:{}}}", quoted(unit), n));
    let parameter = parameter.map(|parameter| format!("\"value_str\":{}", quoted(parameter)));
    let parts: Vec<String> = group.into_iter().chain(parameter).chain(throughput).collect();
    format!("{{{}}}", parts.join(","))
}

/// As a JSON string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if (c as u32) < 0x20 => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_json() {
        assert_eq!(description(None, None, None), "{}");
        assert_eq!(
            description(Some("a\"\n"), Some("64"), Some(("Bytes", 7))),
            r#"{"group_id":"a\"\u000a","function_id":"","value_str":"64","throughput":{"Bytes":7}}"#
        );
    }
}
