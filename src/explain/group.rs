//! The stacks of one site, and the facts about them together.

use std::collections::BTreeMap;

use super::operation::Operation;
use super::successions::Tables;
use crate::records::{Growth, Life};

/// The identity of a site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The user's frame, or the one that replaces it, as an index.
    pub place: u32,
    pub operation: Operation,
    pub via: Option<String>,
}

/// The stacks of one site, by their indices, and the facts about them together.
pub(super) struct Group {
    pub key: Key,
    pub stacks: Vec<usize>,
    pub life: Life,
    /// The history of its blocks as hash tables.
    pub tables: Tables,
    /// The most blocks of the site that lived at once, or the most tables; `None` if that is not known.
    pub most_live: Option<u64>,
    /// Blocks that the harness freed, among those whose place of freeing is known.
    pub dropped_by_harness: u64,
    pub freed_somewhere: u64,
    /// Each is freed by the function that made it; a block that grows in a helper, by the helper's caller.
    pub freed_where_made: bool,
    /// One at least is freed as a part of something else: of an object that is dropped, of a vector's items.
    pub freed_as_part: bool,
    /// That object is of a type that the user or another crate defines.
    pub freed_in_object: bool,
    /// The size of one element of a vector that grew from nothing, if its first size tells it.
    pub element_bytes: Option<u64>,
    /// Other sites at which the containers that grow here began, the most growths first.
    pub grown_from: Vec<(usize, u64)>,
    /// The sites at which containers that began here grew, this one among them, and how often.
    pub grew_in: BTreeMap<usize, u64>,
    /// Counts and lives of all stacks agree, per operation; those of the stacks at which its blocks grew, too.
    pub steady: bool,
    pub allocs: u64,
    pub bytes: u64,
}

impl Group {
    pub fn new(key: Key) -> Group {
        Group {
            key,
            stacks: Vec::new(),
            life: Life::default(),
            tables: Tables::default(),
            most_live: None,
            dropped_by_harness: 0,
            freed_somewhere: 0,
            freed_where_made: true,
            freed_as_part: false,
            freed_in_object: false,
            element_bytes: None,
            grown_from: Vec::new(),
            grew_in: BTreeMap::new(),
            steady: true,
            allocs: 0,
            bytes: 0,
        }
    }

    /// Calls of the allocator here, in all operations that were followed.
    pub fn followed_calls(&self) -> u64 {
        self.life.fresh + self.life.zeroed + self.life.grown + self.life.shrunk
    }

    /// How the blocks that began here grew.
    pub fn growth(&self) -> &Growth {
        if self.key.operation.is_table() { &self.tables.growth } else { &self.life.grew }
    }
}
