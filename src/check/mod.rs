//! The gate: what a benchmark was allowed to do, what it does now, and whether that may pass.
//!
//! Pure: the baseline's text and the results come in, verdicts go out. A benchmark is held against its entry of the baseline
//! (exactly, unless a tolerance says otherwise) and against the budgets of the configuration; what never passes is a
//! benchmark that vanished or has no entry.

mod amount;
mod baseline;
mod growth;
mod limit;
mod measured;
mod verdict;

pub use amount::Amount;
pub use baseline::{Baseline, Circumstances, Entry, FILE_NAME};
pub use limit::{Limit, Limits, Max, Tolerance};
pub use measured::{Measured, measured, widen};
pub use verdict::{accept, judge, unheld, vanished, without_entry};
