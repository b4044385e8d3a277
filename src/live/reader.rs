//! One running program, read through the memory that it shares with the tool.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::history::History;
use super::names::Names;
use crate::os::Pid;
use crate::programs::recorded::{self, StackRecord, Totals};
use crate::programs::region::{Header, Region};
use crate::programs::ring::Drain;

/// See above. What is kept grows with the number of different stacks, not with time.
pub struct Reader {
    pub region: Region,
    pub pid: Pid,
    names: Mutex<Names>,
    rings: Mutex<Rings>,
    asking: Mutex<()>,
    history: Mutex<History>,
}

/// Taken out of the rings so far.
pub struct Rings {
    pub samples: Drain,
    pub waits: Drain,
}

/// The allocations of the program up to one moment.
pub struct Heap {
    pub stacks: Vec<StackRecord>,
    pub totals: Totals,
    pub header: Header,
    /// Nanoseconds since the Unix epoch.
    pub at: i64,
}

impl Reader {
    pub fn new(region: Region, pid: Pid) -> Reader {
        let rings = Rings { samples: Drain::samples(), waits: Drain::waits() };
        Reader {
            region,
            pid,
            names: Mutex::new(Names::new(pid)),
            rings: Mutex::new(rings),
            asking: Mutex::new(()),
            history: Mutex::default(),
        }
    }

    /// Held while the program is asked something that only one can ask at a time.
    pub fn asking(&self) -> MutexGuard<'_, ()> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how the program does now, and the names of its threads: to be called every second.
    pub fn look(&self) {
        let threads = super::threads::listed(self);
        self.history().note(self);
        self.names().threads.note(threads.into_iter().map(|thread| (thread.tid, thread.name)));
    }

    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of its executable.
    pub fn name(&self) -> String {
        let words = self.command_line();
        let first = words.split(|&byte| byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(first).rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// Copies the counts of every stack. The program runs on meanwhile, so a stack in the middle of an event may have a
    /// part of it.
    pub fn heap(&self) -> Heap {
        let header = self.region.header();
        let totals = recorded::totals(&self.region, &header);
        Heap { stacks: recorded::stacks(&self.region, &header), totals, header, at: now() }
    }

    pub fn totals(&self) -> Totals {
        recorded::totals(&self.region, &self.region.header())
    }

    /// With the objects that the program has loaded by now.
    pub fn names(&self) -> MutexGuard<'_, Names> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.look(&self.region);
        names
    }

    /// The rings, emptied up to now: to be called often enough that none overflows.
    pub fn rings(&self) -> MutexGuard<'_, Rings> {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let header = self.region.header();
        rings.samples.take(&self.region, &header, false);
        rings.waits.take(&self.region, &header, false);
        rings
    }

    /// The most memory that the process has had, in bytes.
    pub fn max_rss(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    }

    /// The program's own words, each with a NUL behind it but the last.
    pub fn command_line(&self) -> Vec<u8> {
        let mut words = std::fs::read(format!("/proc/{}/cmdline", self.pid.as_raw_nonzero())).unwrap_or_default();
        words.truncate(words.strip_suffix(b"\0").map_or(words.len(), <[u8]>::len));
        words
    }
}

/// Nanoseconds since the Unix epoch.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}
