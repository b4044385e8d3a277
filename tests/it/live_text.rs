//! Go's text forms of /debug/pprof. `tests/live/reference.go` has written its profiles as protocol buffers and as text
//! (`tests/golden/live`): from the first our writers make the second, line by line. With `MEMPROF_GO` (the command `go`) the
//! program is run anew; `MEMPROF_BLESS=1` keeps its files.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use cargo_memprof::live::text::{MemStats, Stacks, Thread, block, count, heap, index, mutex, panic};
use cargo_memprof::pprof::profile::{self, Builder, Line, Profile};

use crate::support;

/// The folder with the reference's files.
static REFERENCE: LazyLock<PathBuf> = LazyLock::new(|| {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let golden = tests.join("golden/live");
    let Some(go) = std::env::var_os("MEMPROF_GO") else {
        eprintln!("SKIPPED: MEMPROF_GO does not name Go's command, so its forms are those of an earlier run");
        return golden;
    };
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("live-reference");
    std::fs::create_dir_all(&built).unwrap();
    let mut build = Command::new(go);
    // Nothing is inlined: then a profile tells as many addresses as the text.
    build.args(["build", "-trimpath", "-gcflags=all=-l", "-o"]).arg(built.join("reference")).arg("reference.go");
    build.current_dir(tests.join("live")).env("GOCACHE", built.join("cache")).env("CGO_ENABLED", "0");
    assert!(build.status().unwrap().success());
    let files = built.join("files");
    std::fs::create_dir_all(&files).unwrap();
    assert!(Command::new(built.join("reference")).arg(&files).status().unwrap().success());
    let all = std::fs::read_to_string(files.join("heap.1")).unwrap();
    std::fs::write(files.join("heap.1"), own_records(&all)).unwrap();
    if std::env::var_os("MEMPROF_BLESS").is_some() {
        for name in ["heap.0", "heap.1", "block.0", "block.1", "mutex.0", "mutex.1", "goroutine.0", "goroutine.1"]
            .into_iter()
            .chain(["goroutine.2", "threadcreate.0", "threadcreate.1", "index"])
        {
            std::fs::copy(files.join(name), golden.join(name)).unwrap();
        }
    }
    files
});

/// The header, what the program itself allocates, and the statistics: the rest is Go's runtime, and long.
fn own_records(text: &str) -> String {
    let (head, rest) = text.split_once('\n').unwrap();
    let is_own =
        |record: &&str| record.contains("main.keep") || record.contains("main.forget") || record.contains("MemStats");
    let own: Vec<&str> = rest.split("\n\n").filter(is_own).collect();
    format!("{head}\n{}", own.join("\n\n"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(REFERENCE.join(name)).unwrap()
}

/// A line of numbers, with the lines of its functions.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Record {
    numbers: Vec<i64>,
    addresses: Vec<String>,
    comments: Vec<String>,
}

/// The records of a text, without its header.
fn records(text: &str) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for line in text.lines().take_while(|line| !line.contains("MemStats")) {
        if let (true, Some((numbers, addresses))) = (!line.contains("heap/"), line.split_once('@')) {
            let numbers = numbers.split(|char: char| !char.is_ascii_digit()).filter_map(|number| number.parse().ok());
            let addresses =
                addresses.split_whitespace().filter(|address| *address != "0x0").map(str::to_owned).collect();
            records.push(Record { numbers: numbers.collect(), addresses, comments: Vec::new() });
        } else if let (Some(record), true) = (records.last_mut(), line.starts_with('#')) {
            record.comments.push(line.to_owned());
        }
    }
    records
}

/// The start of the function at each address that a text tells.
fn starts(text: &str) -> HashMap<u64, u64> {
    let hex = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let frame = |line: &str| {
        let mut words = line.strip_prefix("#\t")?.split_whitespace();
        let pc = hex(words.next()?)?;
        Some((pc, pc - hex(words.next()?.rsplit_once('+')?.1)?))
    };
    text.lines().filter_map(frame).collect()
}

