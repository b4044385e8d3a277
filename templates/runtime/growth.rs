//! How blocks grew. The runtime writes it and the tool reads it, so both compile this file.
#![allow(dead_code)]

/// The growth of the blocks of one stack, counted at the stack where each block began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Growth {
    /// All blocks that began there, and those that grew.
    pub blocks: u64,
    pub grown: u64,
    /// How often they grew in total.
    pub steps: u64,
    /// Allocator calls for them; the sum of all their sizes over time; the sum of their last sizes only.
    pub calls: u64,
    pub bytes: u64,
    pub last_bytes: u64,
    /// The smallest and the largest of the last sizes.
    pub least_last: u64,
    pub most_last: u64,
}

impl Growth {
    /// In the order of a record.
    pub fn words(self) -> [u64; 8] {
        let Growth { blocks, grown, steps, calls, bytes, last_bytes, least_last, most_last } = self;
        [blocks, grown, steps, calls, bytes, last_bytes, least_last, most_last]
    }

    pub fn of_words([blocks, grown, steps, calls, bytes, last_bytes, least_last, most_last]: [u64; 8]) -> Growth {
        Growth { blocks, grown, steps, calls, bytes, last_bytes, least_last, most_last }
    }
}
