//! The plan: the instructions for one process of a bench. `templates/runtime/plan.rs` reads it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::options::{BenchTime, PassOptions};
use super::phase::Phase;

/// The variable that names the plan's file.
pub const VARIABLE: &str = "MEMPROF_PLAN";

/// Like [`VARIABLE`], for an executable that is measured as a whole process.
pub const PROCESS_VARIABLE: &str = "MEMPROF_PROCESS_PLAN";

/// One benchmark to run.
#[derive(Debug, Clone)]
pub struct Selected<'a> {
    pub index: usize,
    /// Its full name.
    pub name: &'a str,
    pub id: &'a str,
    pub occurrence: u32,
    /// The largest number of iterations in one call when it was timed; 0 if it was not.
    pub largest_iterations: u64,
    /// Prescribed counted iterations; 0 where the runtime chooses.
    pub counted_iterations: u64,
}

/// Shares of --benchtime: (warm-up, measuring), in nanoseconds. Together with the counting's share they keep a
/// benchmark below three times --benchtime.
fn budget(phase: Phase, total: u128) -> (u128, u128) {
    match phase {
        Phase::List => (0, 0),
        Phase::Time => (total / 4, total),
        Phase::Count => (0, total / 2),
        Phase::Dhat => (0, 0),
        Phase::Cpu | Phase::Block => (total / 20, total * 3 / 4),
    }
}

/// The plan's text.
pub fn text(
    phase: Phase,
    options: &PassOptions,
    records: &Path,
    table: Option<&Path>,
    selected: &[Selected],
) -> String {
    let mode = match phase {
        Phase::List => "list",
        Phase::Time => "time",
        Phase::Count => "count",
        Phase::Cpu => "cpu",
        Phase::Dhat => "dhat",
        Phase::Block => "block",
    };
    let mut text = format!("memprof-plan 1\nmode {mode}\nrecords {}\n", escape(&records.to_string_lossy()));
    let mut line = |key: &str, value: &dyn std::fmt::Display| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key} {value}");
    };
    if let Some(table) = table {
        line("table", &escape(&table.to_string_lossy()));
    }
    match options.bench_time {
        BenchTime::For(time) => {
            let (warm_up, measuring) = budget(phase, time.as_nanos());
            line("warm-up-ns", &warm_up);
            line("budget-ns", &measuring);
        }
        BenchTime::Iterations(n) => line("iterations", &n),
    }
    line("cpu-hz", &options.cpu_hz);
    line("stacks", &u8::from(options.stacks));
    line("peak", &u8::from(options.peak));
    if phase == Phase::Dhat {
        line("dhat", &escape(&dhat_dir(options).to_string_lossy()));
    }
    if let Some(pass) = options.whole_process {
        line("pass", &pass);
    }
    if let Some(turn) = &options.turn {
        line("go", &escape(&turn.go().to_string_lossy()));
        line("ready", &escape(&turn.ready().to_string_lossy()));
    }
    line("lives", &u8::from(options.lives));
    for one in selected {
        let Selected { index, id, occurrence, largest_iterations, counted_iterations, .. } = one;
        line("run", &format_args!("{index} {occurrence} {largest_iterations} {counted_iterations} {}", escape(id)));
    }
    text
}

/// The folder for dhat's files, each named after its benchmark's number.
pub fn dhat_dir(options: &PassOptions) -> PathBuf {
    options.dir.join("dhat")
}

/// A line holds neither of these characters.
pub fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\n', "%0A").replace('\r', "%0D")
}
