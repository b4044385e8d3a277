//! Every endpoint: what it holds, and that both readers of profiles print the same of it.

use super::{Live, go, ours};
use crate::support;

#[test]
fn both_pprofs_read_every_profile_alike() {
    let live = Live::start(&[]);
    live.does("leak?200");
    live.does("allocate?100");
    live.does("contend?50");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("profile");
    let file = file.to_str().unwrap();
    for (path, wanted) in [
        ("heap", "server::remember_session"),
        ("allocs", "server::handle_request"),
        ("block", "server::wait_for_lock"),
        ("mutex", "server::wait_for_lock"),
        ("goroutine", "std::sys::thread::unix::sleep"),
        ("threadcreate", ""),
        ("profile?seconds=1", ""),
        ("allocs?seconds=1", ""),
    ] {
        let answer = live.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let name = path.split('?').next().unwrap();
        let delta = if path.starts_with("allocs?") { "-delta" } else { "" };
        let disposition = format!("attachment; filename=\"{name}{delta}\"");
        assert_eq!(answer.header("content-disposition"), Some(disposition.as_str()));
        std::fs::write(file, &answer.body).unwrap();
        let printed = ours(&["-top", file], home.path());
        assert!(printed.contains(wanted), "{path}: {printed}");
        if let Some(reference) = go(&["-top", file], home.path()) {
            assert_eq!(printed, reference, "{path}");
        }
    }
}

/// The program counts itself, with an allocator that shares nothing with the recorder.
#[test]
fn totals_are_the_program_s_own() {
    let live = Live::start(&[]);
    let sums = || {
        let heap = live.get("heap").body;
        let profile = cargo_memprof::pprof::profile::read(&heap).unwrap();
        ["alloc_objects", "alloc_space", "inuse_space"].map(|kind| support::sum(&profile, kind, |_| true))
    };
    live.does("leak?10");
    // Both of its threads have started then, and the worker has waited for a job, for which std allocates once.
    live.does("contend?100");
    live.does("contend?100");
    let (before, own_before) = (sums(), live.does("numbers"));
    live.does("leak?500");
    live.does("allocate?300");
    live.does("forget");
    live.does("leak?20");
    let (after, own_after) = (sums(), live.does("numbers"));
    let changes = |i: usize, own: usize| (after[i] - before[i], own_after[own] - own_before[own]);
    for (i, own) in [(0, 0), (1, 1), (2, 3)] {
        let (change, own_change) = changes(i, own);
        assert_eq!(change, own_change, "of {before:?}, {after:?} and {own_before:?}, {own_after:?}");
    }
}

#[test]
fn text_is_as_go_s() {
    let live = Live::start(&[]);
    live.does("leak?100");
    live.does("contend?30");
    let text = |path: &str| {
        let answer = live.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")), "{path}");
        assert_eq!(answer.header("content-disposition"), None);
        answer.text()
    };
    let heap = text("heap?debug=1");
    assert!(heap.starts_with("heap profile: ") && heap.lines().next().unwrap().ends_with(" @ heap/2"), "{heap}");
    for wanted in
        ["\n100: 100000 [100: 100000] @ 0x", "server::remember_session+0x", "\n# runtime.MemStats\n# Alloc = "]
    {
        assert!(heap.contains(wanted), "{wanted}: {heap}");
    }
    let mutex = text("mutex?debug=1");
    assert!(mutex.starts_with("--- mutex:\ncycles/second=1000000000\nsampling period=1\n"), "{mutex}");
    assert!(mutex.contains("server::wait_for_lock"), "{mutex}");
    assert!(text("block?debug=1").starts_with("--- contention:\ncycles/second="));
    let threads = text("goroutine?debug=1");
    assert!(threads.starts_with("goroutine profile: total 3\n"), "{threads}");
    assert!(threads.contains("\n# labels: {\"thread\":\"sleeper\"}\n"), "{threads}");
    assert!(text("threadcreate?debug=1").starts_with("threadcreate profile: total 3\n"));
    let panic = text("goroutine?debug=2");
    for wanted in
        ["[sleep] {thread: sleeper}:\n", "[chan receive] {thread: worker}:\n", "{thread: main}:\n", "server::main"]
    {
        assert!(panic.contains(wanted), "{wanted}: {panic}");
    }
    let words: Vec<String> = text("cmdline").split('\0').map(str::to_owned).collect();
    assert!(words.len() == 1 && words[0].ends_with("/server"), "{words:?}");
    let index = live.get("");
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(index.text().contains("<tr><td>3</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr>"));
}

