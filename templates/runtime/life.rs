//! Facts about the blocks of one stack, and about blocks that took each other's place.

use std::collections::{BTreeMap, BTreeSet};

use crate::growth::Growth;

impl Growth {
    pub(crate) fn ended(&mut self, story: Story, last: u64) {
        self.least_last = if self.blocks == 0 { last } else { self.least_last.min(last) };
        self.most_last = self.most_last.max(last);
        self.blocks += 1;
        self.grown += u64::from(story.steps > 0);
        self.steps += story.steps;
        self.calls += story.calls;
        self.bytes += story.bytes;
        self.last_bytes += last;
    }
}

/// The events of one stack's blocks; sums over brackets, except where it says otherwise.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Life {
    pub fresh: u64,
    pub zeroed: u64,
    pub grown: u64,
    pub shrunk: u64,
    /// Calls by size.
    pub sizes: BTreeMap<u64, u64>,
    /// Calls of sizes that did not fit in `sizes`.
    pub other_sizes: u64,
    /// Of the blocks that began here: ended in the bracket by the thread that began them, by another one, not at all.
    pub freed: u64,
    pub freed_elsewhere: u64,
    pub kept: u64,
    /// Reallocs here of blocks that are older than the bracket.
    pub of_older: u64,
    /// By realloc.
    pub grew: Growth,
    /// Of those, the blocks that are in no succession.
    pub alone: Growth,
    /// The stacks, with counts, at which blocks that began here grew by realloc.
    pub grew_at: BTreeMap<u32, u64>,
    /// The stacks, with counts, at which blocks that began here were freed, if that was asked for.
    pub freed_at: BTreeMap<u32, u64>,
    /// Bytes live at the highest moment of the bracket with the highest.
    pub peak_bytes: u64,
    /// The most blocks that lived at once of those that began here.
    pub most_live: u64,
    /// The threads that allocated here in the first bracket.
    pub threads: BTreeSet<u32>,
    /// Brackets in which it was called at all.
    pub brackets: u64,
}

/// When a block of the first bracket lived, in numbers of events: the spans of several blocks tell how many lived at
/// once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where the block began.
    pub entry: u32,
    /// One more than the index of the span whose block it replaced; 0 if there is none.
    pub follows: u32,
    pub begun: u32,
    /// `u32::MAX`: it outlived the bracket.
    pub ended: u32,
}

/// Blocks of a succession that came from one stack, one right after the other; summed over all successions that took
/// the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub blocks: u64,
    /// The sizes of all of them; of the last ones only.
    pub bytes: u64,
    pub last_bytes: u64,
    /// The smallest first one, the smallest last one, the largest last one.
    pub least: u64,
    pub least_last: u64,
    pub most_last: u64,
}

impl Piece {
    pub(crate) fn new(size: u64) -> Piece {
        Piece { blocks: 1, bytes: size, last_bytes: size, least: size, least_last: size, most_last: size }
    }

    /// One more block of the same stack.
    pub(crate) fn longer(&mut self, size: u64) {
        self.blocks += 1;
        self.bytes += size;
        self.last_bytes = size;
        self.least_last = size;
        self.most_last = size;
    }

    pub(crate) fn join(&mut self, other: &Piece) {
        self.blocks += other.blocks;
        self.bytes += other.bytes;
        self.last_bytes += other.last_bytes;
        self.least = self.least.min(other.least);
        self.least_last = self.least_last.min(other.least_last);
        self.most_last = self.most_last.max(other.most_last);
    }
}

/// Successions that went through the same stacks.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Succession {
    pub times: u64,
    /// One for each stack on the way.
    pub pieces: Vec<Piece>,
}

/// A block's history.
#[derive(Clone, Copy, Default)]
pub(crate) struct Story {
    pub(crate) steps: u64,
    pub(crate) calls: u64,
    pub(crate) bytes: u64,
}
