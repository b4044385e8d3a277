//! Exit codes, in the order in which they apply. They are part of what users see: CI scripts branch on them.

/// All well.
pub const OK: u8 = 0;
/// Any error that has no code of its own.
pub const ERROR: u8 = 1;
/// Wrong arguments, and every error of `pprof` (as pprof's own).
pub const USAGE: u8 = 2;
/// `check` failed: a regression, a budget, a benchmark that vanished, a missing baseline.
pub const CHECK_FAILED: u8 = 100;
/// The user's code does not build.
pub const BUILD_FAILED: u8 = 101;
/// No workspace, or a configuration that cannot be used.
pub const NO_WORKSPACE: u8 = 102;
/// A bench crashed, hung or failed; the others are still reported.
pub const BENCH_FAILED: u8 = 103;
/// Nothing matched, or nothing could be counted.
pub const NOTHING_MEASURED: u8 = 104;
