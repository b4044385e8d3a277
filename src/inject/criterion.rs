//! Where the hook goes in criterion 0.3 to 0.8: the same anchors, the same number of times, in every one of them.

use super::anchors::{Edit, FileEdits};

/// The module that is added to the crate.
pub const HOOK: &str = include_str!("../../templates/criterion/hook.rs");

/// Versions that were tried.
pub const KNOWN: &str = "0.3.6, 0.4.0, 0.5.1, 0.6.0, 0.7.0 and 0.8.2";

pub const EDITS: &[FileEdits] = &[
    FileEdits {
        file: "bencher.rs",
        edits: &[
            Edit { find: "iterated = true;", put: "iterated = true; memprof_rt::iter_entry();", times: 8 },
            // The bracket opens after the clock starts and closes before it stops: what a custom Measurement allocates stays out.
            Edit { find: ".measurement.start();", put: ".measurement.start(); memprof_rt::open();", times: 10 },
            Edit {
                find: ".measurement.end(start);",
                put: ".measurement.end({ memprof_rt::close(); start });",
                times: 10,
            },
            Edit {
                find: "let batch_size = size.iters_per_batch(",
                put: "memprof_rt::batched(); let batch_size = size.iters_per_batch(",
                times: 4,
            },
            Edit {
                find: "self.value = routine(self.iters);",
                put: "memprof_rt::open_custom(); self.value = routine(self.iters); memprof_rt::close();",
                times: 1,
            },
            Edit {
                find: "b.value = routine(b.iters).await;",
                put: "memprof_rt::open_custom(); b.value = routine(b.iters).await; memprof_rt::close();",
                times: 1,
            },
        ],
    },
    FileEdits {
        file: "analysis/mod.rs",
        edits: &[Edit {
            find: "criterion.report.benchmark_start(id, report_context);",
            put: "if crate::memprof_hook::takes_over(id, routine, config, criterion, parameter) { return; } criterion.report.benchmark_start(id, report_context);",
            times: 1,
        }],
    },
];

/// The root source with the hook's module behind it.
pub fn with_hook(root: &str) -> String {
    format!("{root}\nmod memprof_hook {{\n{HOOK}}}\n")
}
