//! Tables to walk stacks by, for the libraries that a program opens while it runs: it waits for them in dlopen.

use super::recorded;
use super::region::{Header, Region, word};
use crate::measure::Tables;

/// The answers so far.
#[derive(Debug, Default)]
pub struct Libraries {
    answered: u64,
    /// Objects whose tables the program has; 0 before the first answer.
    known: usize,
    /// Bytes of the room that are in use.
    used: u64,
}

impl Libraries {
    /// Answers the program's question, if there is one.
    pub fn answer(&mut self, region: &Region, header: &Header, tables: &mut Tables) {
        let (wanted, room) = (header.word(word::WANTED_LIBRARIES), header.word(word::LIBRARIES));
        if room == 0 || wanted == self.answered {
            if self.known == 0 && room != 0 {
                // The libraries it was started with.
                self.known = recorded::log(region, header).modules.len();
            }
            return;
        }
        self.answered = wanted;
        let modules = recorded::log(region, &region.header()).modules;
        let new = modules.get(self.known.max(1)..).unwrap_or_default();
        self.known = modules.len();
        let bytes = if new.is_empty() { Vec::new() } else { tables.bytes(new).unwrap_or_default() };
        let fits = self.used + bytes.len() as u64 <= header.word(word::LIBRARIES_LEN);
        let is_there = fits && region.fill(room + self.used, &bytes).is_ok();
        let len = if is_there { bytes.len() as u64 } else { 0 };
        // Without an answer the program goes on after a while.
        let _ = [(word::LIBRARY_AT, self.used), (word::LIBRARY_LEN, len), (word::DONE_LIBRARIES, wanted)]
            .into_iter()
            .try_for_each(|(place, value)| region.set(place, value));
        self.used += len.next_multiple_of(16);
    }
}
