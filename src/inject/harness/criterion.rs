//! Where the hook goes in criterion 0.3 to 0.8: the same anchors, the same number of times, in every one of them.

use super::anchors::{Edit, FileEdits};
use super::source::Source;

pub const CRITERION: Source = Source {
    package: "criterion",
    crate_name: "criterion",
    with_file: "",
    versions: "0.3.6, 0.4.0, 0.5.1, 0.6.0, 0.7.0 and 0.8.2",
    known: "criterion 0.3 to 0.8",
    edits: &[BENCHER, SAMPLES, WARM_UP, ANALYSIS],
    hook,
};

pub const BENCHER: FileEdits = FileEdits {
    file: "bencher.rs",
    edits: &[
        iter_entry(8),
        clock_starts(10),
        clock_stops(10),
        batched(4),
        custom("self.value = routine(self.iters);", OPEN_SELF_CUSTOM),
        custom("b.value = routine(b.iters).await;", OPEN_ASYNC_CUSTOM),
    ],
};

/// A sample is over.
pub const SAMPLES: FileEdits = FileEdits {
    file: "bencher.rs",
    edits: &[Edit {
        find: "fn assert_iterated(&mut self) {",
        put: "fn assert_iterated(&mut self) { memprof_rt::between();",
        times: 1,
    }],
};

/// Criterion's warm-up counts the time in the loop only: a set-up before it may take much longer.
pub const WARM_UP: FileEdits = FileEdits {
    file: "routine.rs",
    edits: &[Edit {
        find: "if elapsed_time > how_long {",
        put: "if elapsed_time > how_long || memprof_rt::is_warm() {",
        times: 1,
    }],
};

/// Criterion's relatives have the same hook at the same places, in other numbers.
pub fn hook() -> String {
    include_str!("../../../templates/criterion/hook.rs").to_owned()
}

pub const fn iter_entry(times: usize) -> Edit {
    Edit { find: "iterated = true;", put: "iterated = true; memprof_rt::iter_entry();", times }
}

/// The bracket opens after the clock starts and closes before it stops: allocations of a custom Measurement stay out.
pub const fn clock_starts(times: usize) -> Edit {
    Edit { find: ".measurement.start();", put: ".measurement.start(); memprof_rt::open();", times }
}

pub const fn clock_stops(times: usize) -> Edit {
    Edit { find: ".measurement.end(start);", put: ".measurement.end({ memprof_rt::close(); start });", times }
}

pub const fn batched(times: usize) -> Edit {
    Edit {
        find: "let batch_size = size.iters_per_batch(",
        put: "memprof_rt::batched(); let batch_size = size.iters_per_batch(",
        times,
    }
}

pub const OPEN_SELF_CUSTOM: &str = "memprof_rt::open_custom(); self.value = routine(self.iters); memprof_rt::close();";
pub const OPEN_ASYNC_CUSTOM: &str = "memprof_rt::open_custom(); b.value = routine(b.iters).await; memprof_rt::close();";

pub const fn custom(find: &'static str, put: &'static str) -> Edit {
    Edit { find, put, times: 1 }
}

pub const ANALYSIS: FileEdits = FileEdits {
    file: "analysis/mod.rs",
    edits: &[Edit {
        find: "criterion.report.benchmark_start(id, report_context);",
        put: "if crate::memprof_hook::takes_over(id, routine, config, criterion, report_context, parameter) { return; } criterion.report.benchmark_start(id, report_context);",
        times: 1,
    }],
};
