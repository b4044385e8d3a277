//! Where the hook goes in divan.

use super::anchors::{Edit, FileEdits};
use super::source::Source;

pub const DIVAN: Source = Source {
    package: "divan",
    crate_name: "divan",
    with_file: "",
    versions: "0.1.11 to 0.1.21",
    known: "divan 0.1",
    edits: &[FileEdits { file: BENCHMARK, edits: LOOP }, FileEdits { file: BENCHMARK, edits: SAMPLES }, RUNNER],
    hook,
};

/// 0.1.11 to 0.1.17: the module of the timing loops has another name. It comes first, because no file marks the newer
/// versions.
pub const DIVAN_WITH_BENCH: Source = Source {
    with_file: BENCH,
    edits: &[FileEdits { file: BENCH, edits: LOOP }, FileEdits { file: BENCH, edits: SAMPLES }, RUNNER],
    hook: hook_of_bench,
    ..DIVAN
};

pub const BENCH: &str = "bench/mod.rs";
const BENCHMARK: &str = "benchmark/mod.rs";

pub fn hook_of_bench() -> String {
    hook().replace("crate::benchmark::", "crate::bench::")
}

fn hook() -> String {
    include_str!("../../../templates/divan/hook.rs").to_owned()
}

/// The timing loops. Each of several threads has a clock of its own, and says how many iterations it runs.
pub const LOOP: &[Edit] = &[
    Edit {
        find: "sample_start = UntaggedTimestamp::start(timer_kind);",
        put: "sample_start = UntaggedTimestamp::start(timer_kind); memprof_rt::open_shared(sample_size as u64);",
        times: 3,
    },
    Edit {
        find: "sample_end = UntaggedTimestamp::end(timer_kind);",
        put: "memprof_rt::close_shared(); sample_end = UntaggedTimestamp::end(timer_kind);",
        times: 3,
    },
    // Its threads wait for each other; that is not a wait in the user's code.
    Edit { find: "barrier.wait();", put: "{ let _own = memprof_rt::own_waits(); barrier.wait(); }", times: 2 },
    Edit {
        find: "self.samples.sample_size = sample_size;",
        put: "self.samples.sample_size = sample_size; memprof_rt::between();",
        times: 1,
    },
    Edit {
        find: "defer_store.prepare(sample_size);",
        put: "memprof_rt::batched(); defer_store.prepare(sample_size);",
        times: 1,
    },
];

/// The hook reads the samples.
const SAMPLES: &[Edit] =
    &[Edit { find: "    samples: SampleCollection,", put: "    pub(crate) samples: SampleCollection,", times: 1 }];

/// The places where each benchmark is run, and where its modules and groups begin and end.
pub const RUNNER: FileEdits = FileEdits {
    file: "divan.rs",
    edits: &[
        Edit {
            find: "tree_painter.borrow_mut().start_parent(name, is_last);",
            put: "tree_painter.borrow_mut().start_parent(name, is_last); crate::memprof_hook::enter(name, matches!(child, EntryTree::Parent { group: Some(_), .. }));",
            times: 1,
        },
        Edit {
            find: "self.run_tree(action, children, shared_context, options, tree_painter);",
            put: "self.run_tree(action, children, shared_context, options, tree_painter); crate::memprof_hook::leave();",
            times: 1,
        },
        Edit {
            find: "with_bencher(Bencher::new(&mut bench_context));",
            put: "if crate::memprof_hook::takes_over(shared_context, options, thread_count, has_thread_branches, entry_display_name, if matches!(bench_entry.bench_runner(), BenchEntryRunner::Args(_)) { Some(bench_display_name) } else { None }, with_bencher) { tree_painter.borrow_mut().finish_empty_leaf(); continue; } with_bencher(Bencher::new(&mut bench_context));",
            times: 1,
        },
    ],
};
