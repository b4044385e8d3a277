//! Sessions as users have them with Go programs: fetching by URL, two heap files and `-base`, `-seconds`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Live, go, ours};
use crate::support::{command, tool};

#[test]
fn a_leak_is_found_by_two_heaps() {
    let live = Live::start(&[]);
    let home = tempfile::tempdir().unwrap();
    let save = |name: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, live.get("heap").body).unwrap();
        path.to_str().unwrap().to_owned()
    };
    live.does("leak?20");
    let before = save("before");
    live.does("leak?300");
    live.does("allocate?500");
    let after = save("after");
    let printed = ours(&["-sample_index=inuse_objects", "-base", &before, "-top", &after], home.path());
    let line =
        printed.lines().find(|line| line.ends_with("server::remember_session")).unwrap_or_else(|| panic!("{printed}"));
    assert!(line.contains(" 300 "), "{printed}");
    assert!(!printed.contains("handle_request"), "{printed}");
    if let Some(reference) = go(&["-sample_index=inuse_objects", "-base", &before, "-top", &after], home.path()) {
        assert_eq!(printed, reference);
    }
}

/// Profiles are fetched, saved and shown, by both alike.
#[test]
fn profiles_are_fetched_by_address() {
    let live = Live::start(&[]);
    live.does("leak?100");
    live.does("contend?20");
    let home = tempfile::tempdir().unwrap();
    let without_times = |text: String| -> Vec<String> {
        let timed = |line: &&str| !line.starts_with("Time: ") && !line.starts_with("Duration: ");
        text.lines().filter(timed).map(str::to_owned).collect()
    };
    for path in ["heap", "allocs", "mutex", "block", "goroutine", "threadcreate"] {
        let url = live.url(path);
        let printed = without_times(ours(&["-top", &url], home.path()));
        assert!(printed.iter().any(|line| line.starts_with("Showing nodes")), "{printed:?}");
        if let Some(reference) = go(&["-top", &url], home.path()) {
            assert_eq!(printed, without_times(reference), "{path}");
        }
    }
    let base = live.url("heap");
    let same = ours(&["-top", "-base", &base, &base], home.path());
    assert!(same.contains("accounting for 0"), "{same}");
    let profile = ours(&["-top", "-seconds=1", &live.url("profile")], home.path());
    assert!(profile.contains("Type: cpu"), "{profile}");
}

/// `go tool pprof ARGUMENTS` with these lines typed, by both; the moment and the place of the saved copy are left out.
fn session(home: &Path, arguments: &[&str], typed: &str) -> String {
    let run = |mut command: Command| {
        command.args(arguments).env("HOME", home).env("PPROF_TMPDIR", home).env("TZ", "UTC");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        let lines = text.lines().filter(|line| !line.starts_with("Time: ")).map(|line| {
            let saved = line.starts_with("Saved profile in ").then(|| line.rsplit_once(".0").map(|(name, _)| name));
            let line = saved.flatten().unwrap_or(line);
            line.split(", Total samples").next().filter(|_| line.starts_with("Duration: ")).map_or(line, |_| "Duration")
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut ours = tool(home);
    ours.arg("pprof");
    let printed = run(ours);
    match std::env::var_os("MEMPROF_GO_PPROF") {
        Some(pprof) => assert_eq!(printed, run(command(pprof, home)), "{arguments:?}: {typed}"),
        None => eprintln!("SKIPPED: set MEMPROF_GO_PPROF to what `go tool -n pprof` prints to test with it"),
    }
    printed
}

/// `curl -o FILE URL`, then `go tool pprof FILE`: CPU time, memory and threads over some seconds.
#[test]
fn the_documents_sessions_with_a_saved_profile() {
    let live = Live::start(&[]);
    live.does("leak?200");
    let home = tempfile::tempdir().unwrap();
    // What happens meanwhile happens in the middle of it.
    let saved = |path: &str, does: &str| {
        let answer = std::thread::scope(|scope| {
            let asking = scope.spawn(|| live.get(path));
            std::thread::sleep(Duration::from_secs(1));
            live.does(does);
            asking.join().unwrap()
        });
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let file = home.path().join("saved.prof");
        std::fs::write(&file, answer.body).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let cpu = saved("profile?seconds=2", "compute?700");
    let printed = session(home.path(), &[&cpu], "top 10\ntop -cum 10\nlist compute\ntree -cum 10\n");
    assert!(printed.contains("server::compute") && printed.contains("Type: cpu\nDuration"), "{printed}");
    assert!(session(home.path(), &["--nodefraction=0.1", "-top", &cpu], "").contains("server::compute"));
    // Freed: negative.
    let heap = saved("heap?seconds=2&gc=1", "forget");
    let printed = session(home.path(), &[&heap], "top 10\ntop -cum\nlist remember_session\n");
    assert!(printed.contains("Type: inuse_space\nDuration") && printed.contains("for -"), "{printed}");
    let threads = saved("goroutine?seconds=2", "allocate?1");
    let printed = session(home.path(), &[&threads], "top\ntree -cum 5\n");
    assert!(printed.contains("Type: goroutine\nDuration"), "{printed}");
}

/// `curl URL?debug=1` and 2: what the documents read there.
#[test]
fn the_documents_texts() {
    let live = Live::start(&[]);
    live.does("leak?200");
    let text = |path: &str| live.get(path).text();
    let index = text("");
    for profile in
        ["allocs", "block", "cmdline", "goroutine", "heap", "mutex", "profile", "symbol", "threadcreate", "trace"]
    {
        assert!(
            index.contains(&format!("{profile}: ")) || index.contains(&format!(">{profile}<")),
            "{profile}: {index}"
        );
    }
    assert!(index.contains("full goroutine stack dump"), "{index}");
    let heap = text("heap?debug=1");
    let number = |name: &str| {
        let line = heap.lines().find_map(|line| line.strip_prefix(&format!("# {name} = ")));
        line.unwrap_or_else(|| panic!("{name}: {heap}")).parse::<i64>().unwrap()
    };
    let [allocs, bytes, frees, live_bytes] = live.does("numbers");
    // The program's own numbers are a request later.
    assert!(number("Mallocs") <= allocs && number("TotalAlloc") <= bytes && number("Frees") <= frees);
    assert_eq!((number("Alloc"), number("HeapObjects")), (number("HeapAlloc"), number("Mallocs") - number("Frees")));
    assert!(number("Alloc") >= 200_000 && number("Alloc") <= live_bytes && number("MaxRSS") > 1 << 20);
    assert!(text("goroutine?debug=1").starts_with("goroutine profile: total 3\n"));
    let threads = text("goroutine?debug=2");
    assert!(threads.starts_with("goroutine ") && threads.contains("server::main(...)\n\t"), "{threads}");
}
