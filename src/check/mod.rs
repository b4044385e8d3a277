//! The gate: compares a benchmark's numbers with its limits, and decides whether it passes.
//!
//! Pure: the baseline's text and the results come in, verdicts go out. A benchmark is compared with its entry of the
//! baseline (exactly, unless a tolerance says otherwise) and with the budgets of the configuration; a benchmark that
//! vanished or has no entry never passes.

mod amount;
mod baseline;
mod growth;
mod limit;
mod measured;
mod verdict;

pub use amount::Amount;
pub use baseline::{Baseline, Circumstances, Entry, FILE_NAME};
pub use measured::{Measured, measured, measured_tests, widen};
pub use verdict::{accept, judge, unheld, vanished, vanished_test, without_entry};
