//! The passes over the benchmarks of a suite, and what each needs.

use std::path::Path;

use super::suite::Suite;
use super::{BenchTime, PassOptions};

/// What is done with each benchmark in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    List,
    Time,
    Count,
    Cpu,
    Dhat,
    Block,
}

impl Phase {
    /// The passes that a measurement with these options consists of, in their order.
    pub fn of_measurement(options: &PassOptions) -> Vec<Phase> {
        let asked = [
            (Phase::Time, true),
            (Phase::Count, true),
            (Phase::Cpu, options.stacks),
            (Phase::Dhat, options.dhat),
            (Phase::Block, options.block),
        ];
        asked.into_iter().filter(|(_, asked)| *asked).map(|(phase, _)| phase).collect()
    }

    /// As a participle, for progress.
    pub fn doing(self) -> &'static str {
        match self {
            Phase::List => "listing",
            Phase::Time => "timing",
            Phase::Count => "counting",
            Phase::Cpu => "sampling",
            Phase::Dhat => "recording with dhat",
            Phase::Block => "watching",
        }
    }

    /// The executable that it runs. Without a harness nothing but the counting one holds the runtime.
    pub fn program<'a>(self, suite: &Suite<'a>) -> &'a Path {
        let executable = suite.executable;
        match self {
            Phase::Dhat => &executable.dhat,
            Phase::Count => &executable.counted,
            Phase::Time => &executable.timed,
            Phase::List | Phase::Cpu | Phase::Block if suite.whole_process => &executable.counted,
            Phase::List | Phase::Cpu | Phase::Block => &executable.timed,
        }
    }

    /// How `cargo bench` would be asked to measure for so long. What the harness makes of its arguments stays in the heap that
    /// the benchmarks are timed on, so they are the same as there.
    pub fn arguments(self, suite: &Suite, options: &PassOptions) -> Vec<String> {
        // Criterion 0.3 takes whole seconds.
        let is_criterion = suite.benchmarks.first().is_some_and(|one| {
            one.listed.harness.starts_with("criterion ") && !one.listed.harness.starts_with("criterion 0.3")
        });
        let is_told = options.bench_args.iter().any(|arg| arg.ends_with("-time") || arg.contains("-time="));
        match options.bench_time {
            BenchTime::For(time) if self == Phase::Time && is_criterion && !is_told => {
                let (warm_up, measuring) = (time.as_secs_f64() / 4.0 + 0.001, time.as_secs_f64() + 0.001);
                ["--warm-up-time", &format!("{warm_up:.3}"), "--measurement-time", &format!("{measuring:.3}")]
                    .map(str::to_owned)
                    .to_vec()
            }
            _ => Vec::new(),
        }
    }

    /// Whether it takes stacks, for which it needs an unwind table.
    pub fn takes_stacks(self, options: &PassOptions) -> bool {
        match self {
            Phase::List | Phase::Time | Phase::Dhat => false,
            Phase::Count => options.stacks,
            Phase::Cpu | Phase::Block => true,
        }
    }
}
