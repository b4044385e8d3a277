//! codspeed-divan-compat: divan 0.1.17 under another name, with another name for the module of the timing loops.

use super::anchors::FileEdits;
use super::divan::{BENCH, LOOP, RUNNER, hook_of_bench};
use super::source::Source;

pub const CODSPEED_DIVAN: Source = Source {
    package: "codspeed-divan-compat-walltime",
    crate_name: "codspeed_divan_compat_walltime",
    with_file: "",
    versions: "6.0.0",
    known: "codspeed-divan-compat 6.0",
    edits: &[FileEdits { file: BENCH, edits: LOOP }, RUNNER],
    hook: hook_of_bench,
};
