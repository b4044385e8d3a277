//! codspeed-divan-compat: divan 0.1.17 under another name, whose module of the timing loops is called differently.

use super::anchors::FileEdits;
use super::divan::{LOOP, RUNNER, hook};
use super::source::Source;

pub const CODSPEED_DIVAN: Source = Source {
    package: "codspeed-divan-compat-walltime",
    crate_name: "codspeed_divan_compat_walltime",
    versions: "6.0.0",
    known: "codspeed-divan-compat 6.0",
    edits: &[FileEdits { file: "bench/mod.rs", edits: LOOP }, RUNNER],
    hook: || hook().replace("crate::benchmark::", "crate::bench::"),
};
