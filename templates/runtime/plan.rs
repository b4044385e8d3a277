//! The tool's instructions for this process: a small text file named by an environment variable.
//!
//! It is read without the allocator under observation: a benchmark's time depends on what was allocated before it.

use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{ffi, mem, path, ptr, slice, str};

use crate::memory;

/// The variable that names the plan; if it is not set, the harness runs as always.
pub const VARIABLE: &str = "MEMPROF_PLAN";

/// Like [`VARIABLE`], for an executable that is measured as a whole process.
pub const PROCESS_VARIABLE: &str = "MEMPROF_PROCESS_PLAN";

/// Like [`VARIABLE`], for a program that runs as its user runs it.
pub const PROGRAM_VARIABLE: &str = "MEMPROF_PROGRAM_PLAN";

/// Where an executable that was made to wait serves by itself.
pub const HTTP_VARIABLE: &str = "MEMPROF_HTTP";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    List,
    Time,
    Count,
    Cpu,
    Dhat,
    Block,
    Program,
    /// Names the tests.
    ListTests,
    /// Runs a test.
    Test,
}

/// One benchmark to run, by its id and how many of that id came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// The tool's number for it.
    pub index: u32,
    /// No more outputs than this are held at once; 0 if nothing is known.
    pub largest_iters: u64,
    /// Counted iterations, if they are prescribed; 0 if the runtime chooses them.
    pub count_iters: u64,
}

/// A benchmark to run: this many with the same id come before it.
#[derive(Debug)]
struct Entry {
    id: &'static str,
    occurrence: u32,
    selected: Selected,
    /// How often its id came so far.
    seen: AtomicU32,
}

#[derive(Debug)]
pub struct Plan {
    pub mode: Mode,
    pub records: &'static str,
    /// The unwind table; empty if no stacks are asked for.
    pub table: &'static str,
    pub warm_up_ns: u64,
    /// The time budget of the measuring itself, in total.
    pub budget_ns: u64,
    /// Exactly this many iterations instead of a time; 0 if time decides.
    pub iterations: u64,
    pub cpu_hz: u32,
    pub stacks: bool,
    /// Record what each stack has live at the peak.
    pub peak: bool,
    /// Record what becomes of each stack's blocks.
    pub lives: bool,
    /// Every remembered stack is compared to a plain walk.
    pub verify: bool,
    /// dhat writes its data to `FOLDER/INDEX.json`.
    pub dhat: &'static str,
    /// The number of the counting pass, for a whole process.
    pub pass: u32,
    /// A pipe that says when a sample may begin, and one that says that it could; empty if the samples take no turns.
    pub go: &'static str,
    pub ready: &'static str,
    /// For a program: the file in memory that it shares with the tool.
    pub region: &'static str,
    /// For a program: record where threads wait.
    pub block: bool,
    /// For a program: only numbers, until a tool joins.
    pub idle: bool,
    /// For a program: the tool will ask things of it while it runs.
    pub live: bool,
    /// For a program: this many stacks are told apart.
    pub stacks_limit: usize,
    /// For a program: one byte in so many has its allocation recorded with its stack; 0: all have.
    pub sample_rate: u64,
    /// For a program: the tool makes tables of the libraries that it opens.
    pub libraries: bool,
    /// For a program: files in memory for its children, by their paths; empty if they are not recorded.
    pub children: &'static str,
    /// For a program: measure what recording costs.
    pub cost: bool,
    /// For a program: a block freed with at most this many other allocations between is temporary.
    pub temporary: u32,
    entries: &'static [Entry],
}

impl Plan {
    /// The plan in the file at `path`; `None` if it cannot be read or understood.
    pub fn read(path: &ffi::OsStr) -> Option<Plan> {
        let mut file = File::open(path::Path::new(path)).ok()?;
        let len = file.metadata().ok()?.len() as usize;
        let at = memory::map(len.max(1));
        if at.is_null() {
            return None;
        }
        // SAFETY: `len` zeroed bytes that nobody else knows of, and that stay mapped.
        let text = unsafe { slice::from_raw_parts_mut(at, len) };
        file.read_exact(text).ok()?;
        Plan::parse(text)
    }

