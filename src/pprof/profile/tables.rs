//! Converts the numbers in the file to indices: the string table, and the ids of mappings, functions and locations.

use std::cell::RefCell;

use rustc_hash::{FxHashMap, FxHashSet};

use super::error::ReadError;
use super::model::{Profile, Text};

/// The file's string table. A text becomes shared on first use.
pub struct Strings<'a> {
    bytes: &'a [&'a [u8]],
    shared: RefCell<Vec<Option<Text>>>,
}

impl<'a> Strings<'a> {
    pub fn new(bytes: &'a [&'a [u8]]) -> Self {
        Strings { bytes, shared: RefCell::new(vec![None; bytes.len()]) }
    }

    /// The text with this number. An error if the table has none.
    pub fn get(&self, index: u64) -> Result<Text, ReadError> {
        let index = usize::try_from(index).map_err(|_| ReadError::Unrecognized)?;
        let bytes = *self.bytes.get(index).ok_or(ReadError::Unrecognized)?;
        let shared = &mut self.shared.borrow_mut()[index];
        Ok(shared.get_or_insert_with(|| String::from_utf8_lossy(bytes).into()).clone())
    }
}

/// Ids → indices. Ids are nearly always 1, 2, 3, …; other ids go to a map. Of equal ids the last one counts.
pub struct IdTable {
    dense: Vec<u32>,
    sparse: FxHashMap<u64, u32>,
}

const NONE: u32 = u32::MAX;

impl IdTable {
    pub fn new(ids: impl ExactSizeIterator<Item = u64>) -> Self {
        let mut table = IdTable { dense: vec![NONE; ids.len() + 1], sparse: FxHashMap::default() };
        for (index, id) in (0..).zip(ids) {
            match usize::try_from(id).ok().and_then(|id| table.dense.get_mut(id)) {
                Some(slot) => *slot = index,
                None => {
                    table.sparse.insert(id, index);
                }
            }
        }
        table
    }

    pub fn get(&self, id: u64) -> Option<u32> {
        match usize::try_from(id).ok().and_then(|id| self.dense.get(id)) {
            Some(&NONE) => None,
            Some(index) => Some(*index),
            None => self.sparse.get(&id).copied(),
        }
    }
}

/// Finds an id that is 0 or occurs twice. Returns the complaint.
pub fn check_ids(profile: &Profile) -> Option<String> {
    check_table(profile.mappings.iter().map(|mapping| mapping.id), "mapping", "ID")
        .or_else(|| check_table(profile.functions.iter().map(|function| function.id), "function", "ID"))
        .or_else(|| check_table(profile.locations.iter().map(|location| location.id), "location", "id"))
}

fn check_table(ids: impl ExactSizeIterator<Item = u64> + Clone, what: &str, reserved: &str) -> Option<String> {
    // The common case needs no set.
    if ids.clone().zip(1..).all(|(id, expected)| id == expected) {
        return None;
    }
    let mut seen = FxHashSet::default();
    for id in ids {
        if id == 0 {
            return Some(format!("found {what} with reserved {reserved}=0"));
        }
        if !seen.insert(id) {
            return Some(format!("multiple {what}s with same id: {id}"));
        }
    }
    None
}
