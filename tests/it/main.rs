//! Every integration test, in one executable: a module a topic. `cargo test --test it TOPIC::` runs one topic.
//!
//! Helpers stand in `support`; golden files in `tests/golden`, `tests/compare` and `tests/export`.

mod allocator;
mod bad_input;
mod baselines;
mod block;
mod compare_golden;
mod compare_kit;
mod compare_statistics;
mod cpu_split;
mod dhat;
mod exact;
mod explain;
mod export_golden;
mod gate;
mod harnesses;
mod json;
mod large;
mod odd_input;
mod oracle;
mod pprof_fuzz;
mod pprof_golden;
mod pprof_kit;
mod pprof_odd;
mod pprof_seeds;
mod profiles;
mod recording_brackets;
mod recording_hostile;
mod recording_peak;
mod recording_samples;
mod recording_stacks;
mod shapes;
mod support;
mod symbolize;
mod trouble;
mod untouched;
mod unwind_builds;
mod unwind_tables;
mod unwind_walks;
mod variants;
mod web_browser;
mod web_kit;
mod web_large;
mod web_report;
mod web_security;
mod web_source;
