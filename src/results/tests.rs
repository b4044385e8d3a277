//! The numbers of one test, in the form of results.jsonl.

use serde::{Deserialize, Serialize};

use super::lines::Profiles;
use crate::records::Counted;

/// `test-finished`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TestFinished {
    /// `PACKAGE/TARGET/ID`.
    pub name: String,
    pub package: String,
    pub target: String,
    pub id: String,
    pub outcome: Outcome,
    /// Why it failed, if its own output does not say it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// The output of a failed test.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output: Option<String>,
    /// Of its first process.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wall_ns: Option<u64>,
    /// Of a test that passed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory: Option<TestMemory>,
    #[serde(skip_serializing_if = "is_empty", default)]
    pub profiles: Profiles,
}

fn is_empty(profiles: &Profiles) -> bool {
    *profiles == Profiles::default()
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Ok,
    Failed,
    #[default]
    Ignored,
}

/// From the test's first instruction until its thread has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestMemory {
    pub allocs: u64,
    pub bytes: u64,
    pub frees: u64,
    pub reallocs: u64,
    pub peak_bytes: u64,
    /// Allocated by the test and never freed.
    pub live_blocks: u64,
    pub live_bytes: u64,
    /// All processes agree on `allocs` and `bytes`, and nothing was lost.
    pub exact: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub allocs_range: Option<[u64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes_range: Option<[u64; 2]>,
}

impl TestMemory {
    /// The joint numbers of several processes: of the median one, with the highest peak; `None` if there is none.
    pub fn of(passes: &[Counted]) -> Option<TestMemory> {
        let middle = crate::results::summary::representative(passes)?;
        let count = |pass: &Counted| (pass.counts.allocs, pass.counts.bytes);
        let same = || passes.iter().filter(|pass| count(pass) == count(middle));
        let exact = same().count() == passes.len() && passes.iter().all(|pass| pass.lost == 0);
        // A thread that nobody joins may be about to free its last blocks.
        let counts = same().map(|pass| &pass.counts).max_by_key(|counts| (counts.frees, counts.freed_bytes))?;
        let range = |of: fn(&Counted) -> u64| {
            let values = || passes.iter().map(of);
            (!exact).then(|| [values().min().unwrap_or(0), values().max().unwrap_or(0)])
        };
        Some(TestMemory {
            allocs: counts.allocs,
            bytes: counts.bytes,
            frees: counts.frees,
            reallocs: counts.reallocs,
            peak_bytes: passes.iter().map(|pass| pass.peak_bytes).max()?,
            live_blocks: counts.allocs.saturating_sub(counts.frees),
            live_bytes: counts.bytes.saturating_sub(counts.freed_bytes),
            exact,
            allocs_range: range(|pass| pass.counts.allocs),
            bytes_range: range(|pass| pass.counts.bytes),
        })
    }

    /// The least and the most; the same where the number is exact.
    pub fn allocs_range(&self) -> [u64; 2] {
        self.allocs_range.unwrap_or([self.allocs; 2])
    }

    pub fn bytes_range(&self) -> [u64; 2] {
        self.bytes_range.unwrap_or([self.bytes; 2])
    }
}

impl TestFinished {
    pub fn has_failed(&self) -> bool {
        self.outcome == Outcome::Failed
    }
}
