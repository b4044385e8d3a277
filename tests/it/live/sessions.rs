//! Sessions as users have them with Go programs: fetching by URL, two heap files and `-base`, `-seconds`.

use super::{Live, go, ours};

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