/// Of a sample the profile is scaled and says so; its text is not, and says by which rate readers are to scale it.
#[test]
fn a_sampled_heap_is_scaled() {
    let live = Live::start(&["--sample", "4KiB"]);
    live.does("leak?20000");
    let profile = cargo_memprof::pprof::profile::read(&live.get("heap").body).unwrap();
    let said: Vec<&str> = profile.comments.iter().map(|comment| &**comment).collect();
    assert_eq!(profile.period, 4096);
    assert!(said.iter().any(|line| line.contains("one byte in 4,096 had its allocation recorded; ±")), "{said:?}");
    let text = live.get("heap?debug=1").text();
    let head = text.lines().next().unwrap();
    assert!(head.ends_with(" @ heap/8192"), "{head}");
    let own = live.does("numbers");
    // 20 MB by about 4,400 samples: 1.5 % is one standard deviation.
    let close = |value: i64| (18_000_000..22_000_000).contains(&value);
    assert!(close(own[3]) && close(support::sum(&profile, "inuse_space", |_| true)), "{own:?}");
    let read = cargo_memprof::pprof::profile::read(text.as_bytes()).unwrap();
    assert!(close(support::sum(&read, "inuse_space", |_| true)), "{head}");
    // What was recorded is a fifth of that; totals are exact.
    let recorded: i64 = head.split(' ').nth(3).unwrap().parse().unwrap();
    assert!((3_000_000..6_000_000).contains(&recorded), "{head}");
    let total = text.lines().find_map(|line| line.strip_prefix("# TotalAlloc = ")).unwrap().parse::<i64>().unwrap();
    // The recorder's own start is the program's, too, by its own counts.
    assert!(total <= own[1] && own[1] - total < 2_000_000, "{total}, {own:?}");
}

/// In the Firefox Profiler's format, as its header says.
#[test]
fn a_trace_is_of_its_time() {
    let live = Live::start(&[]);
    let (answer, _) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| live.get("trace?seconds=1.5"));
        std::thread::sleep(std::time::Duration::from_millis(500));
        let done = (live.does("leak?100"), live.does("contend?50"), live.does("compute?300"));
        (asking.join().unwrap(), done)
    });
    assert_eq!(answer.status, 200, "{}", answer.text());
    let format = answer.headers.iter().find(|(_, value)| value.contains("Firefox Profiler"));
    assert!(format.is_some(), "{:?}", answer.headers);
    let trace: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let threads = trace["threads"].as_array().unwrap();
    let names: Vec<&str> = threads.iter().filter_map(|thread| thread["name"].as_str()).collect();
    assert!(names.iter().any(|name| name.contains("worker")), "{names:?}");
    let text = answer.text();
    for function in ["server::remember_session", "server::wait_for_lock"] {
        assert!(text.contains(function), "{function}");
    }
}

#[test]
fn addresses_have_names() {
    let live = Live::start(&[]);
    live.does("leak?10");
    let heap = live.get("heap?debug=1").text();
    let line = heap.lines().find(|line| line.contains("server::remember_session+")).unwrap();
    let address = line.split('\t').nth(1).unwrap();
    let symbols = live.get(&format!("symbol?{address}+0x1+zz")).text();
    assert_eq!(symbols, format!("num_symbols: 1\n{address} server::remember_session\n"));
    assert_eq!(live.get("symbol").text(), "num_symbols: 1\n");
}

/// `seconds=` holds what happened within that time; with `delta=alloc` memory in use is as it is.
#[test]
fn differences_are_of_their_time() {
    let live = Live::start(&[]);
    live.does("leak?50");
    let difference = |query: &str| {
        let answer = std::thread::scope(|scope| {
            let asking = scope.spawn(|| live.get(&format!("heap?seconds=2{query}")));
            // In the middle of it.
            std::thread::sleep(std::time::Duration::from_secs(1));
            live.does("forget");
            asking.join().unwrap()
        });
        let profile = cargo_memprof::pprof::profile::read(&answer.body).unwrap();
        assert!(profile.duration_nanos >= 2_000_000_000);
        ["alloc_space", "inuse_space"].map(|kind| {
            let named = |sample: &_| support::functions(&profile, sample).any(|name| name.contains("remember_session"));
            support::sum(&profile, kind, named)
        })
    };
    let [allocated, change] = difference("");
    assert_eq!((allocated, change <= -50_000), (0, true), "{change}");
    live.does("leak?20");
    let [allocated, in_use] = difference("&delta=alloc");
    // The list of what was forgotten keeps its room.
    assert!(allocated == 0 && (1..20_000).contains(&in_use), "{allocated}, {in_use}");
}
