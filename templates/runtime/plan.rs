//! What the tool asks of this process: a small text file named by an environment variable.

use std::collections::HashMap;

/// The variable that names the plan; where it is not set the harness runs as always.
pub const VARIABLE: &str = "MEMPROF_PLAN";

/// As [`VARIABLE`], of an executable that is measured as a whole process.
pub const PROCESS_VARIABLE: &str = "MEMPROF_PROCESS_PLAN";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    List,
    Time,
    Count,
    Cpu,
    Dhat,
    Block,
}

/// One benchmark to run, by its id and how many of that id came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// The tool's number for it.
    pub index: u32,
    /// No more outputs than this are held at once; 0 where nothing is known.
    pub largest_iters: u64,
    /// Counted iterations, where they are prescribed; 0 where they are to be chosen.
    pub count_iters: u64,
}

#[derive(Debug)]
pub struct Plan {
    pub mode: Mode,
    pub records: String,
    /// The unwind table; empty where no stacks are asked for.
    pub table: String,
    pub warm_up_ns: u64,
    /// What the measuring itself may take, in total.
    pub budget_ns: u64,
    /// Exactly so many iterations instead of a time; 0 where time decides.
    pub iterations: u64,
    pub cpu_hz: u32,
    pub stacks: bool,
    /// What each stack has live at the peak.
    pub peak: bool,
    /// What becomes of each stack's blocks.
    pub lives: bool,
    /// Every remembered stack is compared to a plain walk.
    pub verify: bool,
    /// What dhat records goes to `FOLDER/INDEX.json`.
    pub dhat: String,
    /// Of a whole process: which of the counting passes it is.
    pub pass: u32,
    pub selected: HashMap<(String, u32), Selected>,
}

impl Plan {
    /// Reads `key value` lines; `None` where one is not understood.
    pub fn parse(text: &str) -> Option<Plan> {
        let mut plan = Plan {
            mode: Mode::List,
            records: String::new(),
            table: String::new(),
            warm_up_ns: 0,
            budget_ns: 0,
            iterations: 0,
            cpu_hz: 250,
            stacks: false,
            peak: false,
            lives: false,
            verify: false,
            dhat: String::new(),
            pass: 0,
            selected: HashMap::new(),
        };
        let mut lines = text.lines();
        if lines.next()? != "memprof-plan 1" {
            return None;
        }
        for line in lines {
            let (key, value) = line.split_once(' ')?;
            match key {
                "mode" => {
                    plan.mode = match value {
                        "list" => Mode::List,
                        "time" => Mode::Time,
                        "count" => Mode::Count,
                        "cpu" => Mode::Cpu,
                        "dhat" => Mode::Dhat,
                        "block" => Mode::Block,
                        _ => return None,
                    }
                }
                "records" => plan.records = unescape(value),
                "table" => plan.table = unescape(value),
                "warm-up-ns" => plan.warm_up_ns = value.parse().ok()?,
                "budget-ns" => plan.budget_ns = value.parse().ok()?,
                "iterations" => plan.iterations = value.parse().ok()?,
                "cpu-hz" => plan.cpu_hz = value.parse().ok()?,
                "stacks" => plan.stacks = value == "1",
                "peak" => plan.peak = value == "1",
                "lives" => plan.lives = value == "1",
                "verify" => plan.verify = value == "1",
                "dhat" => plan.dhat = unescape(value),
                "pass" => plan.pass = value.parse().ok()?,
                "run" => {
                    let mut words = value.splitn(5, ' ');
                    let index = words.next()?.parse().ok()?;
                    let occurrence = words.next()?.parse().ok()?;
                    let largest_iters = words.next()?.parse().ok()?;
                    let count_iters = words.next()?.parse().ok()?;
                    let id = unescape(words.next()?);
                    plan.selected.insert((id, occurrence), Selected { index, largest_iters, count_iters });
                }
                _ => return None,
            }
        }
        Some(plan)
    }
}

/// `%0A`, `%0D` and `%25` stand for the characters that a line cannot hold.
fn unescape(text: &str) -> String {
    text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read() {
        let plan = Plan::parse(
            "memprof-plan 1\nmode count\nrecords /tmp/a b\nbudget-ns 5\nstacks 1\nrun 3 1 500 0 a b%0A%25 c\n",
        )
        .unwrap();
        assert_eq!((plan.mode, plan.records.as_str(), plan.budget_ns), (Mode::Count, "/tmp/a b", 5));
        let selected = plan.selected[&("a b\n% c".to_string(), 1)];
        assert_eq!(selected, Selected { index: 3, largest_iters: 500, count_iters: 0 });
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(Plan::parse("memprof-plan 2\n").is_none());
        assert!(Plan::parse("memprof-plan 1\nmode other\n").is_none());
        assert!(Plan::parse("memprof-plan 1\nrun x\n").is_none());
    }
}