/// The profile, without what Go's text leaves out of a stack's beginning.
fn profile_of(name: &str, hides_runtime: bool) -> Profile {
    let mut profile = support::read_profile(REFERENCE.join(name));
    let is_shown = |profile: &Profile, location: u32| {
        let lines = &profile.locations[location as usize].lines;
        let name = lines.first().map_or("", |line| &profile.functions[line.function as usize].name);
        name != "runtime.goexit" && !(hides_runtime && name.starts_with("runtime.")) && !name.is_empty()
    };
    let copy = profile.clone();
    for sample in &mut profile.samples {
        let first = sample.locations.iter().position(|&location| is_shown(&copy, location)).unwrap_or(0);
        sample.locations.drain(..first);
        let last = sample.locations.last().copied();
        if last.is_some_and(|last| !hides_runtime && !is_shown(&copy, last)) {
            sample.locations.pop();
        }
        // A bottom frame of Go's runtime that no text shows.
        sample.locations.retain(|&location| {
            let lines = &copy.locations[location as usize].lines;
            !lines.iter().any(|line| &*copy.functions[line.function as usize].name == "runtime.goexit")
        });
    }
    profile
}

/// Our text of a reference's profile, and the reference's.
fn both(name: &str, hides_runtime: bool, write: impl Fn(&Stacks<'_>) -> String) -> (String, String) {
    let go = text(&format!("{name}.1"));
    let starts = starts(&go);
    let profile = profile_of(&format!("{name}.0"), hides_runtime);
    let stacks = Stacks { profile: &profile, starts: &|address| starts.get(&address).copied() };
    (write(&stacks), go)
}

#[test]
fn heap_is_written_as_go_writes_it() {
    let stats = MemStats { total_alloc: 9, mallocs: 8, frees: 3, heap_alloc: 7, max_rss: Some(4096) };
    let (ours, go) = both("heap", true, |stacks| heap(stacks, &stats, 0));
    // Go tells sizes apart, too.
    let by_stack = |text: &str| {
        let mut sums: BTreeMap<Vec<String>, Vec<i64>> = BTreeMap::new();
        for record in records(text) {
            let sum = sums.entry(record.comments).or_insert_with(|| vec![0; 4]);
            sum.iter_mut().zip(&record.numbers).for_each(|(sum, number)| *sum += number);
        }
        sums
    };
    let (ours_by_stack, go_by_stack) = (by_stack(&ours), by_stack(&go));
    assert!(go_by_stack.len() >= 3, "{go}");
    for (comments, numbers) in go_by_stack {
        assert_eq!(ours_by_stack.get(&comments), Some(&numbers), "{comments:#?}\n{ours}");
    }
    let in_use: Vec<i64> = records(&ours).iter().map(|record| record.numbers[1]).collect();
    assert!(in_use.is_sorted(), "{in_use:?}");
    let form =
        |line: &str| line.split(|char: char| char.is_ascii_digit()).filter(|part| !part.is_empty()).collect::<String>();
    assert_eq!(form(ours.lines().next().unwrap()), form(go.lines().next().unwrap()));
    // The statistics that we have, in Go's order and words.
    let (_, ours) = ours.split_once("\n\n\n# runtime.MemStats\n").unwrap();
    let name = |line: &str| line.split_once(" = ").map(|(name, _)| name.to_owned());
    let known: Vec<Option<String>> = ours.lines().map(name).collect();
    let (_, go) = go.split_once("# runtime.MemStats\n").unwrap();
    let of_go: Vec<Option<String>> = go.lines().map(name).filter(|name| known.contains(name)).collect();
    assert_eq!(known, of_go);
    assert_eq!(
        ours,
        "# Alloc = 7\n# TotalAlloc = 9\n# Mallocs = 8\n# Frees = 3\n# HeapAlloc = 7\n# HeapObjects = 5\n# MaxRSS = 4096\n"
    );
}

#[test]
fn waits_are_written_as_go_writes_them() {
    type Write = fn(&Stacks<'_>) -> String;
    for (name, write) in [("block", block as Write), ("mutex", (|stacks| mutex(stacks, 1)) as Write)] {
        let (ours, go) = both(name, false, write);
        let is_header = |line: &&str| !line.contains('@') && !line.starts_with('#') && !line.is_empty();
        let header = |text: &str| text.lines().filter(is_header).map(str::to_owned).collect::<Vec<_>>();
        let (mut ours_header, mut go_header) = (header(&ours), header(&go));
        let cycles: f64 = go_header.remove(1).strip_prefix("cycles/second=").unwrap().parse().unwrap();
        assert_eq!(ours_header.remove(1), "cycles/second=1000000000");
        assert_eq!(ours_header, go_header);
        let mut expected = records(&go);
        for record in &mut expected {
            record.numbers[0] = (record.numbers[0] as f64 / (cycles / 1e9)) as i64;
        }
        let without_addresses = |records: Vec<Record>| {
            records.into_iter().map(|record| (record.numbers, record.comments)).collect::<Vec<_>>()
        };
        assert_eq!(without_addresses(records(&ours)), without_addresses(expected), "{name}");
    }
}

#[test]
fn threads_are_counted_as_go_counts_goroutines() {
    for (name, hides_runtime) in [("goroutine", true), ("threadcreate", false)] {
        let (ours, go) = both(name, hides_runtime, |stacks| count(stacks, name));
        assert_eq!(ours.lines().next(), go.lines().next());
        let sorted = |text: &str| {
            let mut records: Vec<_> =
                records(text).into_iter().map(|record| (record.numbers, record.comments)).collect();
            records.sort();
            records
        };
        let is_named = |(_, comments): &(Vec<i64>, Vec<String>)| comments.iter().any(|line| line.contains(".go:"));
        let [ours_sorted, go_sorted] =
            [&ours, &go].map(|text| sorted(text).into_iter().filter(is_named).collect::<Vec<_>>());
        assert_eq!(ours_sorted, go_sorted, "{name}");
        let counts: Vec<i64> = records(&ours).iter().map(|record| -record.numbers[0]).collect();
        assert!(counts.is_sorted(), "{counts:?}");
    }
}

/// Reads Go's panic as threads, writes them, and gets the same text but for what we do not know: arguments, and where a thread
/// was made.
#[test]
fn stacks_are_written_as_a_panic_of_go() {
    let go = text("goroutine.2");
    let mut builder = Builder::new(Vec::new());
    let (mut threads, mut expected, mut starts) = (Vec::new(), Vec::new(), HashMap::new());
    for part in go.trim_end().split("\n\n") {
        let (header, frames) = part.split_once('\n').unwrap();
        let (id, rest) = header.strip_prefix("goroutine ").unwrap().split_once(" [").unwrap();
        let (state, labels) = rest.split_once(']').unwrap();
        let labels = labels.trim_matches([' ', '{', '}', ':']).split(", ").filter_map(|label| label.split_once(": "));
        let labels = labels.map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned())).collect();
        let mut stack = Vec::new();
        let mut lines = frames.lines().peekable();
        let mut text = format!("{header}\n");
        while let Some(call) = lines.next() {
            if call.starts_with("...") {
                // As many as were left out, and one more for each side of the cut.
                let elided: usize =
                    call.split(|char: char| !char.is_ascii_digit()).filter_map(|part| part.parse::<usize>().ok()).sum();
                let last = *stack.last().unwrap();
                stack.extend(std::iter::repeat_n(last, elided));
                text += &format!("{call}\n");
                continue;
            }
            let place = lines.next().unwrap();
            if call.starts_with("created by ") {
                continue;
            }
            let (name, _) = call.rsplit_once('(').unwrap();
            let (file, rest) = place.trim().rsplit_once(':').unwrap();
            let (line, offset) = rest.split_once(" +0x").unwrap();
            let function = builder.function(name, "", file, 0);
            let lines = vec![Line { function, line: line.parse().unwrap(), column: 0 }];
            // Some address, and its function's start before it.
            let address = 0x10_0000 + u64::from(function) * 0x1_0000 + u64::from_str_radix(offset, 16).unwrap() - 1;
            starts.insert(address, 0x10_0000 + u64::from(function) * 0x1_0000);
            stack.push(builder.location(None, address, lines));
            text += &format!("{name}(...)\n{place}\n");
        }
        threads.push(Thread { id: id.parse().unwrap(), state: state.to_owned(), minutes: 0, labels, stack });
        expected.push(text);
    }
    let profile = builder.finish();
    let stacks = Stacks { profile: &profile, starts: &|address| starts.get(&address).copied() };
    assert_eq!(panic(&stacks, &threads), expected.join("\n"));
    assert!(go.contains("frames elided...\n") && go.contains("request: \"GET /items\""), "{go}");
}

