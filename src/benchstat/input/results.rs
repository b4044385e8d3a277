//! results.jsonl of our own runs: one JSON object per line; a `benchmark-finished` is one measurement of one
//! benchmark.
//!
//! Counts are exact unless the run says otherwise, so one measurement decides: B/op and allocs/op are compared as
//! benchstat compares units with `assume=exact`.

use std::borrow::Cow;
use std::thread;

use serde::Deserialize;

use super::record::{Config, Event, NameParts, Record, Value};

/// The newest `format_version` that this reader understands.
const FORMAT_VERSION: u64 = 1;

/// The fields used here; all others are ignored.
#[derive(Deserialize)]
struct Line<'a> {
    /// Other programs' lines (`go test -json`) have none.
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    format_version: Option<u64>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    package: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    group: Option<Cow<'a, str>>,
    time: Option<Time>,
    memory: Option<Memory>,
}

#[derive(Deserialize)]
struct Time {
    ns_per_op: Option<f64>,
}

#[derive(Deserialize)]
struct Memory {
    bytes_per_op: Option<f64>,
    allocs_per_op: Option<f64>,
    peak_bytes: Option<f64>,
    exact: Option<bool>,
}

/// True where the first line that is not blank starts an object.
pub fn is_results(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Bytes that one thread parses at a time: enough to make up for starting the thread, and few enough that the results
/// need no new memory.
const SHARE: usize = 256 << 10;

/// Reads all of `text`. `file` is its name in messages. The error is one line: a newer format.
pub fn read(text: &str, file: &str, mut config: Config, sink: &mut dyn FnMut(Event<'_>)) -> Result<(), String> {
    let mut rest = text;
    let blocks = std::iter::from_fn(|| (!rest.is_empty()).then(|| parse_block(&mut rest)));
    for (index, parsed) in blocks.flatten().enumerate() {
        let parsed = match parsed {
            None => continue,
            Some(Ok(parsed)) => parsed,
            Some(Err(error)) => {
                sink(Event::Problem(format!("{file}:{}: {error}", index + 1)));
                continue;
            }
        };
        if let Some(version) = parsed.format_version
            && version != FORMAT_VERSION
        {
            return Err(format!(
                "{file}:{}: format_version {version} is not understood, only {FORMAT_VERSION}: use the cargo-memprof that wrote it",
                index + 1
            ));
        }
        if parsed.reason.as_deref() != Some("benchmark-finished") {
            continue;
        }
        let Some(name) = &parsed.name else {
            sink(Event::Problem(format!("{file}:{}: benchmark-finished without a name", index + 1)));
            continue;
        };
        config.set("pkg", parsed.package.as_deref().unwrap_or_default());
        let values = values(&parsed);
        if let Some(value) = values.iter().find(|value| value.value.is_nan() || value.value < 0.0) {
            sink(Event::Problem(format!("{file}:{}: {name} has {} {}", index + 1, value.value, value.unit)));
            continue;
        }
        if !values.is_empty() {
            let parts = name_parts(name, parsed.id.as_deref(), parsed.group.as_deref());
            sink(Event::Measured(Record { name, config: &config, values, parts }));
        }
    }
    Ok(())
}

/// Parses a line; `None` for a blank one.
type Parsed<'a> = Option<serde_json::Result<Line<'a>>>;

/// Takes the next lines off `rest`, a share for each processor, and parses them in parallel, because parsing takes
/// most of the time of a large comparison.
fn parse_block<'a>(rest: &mut &'a str) -> Vec<Parsed<'a>> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut shares = (0..processors).map(|_| take_share(rest)).collect::<Vec<_>>().into_iter();
    let own = shares.next().unwrap_or_default();
    thread::scope(|scope| {
        let others = shares.filter(|share| !share.is_empty()).map(|share| scope.spawn(move || parse_lines(share)));
        let others: Vec<_> = others.collect();
        let mut all = parse_lines(own);
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    })
}

/// Splits whole lines off the front of `rest`, at least [`SHARE`] bytes if it has that many.
fn take_share<'a>(rest: &mut &'a str) -> &'a str {
    let line_end = rest.as_bytes().get(SHARE..).and_then(|bytes| memchr::memchr(b'\n', bytes));
    let (share, behind) = rest.split_at(line_end.map_or(rest.len(), |end| SHARE + end + 1));
    *rest = behind;
    share
}

fn parse_lines(text: &str) -> Vec<Parsed<'_>> {
    let parse = |line| if str::trim(line).is_empty() { None } else { Some(serde_json::from_str(line)) };
    text.lines().map(parse).collect()
}

/// The parts of an id `GROUP/FUNCTION/PARAMETER` in `name`, which ends with it. The caller passes the group, since a
/// group may contain slashes; otherwise the id's first part is the group. An id of one part has no group.
fn name_parts(name: &str, id: Option<&str>, group: Option<&str>) -> NameParts {
    let none = NameParts::default();
    // The second of two benchmarks with the same id has a number after its name.
    let Some(start) = id.and_then(|id| name.rfind(id)).filter(|start| *start > 0) else { return none };
    let id = &name[start..];
    let group = match group {
        Some("") => return none,
        Some(group) => group.len(),
        None => id.find('/').unwrap_or(id.len()),
    };
    let Some(rest) = id.get(group..).and_then(|rest| rest.strip_prefix('/')) else { return none };
    let variant = start + group + 1;
    let end = variant + rest.find('/').unwrap_or(rest.len());
    NameParts { group: start..start + group, variant: variant..end, parameter: (end + 1).min(name.len())..name.len() }
}

