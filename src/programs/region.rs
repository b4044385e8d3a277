//! The memory that a program shares with the tool, read from outside: while it runs, and after it, however it ended.
//!
//! `templates/runtime/shared.rs` lays it out: a first page of words, and the structures that they lead to.

use std::fs::File;
use std::path::Path;

use crate::{Error, Result, os};

#[path = "../../templates/runtime/word.rs"]
pub mod word;

const PAGE: usize = 4096;
/// The most that a program may map of it: only used pages take memory.
const LARGEST: u64 = 1 << 38;

/// Room for the log, the rings and a few stacks.
const SMALLEST: u64 = 1 << 27;

/// The file in memory.
#[derive(Debug)]
pub struct Region {
    file: File,
}

impl Region {
    /// An empty one, that goes when its last user does.
    pub fn make() -> Result<Region> {
        let cannot =
            |e: &dyn std::fmt::Display| Error::other(format!("cannot make memory to share with a program: {e}"));
        let limit = os::largest_file();
        if limit < SMALLEST {
            return Err(cannot(&format!("files may have {limit} bytes (ulimit -f), and it needs {SMALLEST}")));
        }
        let file = os::file_in_memory().map_err(|e| cannot(&e))?;
        file.set_len(LARGEST.min(limit)).map_err(|e| cannot(&e))?;
        Ok(Region { file })
    }

    /// The one that another process has made and still holds open.
    pub fn open(path: &Path) -> std::io::Result<Region> {
        Ok(Region { file: File::options().read(true).write(true).open(path)? })
    }

    /// The same memory, for another thread.
    pub fn again(&self) -> Result<Region> {
        let file = self.file.try_clone();
        Ok(Region { file: file.map_err(|e| Error::with("cannot share a program's memory with a thread", e))? })
    }

    /// By this path another process of the same user opens it.
    pub fn path(&self) -> String {
        os::path_of(&self.file)
    }

    /// Bytes of it that are resident in memory.
    pub fn resident(&self) -> u64 {
        os::resident(&self.file)
    }

    /// A program that writes out of bounds may have left any length there: no more than `MOST` is read.
    pub fn bytes(&self, offset: u64, len: usize) -> Vec<u8> {
        const MOST: usize = 1 << 30;
        let len = len.min(MOST);
        let mut bytes = vec![0; len];
        let mut got = 0;
        while got < len {
            match os::read_at(&self.file, &mut bytes[got..], offset + got as u64) {
                Ok(n @ 1..) => got += n,
                _ => break,
            }
        }
        bytes
    }

    pub fn words(&self, offset: u64, len: usize) -> Vec<u64> {
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        self.bytes(offset, len.saturating_mul(8)).chunks_exact(8).map(word).collect()
    }

    #[cfg(test)]
    pub fn write(&self, offset: usize, words: &[u64]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        os::write_all_at(&self.file, &bytes, offset as u64).unwrap();
    }

    /// Sets a word of the first page, which the program looks at.
    pub fn set(&self, place: usize, value: u64) -> std::io::Result<()> {
        os::write_all_at(&self.file, &value.to_le_bytes(), place as u64 * 8)
    }

    /// Writes to memory that the program has set aside for it.
    pub fn fill(&self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        os::write_all_at(&self.file, bytes, offset)
    }

    /// The first page as it is now.
    pub fn header(&self) -> Header {
        Header(self.words(0, PAGE / 8))
    }
}

/// The first page.
pub struct Header(Vec<u64>);

impl Header {
    pub fn word(&self, place: usize) -> u64 {
        self.0.get(place).copied().unwrap_or(0)
    }

    /// Whether recording has begun.
    pub fn is_begun(&self) -> bool {
        self.word(word::MAGIC) == word::MARK && self.word(word::VERSION) == word::LAYOUT
    }

    /// The offset of the memory that the program has at `address`.
    pub fn offset(&self, address: u64) -> u64 {
        address.wrapping_sub(self.word(word::BASE))
    }

    /// Processes that the program forked, as far as they fit.
    pub fn children(&self) -> (usize, Vec<u32>) {
        let number = self.word(word::CHILDREN_LEN) as usize;
        let named = (0..number.min(word::CHILDREN_MOST)).map(|i| self.word(word::CHILDREN + i) as u32);
        (number, named.filter(|&pid| pid != 0).collect())
    }
}
