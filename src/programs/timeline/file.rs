//! timeline.json.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::profiles::Places;
use super::super::region::{Region, word};
use super::super::{recorded, sampling};
use super::{Change, Step, Timeline};
use crate::symbolize::{Symbolizer, trim_allocation};

const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub struct File {
    pub version: u32,
    pub step_ns: u64,
    pub wall_ns: u64,
    /// Names by number.
    pub threads: BTreeMap<u32, String>,
    /// The functions of the stacks that hold most, innermost first.
    pub sites: Vec<Vec<String>>,
    pub steps: Vec<Step>,
    /// The mem.prof whose samples `changes` refer to: when it was made, and how many samples it has.
    #[serde(default)]
    pub mem_time_ns: i64,
    #[serde(default)]
    pub mem_samples: usize,
}

/// Reads the text of a file.
///
/// # Errors
/// It is none, or of another version.
pub fn read(text: &[u8]) -> Result<File, String> {
    let file: File = serde_json::from_slice(text).map_err(|error| format!("not a timeline: {error}"))?;
    if file.version == VERSION { Ok(file) } else { Err(format!("a timeline of version {}", file.version)) }
}

/// The text, with the stacks that hold most at each step by their innermost functions. `places`: the samples of
/// mem.prof.
pub fn json(timeline: &Timeline, region: &Region, wall: Duration, places: &Places) -> String {
    let header = region.header();
    let modules = recorded::log(region, &header).modules;
    let mut symbolizer = Symbolizer::new(&modules);
    let (mut site_of, mut sites) = (HashMap::new(), Vec::new());
    let mut sampled = HashSet::new();
    let wanted: HashSet<u64> = timeline.steps.iter().flat_map(|step| &step.sites).map(|(number, _)| *number).collect();
    recorded::entries(region, &header, &mut |entry| {
        if entry.is_sampled() {
            sampled.insert(entry.number);
        }
        if wanted.contains(&entry.number) {
            let stack = recorded::stack(region, &header, &entry);
            let parts = symbolizer.trimmed(&stack, trim_allocation);
            let frames = parts.into_iter().flat_map(|part| symbolizer.part(part).1);
            site_of.insert(entry.number, sites.len() as u64);
            sites.push(frames.map(|frame| format!("{} ({}:{})", frame.function, frame.file, frame.line)).collect());
        }
    });
    let rate = header.word(word::RATE);
    let placed = |step: &Step| Step {
        sites: step.sites.iter().filter_map(|(number, bytes)| Some((*site_of.get(number)?, *bytes))).collect(),
        changes: step.changes.as_ref().map(|changes| {
            let placed = changes.iter().filter_map(|change| {
                let [number, allocs, bytes, frees, freed_bytes] = *change;
                let is_sampled = rate != 0 && sampled.contains(&number);
                let scaled = |pair| if is_sampled { sampling::scaled(pair, rate) } else { pair };
                let ([allocs, bytes], [frees, freed_bytes]) = (scaled([allocs, bytes]), scaled([frees, freed_bytes]));
                Some([u64::from(*places.of.get(&number)?), allocs, bytes, frees, freed_bytes])
            });
            super::summed(placed.collect::<Vec<Change>>())
        }),
        ..step.clone()
    };
    let file = File {
        version: VERSION,
        step_ns: timeline.step.as_nanos() as u64,
        wall_ns: wall.as_nanos() as u64,
        threads: timeline.names.iter().map(|(tid, name)| (*tid, name.clone())).collect(),
        sites,
        steps: timeline.steps.iter().map(placed).collect(),
        mem_time_ns: places.time_nanos,
        mem_samples: places.samples,
    };
    serde_json::to_string(&file).unwrap_or_default() + "\n"
}
