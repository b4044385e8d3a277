//! How the program did in the last minutes: a step a second.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::reader::Reader;
use super::threads;
use crate::programs::run::cpu_of;

/// Ten minutes.
const MOST: usize = 600;

/// The numbers of one moment.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Milliseconds since the Unix epoch.
    at_ms: u64,
    live_bytes: u64,
    live_blocks: u64,
    allocs: u64,
    bytes: u64,
    cpu_ms: u64,
    threads: usize,
}

/// The latest steps.
#[derive(Debug, Default)]
pub struct History(VecDeque<Step>);

impl History {
    pub fn note(&mut self, reader: &Reader) {
        let totals = reader.totals();
        self.0.push_back(Step {
            at_ms: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
            live_bytes: totals.live_bytes(),
            live_blocks: totals.live_blocks(),
            allocs: totals.counts.allocs,
            bytes: totals.counts.bytes,
            cpu_ms: cpu_of(reader.pid).as_millis() as u64,
            threads: threads::number(reader),
        });
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }
}

/// Columns by name, oldest step first.
pub fn json(reader: &Reader) -> Value {
    let history = reader.history();
    let column = |of: &dyn Fn(&Step) -> u64| history.0.iter().map(of).collect::<Vec<u64>>();
    json!({
        "state": reader.state().word(),
        "at_ms": column(&|step| step.at_ms),
        "live_bytes": column(&|step| step.live_bytes),
        "live_blocks": column(&|step| step.live_blocks),
        "allocs": column(&|step| step.allocs),
        "bytes": column(&|step| step.bytes),
        "cpu_ms": column(&|step| step.cpu_ms),
        "threads": column(&|step| step.threads as u64),
    })
}
