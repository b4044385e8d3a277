//! codspeed-criterion-compat: criterion 0.5 under another name, reached through a crate that only re-exports it.

use super::criterion::{ANALYSIS, BENCHER, SAMPLES, WARM_UP, hook};
use super::source::Source;

pub const CODSPEED_CRITERION: Source = Source {
    package: "codspeed-criterion-compat-walltime",
    crate_name: "codspeed_criterion_compat_walltime",
    with_file: "",
    versions: "6.0.0",
    known: "codspeed-criterion-compat 6.0",
    edits: &[BENCHER, SAMPLES, WARM_UP, ANALYSIS],
    hook,
};
