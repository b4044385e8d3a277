//! What every measuring command shares: selecting, building, listing and measuring benchmarks; progress; baselines and
//! revisions; the writer of a run.

pub mod baseline;
pub mod last_run;
pub mod partition;
pub mod prepare;
pub mod progress;
mod revision;
pub mod writer;