/// Go's word for a file that is not known.
#[test]
fn functions_without_a_file() {
    let mut builder = Builder::new(vec![profile::ValueType::new("goroutine", "count")]);
    let function = builder.function("syscall", "", "", 0);
    let location = builder.location(None, 0x100, vec![Line { function, line: 0, column: 0 }]);
    builder.sample(vec![location], vec![1], vec![]);
    let profile = builder.finish();
    let stacks = Stacks { profile: &profile, starts: &|_| Some(0xf0) };
    let thread = Thread { id: 7, state: "sleep".into(), minutes: 0, labels: vec![], stack: vec![location] };
    assert_eq!(panic(&stacks, &[thread]), "goroutine 7 [sleep]:\nsyscall(...)\n\t?:0 +0x11\n");
    assert!(count(&stacks, "goroutine").contains("\n#\t0x100\tsyscall+0x10\t?:0\n"));
}

#[test]
fn the_index_is_go_s() {
    let go = text("index");
    let is_ours = |line: &&str| !line.contains("goroutineleak");
    let expected: Vec<&str> = go.lines().filter(is_ours).collect();
    let number = |name: &str| {
        let row = expected.iter().find(|line| line.contains(&format!("'{name}?debug=1'"))).unwrap();
        row.split(['>', '<']).find_map(|part| part.parse::<usize>().ok()).unwrap()
    };
    let names = ["allocs", "block", "goroutine", "heap", "mutex", "threadcreate"];
    let ours = index(&names.map(|name| (name, number(name))));
    assert_eq!(ours.lines().collect::<Vec<_>>(), expected);
    assert_eq!(ours.ends_with('\n'), go.ends_with('\n'));
}

/// Readers of the old text get the profile's own numbers: of the heap where everything is still in use, too.
#[test]
fn text_is_read_as_the_profile_it_was_made_from() {
    let profile = profile_of("heap.0", true);
    let stacks = Stacks { profile: &profile, starts: &|_| None };
    let text = heap(&stacks, &MemStats::default(), 0);
    let read = profile::read(text.as_bytes()).unwrap();
    for kind in ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"] {
        assert_eq!(support::sum(&read, kind, |_| true), support::sum(&profile, kind, |_| true), "{kind}");
    }
    let mut kept = profile;
    for sample in &mut kept.samples {
        sample.values.copy_within(0..2, 2);
    }
    let text = heap(&Stacks { profile: &kept, starts: &|_| None }, &MemStats::default(), 0);
    assert_eq!(profile::read(text.as_bytes()).unwrap().sample_types.len(), 4);
    let waits = profile_of("block.0", false);
    let read = profile::read(block(&Stacks { profile: &waits, starts: &|_| None }).as_bytes()).unwrap();
    for kind in ["contentions", "delay"] {
        assert_eq!(support::sum(&read, kind, |_| true), support::sum(&waits, kind, |_| true), "{kind}");
    }
}
