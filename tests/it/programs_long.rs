//! Programs that allocate often, on many threads, from many stacks: samples, the table of stacks, and what it takes.

use serde_json::Value;

use crate::programs::{memory, run, sum_of_file, sum_of_function};
use crate::support;

#[test]
fn a_sample_says_how_accurate_it_is_and_leaves_the_totals_exact() {
    let (_, exact) = run(0, "sampled", &["-q"], &[]);
    let (told, line) = run(0, "sampled", &["--sample", "16KiB"], &[]);
    for field in ["allocs", "bytes", "frees", "reallocs", "peak_bytes", "live_blocks", "live_bytes", "temporary_allocs"]
    {
        assert_eq!(memory(&line, field), memory(&exact, field), "{field}");
    }
    assert_eq!((memory(&line, "sampled_rate"), &exact["memory"]["sampled_rate"]), (16 << 10, &Value::Null));
    // 9.6 MB, 20 MB and 80 MB, of which the last are all taken: some 600 + 1,200 + 20 samples.
    let samples = memory(&line, "samples");
    assert!((1_500..2_200).contains(&samples), "{samples}");
    let error = line["memory"]["sample_error"].as_f64().unwrap();
    assert!(error > 0.0 && error < 0.05, "{error}");
    for (function, kind, deviations) in [
        ("sampled::small", "alloc_space", 0.05),
        ("sampled::small", "inuse_space", 0.07),
        ("sampled::medium", "alloc_objects", 0.04),
        ("sampled::large", "alloc_space", 0.0),
    ] {
        let [is, was] = [&line, &exact].map(|line| sum_of_function(line, kind, function));
        assert!((is / was - 1.0).abs() <= 5.0 * deviations, "{function} {kind}: {is}, not {was}");
    }
    assert!(told.stderr.contains("one byte in 16,384 recorded: ±"), "{}", told.stderr);
    assert!(told.stderr.contains("; totals exact\n") && told.stderr.contains(" samples)\n"), "{}", told.stderr);
    let mem = support::read_profile(line["profiles"]["mem"].as_str().unwrap());
    // The recorder's own frames are cut.
    let mut leaves = mem.samples.iter().filter_map(|sample| support::functions(&mem, sample).next());
    assert!(leaves.all(|leaf| leaf.starts_with("alloc::vec::Vec<")), "{told:?}");
    let comments = mem.comments.iter().filter(|comment| comment.starts_with("memprof: ±"));
    assert!(mem.period == 16 << 10 && comments.count() >= 3, "{:?}", mem.comments);
}

#[test]
fn what_costs_too_much_is_sampled_from_then_on() {
    let (_, line) = run(0, "sampled", &["-q", "--sample", "auto"], &["200"]);
    assert_eq!(memory(&line, "sampled_rate"), 512 << 10);
    let (_, exact) = run(0, "sampled", &["-q", "--no-profiles"], &["200"]);
    for field in ["allocs", "bytes", "frees", "live_blocks", "live_bytes"] {
        assert_eq!(memory(&line, field), memory(&exact, field), "{field}");
    }
    assert!(memory(&line, "sampled_from_ns") > 0 && memory(&line, "samples") > 0, "{line}");
    let (file, all) = (sum_of_file(&line, "alloc_space") as f64, memory(&line, "bytes") as f64);
    assert!((file / all - 1.0).abs() < 0.3, "{file} of {all}");
    let (_, cheap) = run(0, "counted", &["-q", "--sample", "auto"], &[]);
    assert_eq!((&cheap["memory"]["sampled_rate"], &cheap["memory"]["exact"]), (&Value::Null, &true.into()));
}

#[test]
fn threads_share_the_stacks_that_all_of_them_have() {
    let (told, line) = run(0, "many", &[], &["16", "20000", "1280000"]);
    assert_eq!(line["memory"]["exact"], true);
    let stacks = memory(&line, "stacks");
    assert!((20_000..20_200).contains(&stacks), "{stacks}");
    assert_eq!(sum_of_function(&line, "alloc_objects", "many::descend"), 1_280_000.0);
    assert_eq!(sum_of_function(&line, "alloc_space", "many::descend"), 24.0 * 1_280_000.0);
    assert_eq!(sum_of_function(&line, "inuse_objects", "many::descend"), 0.0);
    assert!(told.stderr.contains(" MB, 20,"), "{}", told.stderr);
    assert!(memory(&line, "recording_bytes") < 128_000_000, "{line}");
}

/// A table for the process with 20,000 stacks that 64 threads come by a thousand million times: minutes.
#[test]
fn a_run_of_many_threads_and_stacks_stays_small() {
    if !support::test_slow() {
        return println!("skipped: MEMPROF_TEST_SLOW is not set");
    }
    let (_, line) = run(0, "many", &["-q", "--cpu-rate", "0"], &["64", "20000", "1000000000"]);
    assert_eq!((&line["memory"]["exact"], line["memory"].get("lost")), (&true.into(), None));
    assert_eq!(sum_of_function(&line, "alloc_objects", "many::descend"), 1e9);
    let recording = memory(&line, "recording_bytes");
    println!("{recording} bytes for {} stacks", memory(&line, "stacks"));
    assert!(recording < 256_000_000, "{recording}");
}