    /// Reads `key value` lines; `None` if one is not understood.
    pub fn parse(text: &'static mut [u8]) -> Option<Plan> {
        let mut plan = Plan {
            mode: Mode::List,
            records: "",
            table: "",
            warm_up_ns: 0,
            budget_ns: 0,
            iterations: 0,
            cpu_hz: 250,
            stacks: false,
            peak: false,
            lives: false,
            verify: false,
            dhat: "",
            pass: 0,
            go: "",
            ready: "",
            region: "",
            block: false,
            live: false,
            idle: false,
            stacks_limit: 0,
            sample_rate: 0,
            cost: false,
            children: "",
            libraries: false,
            temporary: 0,
            entries: &[],
        };
        let runs = text.split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"run ")).count();
        // Never given back: the strings of the plan live as long as the process.
        let entries = memory::map(mem::size_of::<Entry>() * runs.max(1)) as *mut Entry;
        if entries.is_null() {
            return None;
        }
        let mut known = 0;
        let mut lines = text.split_mut(|&byte| byte == b'\n');
        if lines.next()? != b"memprof-plan 1" {
            return None;
        }
        for line in lines.filter(|line| !line.is_empty()) {
            let at = line.iter().position(|&byte| byte == b' ')?;
            let (key, value) = line.split_at_mut(at);
            let value = unescape(&mut value[1..])?;
            match str::from_utf8(key).ok()? {
                "mode" => {
                    plan.mode = match value {
                        "list" => Mode::List,
                        "time" => Mode::Time,
                        "count" => Mode::Count,
                        "cpu" => Mode::Cpu,
                        "dhat" => Mode::Dhat,
                        "block" => Mode::Block,
                        "program" => Mode::Program,
                        "list-tests" => Mode::ListTests,
                        "test" => Mode::Test,
                        _ => return None,
                    }
                }
                "records" => plan.records = value,
                "table" => plan.table = value,
                "warm-up-ns" => plan.warm_up_ns = value.parse().ok()?,
                "budget-ns" => plan.budget_ns = value.parse().ok()?,
                "iterations" => plan.iterations = value.parse().ok()?,
                "cpu-hz" => plan.cpu_hz = value.parse().ok()?,
                "stacks" => plan.stacks = value == "1",
                "peak" => plan.peak = value == "1",
                "lives" => plan.lives = value == "1",
                "verify" => plan.verify = value == "1",
                "dhat" => plan.dhat = value,
                "go" => plan.go = value,
                "ready" => plan.ready = value,
                "pass" => plan.pass = value.parse().ok()?,
                "region" => plan.region = value,
                "block" => plan.block = value == "1",
                "idle" => plan.idle = value == "1",
                "live" => plan.live = value == "1",
                "stacks-limit" => plan.stacks_limit = value.parse().ok()?,
                "sample-rate" => plan.sample_rate = value.parse().ok()?,
                "libraries" => plan.libraries = value == "1",
                "children" => plan.children = value,
                "cost" => plan.cost = value == "1",
                "temporary" => plan.temporary = value.parse().ok()?,
                "run" => {
                    let mut words = value.splitn(5, ' ');
                    let index = words.next()?.parse().ok()?;
                    let occurrence = words.next()?.parse().ok()?;
                    let largest_iters = words.next()?.parse().ok()?;
                    let count_iters = words.next()?.parse().ok()?;
                    let selected = Selected { index, largest_iters, count_iters };
                    let entry = Entry { id: words.next()?, occurrence, selected, seen: AtomicU32::new(0) };
                    // SAFETY: there is room for every line that begins with `run`.
                    unsafe { ptr::write(entries.add(known), entry) };
                    known += 1;
                }
                _ => return None,
            }
        }
        // SAFETY: so many were written, and nobody else knows of them.
        plan.entries = unsafe { slice::from_raw_parts(entries, known) };
        Some(plan)
    }

    /// The task for the next benchmark; each call is one more with its id.
    pub fn take(&self, id: &str) -> Option<Selected> {
        let same = self.entries.iter().filter(|entry| entry.id == id);
        let mut selected = None;
        for entry in same {
            if entry.seen.fetch_add(1, Ordering::Relaxed) == entry.occurrence {
                selected = Some(entry.selected);
            }
        }
        selected
    }

    /// The only benchmark, of a plan that names one.
    pub fn only(&self) -> Option<Selected> {
        self.entries.first().map(|entry| entry.selected)
    }
}

/// `%0A`, `%0D` and `%25` stand for the characters that a line cannot hold. Those characters are shorter, so they are
/// put in their place.
fn unescape(text: &'static mut [u8]) -> Option<&'static str> {
    let (mut from, mut to) = (0, 0);
    while from < text.len() {
        let (byte, read) = match text.get(from..from + 3) {
            Some(b"%0A") => (b'\n', 3),
            Some(b"%0D") => (b'\r', 3),
            Some(b"%25") => (b'%', 3),
            _ => (text[from], 1),
        };
        text[to] = byte;
        from += read;
        to += 1;
    }
    str::from_utf8(&text[..to]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Plan> {
        Plan::parse(text.as_bytes().to_vec().leak())
    }

    #[test]
    fn a_plan_is_read() {
        let plan = parse(
            "memprof-plan 1\nmode count\nrecords /tmp/a b\nbudget-ns 5\nstacks 1\nrun 3 1 500 0 a b%0A%25 c\nrun 4 0 0 9 d\n",
        )
        .unwrap();
        assert_eq!((plan.mode, plan.records, plan.budget_ns, plan.stacks), (Mode::Count, "/tmp/a b", 5, true));
        // The second of that name.
        assert_eq!(plan.take("a b\n% c"), None);
        assert_eq!(plan.take("a b\n% c"), Some(Selected { index: 3, largest_iters: 500, count_iters: 0 }));
        assert_eq!(plan.take("a b\n% c"), None);
        assert_eq!(plan.take("d").map(|selected| (selected.index, selected.count_iters)), Some((4, 9)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(parse("memprof-plan 2\n").is_none());
        assert!(parse("memprof-plan 1\nmode other\n").is_none());
        assert!(parse("memprof-plan 1\nrun x\n").is_none());
        assert!(parse("memprof-plan 1\nmode\n").is_none());
    }
}
