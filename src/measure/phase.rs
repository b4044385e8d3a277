//! The passes over the benchmarks of a suite, and the needs of each.

use super::options::PassOptions;

/// The purpose of one pass.
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

    /// Whether it takes stacks, for which it needs an unwind table.
    pub fn takes_stacks(self, options: &PassOptions) -> bool {
        match self {
            Phase::List | Phase::Time | Phase::Dhat => false,
            Phase::Count => options.stacks,
            Phase::Cpu | Phase::Block => true,
        }
    }
}