/// The metrics that the line has, in the order of the columns of `cargo memprof`.
fn values(line: &Line<'_>) -> Vec<Value<'static>> {
    let mut values = Vec::with_capacity(4);
    if let Some(ns) = line.time.as_ref().and_then(|time| time.ns_per_op) {
        values.push(Value::tidied(ns, "ns/op", false));
    }
    if let Some(memory) = &line.memory {
        let exact = memory.exact != Some(false);
        // The peak is exact on one thread only, and the line does not say how many there were.
        let metrics = [
            (memory.bytes_per_op, "B/op", exact),
            (memory.allocs_per_op, "allocs/op", exact),
            (memory.peak_bytes, "peak-B", false),
        ];
        for (value, unit, exact) in metrics {
            values.extend(value.map(|value| Value::tidied(value, unit, exact)));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> (Vec<String>, Result<(), String>) {
        let mut seen = Vec::new();
        let outcome = read(text, "r", Config::of_file("l"), &mut |event| {
            seen.push(match event {
                Event::Problem(message) => message,
                Event::Measured(record) => {
                    let values: Vec<_> =
                        record.values.iter().map(|v| format!("{} {} {}", v.value, v.unit, v.exact)).collect();
                    format!("{} {}: {}", record.config.get("pkg"), record.name, values.join(", "))
                }
            });
        });
        (seen, outcome)
    }

    #[test]
    fn one_object_is_one_measurement() {
        let text = r#"{"reason":"run-started","format_version":1,"tool":"0.1.0"}

{"reason":"benchmark-finished","name":"p/t/a","package":"p","target":"t","time":{"ns_per_op":1e9,"samples":[{"iterations":1}]},"memory":{"bytes_per_op":64,"allocs_per_op":2.5,"peak_bytes":7,"exact":true}}
{"reason":"benchmark-finished","name":"p/t/b","package":"p","time":{"ns_per_op":null},"memory":{"bytes_per_op":64.0,"exact":false}}
{"reason":"benchmark-failed","name":"p/t/c","error":"panicked"}
{"reason":"run-finished","success":true}
"#;
        assert!(is_results(text));
        let (seen, outcome) = events(text);
        assert_eq!(outcome, Ok(()));
        assert_eq!(
            seen,
            ["p p/t/a: 1 sec/op false, 64 B/op true, 2.5 allocs/op true, 7 peak-B false", "p p/t/b: 64 B/op false"]
        );
    }

    #[test]
    fn the_parts_of_an_id() {
        let parts = |name: &str, id: &str, group: Option<&str>| {
            let parts = name_parts(name, Some(id), group);
            [&name[parts.group], &name[parts.variant], &name[parts.parameter]].map(str::to_owned)
        };
        assert_eq!(parts("p/t/g/f/64", "g/f/64", Some("g")), ["g", "f", "64"]);
        assert_eq!(parts("p/t/g/f", "g/f", None), ["g", "f", ""]);
        assert_eq!(parts("p/t/a/b/f/x/y#01", "a/b/f/x/y", Some("a/b")), ["a/b", "f", "x/y#01"]);
        assert_eq!(parts("p/t/f", "f", Some("")), ["", "", ""]);
        assert_eq!(parts("p/t/f", "f", None), ["", "", ""]);
        assert_eq!(parts("p/t/f", "other", Some("g")), ["", "", ""]);
    }

    #[test]
    fn numbers_that_cannot_be_are_reported() {
        let line = |allocs: &str| {
            format!(r#"{{"reason":"benchmark-finished","name":"p/t/a","memory":{{"allocs_per_op":{allocs}}}}}"#)
        };
        assert_eq!(events(&line("-1")).0, ["r:1: p/t/a has -1 allocs/op"]);
        assert!(events(&line("NaN")).0[0].starts_with("r:1: expected value"));
    }

    #[test]
    fn a_large_file_is_read_in_its_order() {
        let blank = "\n".repeat(7);
        let line = |i: usize| {
            let name = format!("p/t/{}/{i}", "ü".repeat(500));
            format!(r#"{{"reason":"benchmark-finished","name":"{name}","memory":{{"allocs_per_op":{i}}}}}{blank}"#)
        };
        let text: String = (0..4000).map(line).collect::<String>() + "\n{";
        assert!(text.len() > 3 * SHARE);
        let (seen, _) = events(&text);
        assert_eq!(seen.len(), 4001);
        let in_order = |(i, event): (usize, &String)| event.ends_with(&format!("/{i}: {i} allocs/op true"));
        assert!(seen[..4000].iter().enumerate().all(in_order));
        assert!(seen[4000].starts_with("r:28002: EOF while parsing"), "{}", seen[4000]);
    }

    #[test]
    fn what_does_not_parse_is_reported() {
        let (seen, outcome) = events("{\"reason\":\n{\"reason\":\"benchmark-finished\"}\n");
        assert_eq!(outcome, Ok(()));
        assert_eq!(seen.len(), 2);
        assert!(seen[0].starts_with("r:1: EOF while parsing"), "{}", seen[0]);
        assert_eq!(seen[1], "r:2: benchmark-finished without a name");
    }

    #[test]
    fn a_newer_format_is_refused() {
        let (_, outcome) = events("{\"reason\":\"run-started\",\"format_version\":2}\n");
        assert!(outcome.unwrap_err().starts_with("r:1: format_version 2 is not understood"));
    }
}
