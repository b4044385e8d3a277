//! criterion2, a fork of criterion 0.5 whose library is called `criterion`, too: more timing loops, the same places.

use super::anchors::FileEdits;
use super::criterion::{
    ANALYSIS, OPEN_ASYNC_CUSTOM, OPEN_SELF_CUSTOM, SAMPLES, WARM_UP, batched, clock_starts, clock_stops, custom, hook,
    iter_entry,
};
use super::source::Source;

pub const CRITERION2: Source = Source {
    package: "criterion2",
    crate_name: "criterion",
    with_file: "",
    versions: "3.0.5",
    known: "criterion2 3.0",
    edits: &[
        FileEdits {
            file: "bencher.rs",
            edits: &[
                iter_entry(10),
                clock_starts(13),
                clock_stops(13),
                batched(5),
                custom("self.value = routine(self.iters);", OPEN_SELF_CUSTOM),
                custom("b.value = routine(b.iters).await;", OPEN_ASYNC_CUSTOM),
            ],
        },
        SAMPLES,
        WARM_UP,
        ANALYSIS,
    ],
    hook,
};
