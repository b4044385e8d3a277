//! codspeed-criterion-compat: criterion 0.5 under another name, reached through a crate that only passes on.

use super::anchors::FileEdits;
use super::criterion::{
    ANALYSIS, OPEN_ASYNC_CUSTOM, OPEN_SELF_CUSTOM, batched, clock_starts, clock_stops, custom, hook, iter_entry,
};
use super::source::Source;

pub const CODSPEED_CRITERION: Source = Source {
    package: "codspeed-criterion-compat-walltime",
    crate_name: "codspeed_criterion_compat_walltime",
    versions: "6.0.0",
    known: "codspeed-criterion-compat 6.0",
    edits: &[
        FileEdits {
            file: "bencher.rs",
            edits: &[
                iter_entry(8),
                clock_starts(10),
                clock_stops(10),
                batched(4),
                custom("self.value = routine(self.iters);", OPEN_SELF_CUSTOM),
                custom("b.value = routine(b.iters).await;", OPEN_ASYNC_CUSTOM),
            ],
        },
        ANALYSIS,
    ],
    hook,
};
