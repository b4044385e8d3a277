//! Second opinions: benchmarks whose counts will be kept, or would fail a check, are counted again in processes of
//! their own.

use std::collections::{BTreeMap, HashSet};

use super::Session;
use super::listing::Listing;
use super::writer::Writer;
use crate::Result;
use crate::measure;
use crate::results::lines::{Finished, Memory};

/// Counts that can be doubted.
pub trait Counts {
    /// Full names of the benchmarks to count again. `varying`: only those whose counts are seen to differ.
    fn in_doubt(&self, varying: bool) -> HashSet<String>;

    /// Adds the counts of another process.
    fn add(&mut self, name: &str, memory: &Memory);
}

/// The counts of a baseline that will be saved: it should know how they vary.
pub struct ToBeSaved(BTreeMap<String, Memory>);

impl ToBeSaved {
    pub fn new(finished: &[Finished]) -> ToBeSaved {
        let mut counts: BTreeMap<String, Memory> = BTreeMap::new();
        for one in finished {
            counts.entry(one.name.clone()).or_insert_with(|| one.memory.clone()).join(&one.memory);
        }
        ToBeSaved(counts)
    }
}

impl Counts for ToBeSaved {
    fn in_doubt(&self, varying: bool) -> HashSet<String> {
        self.0.iter().filter(|(_, memory)| !varying || !memory.exact).map(|(name, _)| name.clone()).collect()
    }

    fn add(&mut self, name: &str, memory: &Memory) {
        if let Some(one) = self.0.get_mut(name) {
            one.join(memory);
        }
    }
}

/// How often all doubted benchmarks are counted.
pub const ROUNDS: usize = 2;
/// If counts differ: some processes take another path than most, and a baseline should have seen both.
pub const ROUNDS_OF_RANGES: usize = 6;

impl Session<'_> {
    /// Counts the doubted benchmarks of `counts` again; `writer` keeps the new counts, too, and the failures.
    pub fn recount(&mut self, listing: &Listing, counts: &mut dyn Counts, writer: &mut Writer) -> Result<()> {
        let options = self.pass_options();
        for round in 0..ROUNDS_OF_RANGES {
            let mut doubted = counts.in_doubt(round >= ROUNDS);
            doubted.retain(|name| !writer.run.failed.iter().any(|failed| failed.name == *name));
            for suite in
                listing.suites.iter().filter(|suite| suite.benchmarks.iter().any(|b| doubted.contains(&b.name)))
            {
                let again = measure::recount(suite, &doubted, &writer.run.finished, &mut self.measuring(&options))?;
                for (name, memory) in again.counts {
                    counts.add(&name, &memory);
                    writer.recounts.entry(name).or_default().push(memory);
                }
                // The end of a process is reported once.
                let is_new = |name: &str| !writer.run.failed.iter().any(|failed| failed.name == name);
                let failed: Vec<_> = again.failed.into_iter().filter(|failed| is_new(&failed.name)).collect();
                failed.into_iter().for_each(|failed| writer.failed(failed));
            }
            self.interrupt.check()?;
        }
        Ok(())
    }
}
