//! Whole programs: run as they are, counted exactly, and nothing lost however they end. `fixtures/programs` allocates in known
//! ways; `counted` counts itself, with an allocator that shares nothing with the one under test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support;
use crate::support::{fixture, in_target, lock, memprof, target_dir, tool};

/// The program-finished line of the run that has just ended.
#[track_caller]
pub fn finished(run: &support::Run) -> Value {
    let lines: Vec<Value> = run.results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["reason"] == "program-finished");
    line.unwrap_or_else(|| panic!("{}\n{}", run.results, run.stderr)).clone()
}

pub fn memory(finished: &Value, field: &str) -> u64 {
    finished["memory"][field].as_u64().unwrap_or_else(|| panic!("{field} of {finished}"))
}

/// A run of `--bin NAME` whose exit code must be `code`.
#[track_caller]
pub fn run(code: i32, name: &str, options: &[&str], args: &[&str]) -> (support::Run, Value) {
    let words = [&["--locked", "--bin", name], options, &["--"], args].concat();
    let run = memprof(&fixture("programs"), &words).ends_with(code);
    let line = finished(&run);
    (run, line)
}

#[track_caller]
pub fn sum_of_file(finished: &Value, kind: &str) -> u64 {
    let mem = support::read_profile(finished["profiles"]["mem"].as_str().unwrap());
    support::sum(&mem, kind, |_| true) as u64
}

#[test]
fn totals_and_peak_are_those_of_an_independent_count() {
    let plain = {
        let _lock = lock();
        let mut cargo = support::command("cargo", &fixture("programs"));
        cargo.args(["run", "--release", "--locked", "--bin", "counted"]);
        String::from_utf8(in_target(cargo).output().unwrap().stdout).unwrap()
    };
    let [allocs, bytes, frees, live, peak] = serde_json::from_str::<[u64; 5]>(&plain).expect(&plain);
    let (_, line) = run(0, "counted", &[], &[]);
    let of = ["allocs", "bytes", "frees", "live_bytes", "peak_bytes"].map(|field| memory(&line, field));
    assert_eq!(of, [allocs, bytes, frees, live, peak]);
    assert_eq!((&line["memory"]["exact"], &line["memory"]["peak_exact"]), (&true.into(), &true.into()));
    let expected = [allocs, bytes, allocs - frees, live, peak];
    let kinds = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space", "peak_space"];
    assert_eq!(kinds.map(|kind| sum_of_file(&line, kind)), expected);
    // Boxes that went at once, and one vector's last buffer.
    assert_eq!(memory(&line, "temporary_allocs"), 1001);
    let (_, counted) = run(0, "counted", &["--no-profiles"], &[]);
    for field in ["allocs", "bytes", "frees", "reallocs", "live_blocks", "live_bytes", "peak_bytes", "temporary_allocs"]
    {
        assert_eq!(memory(&counted, field), memory(&line, field), "{field}");
    }
    assert_eq!((&counted["memory"]["exact"], &counted["memory"]["sampled_rate"]), (&true.into(), &Value::Null));
}

/// Each way of ending, with the tool's exit code and the `exit` of its JSON line.
const ENDS: [(&str, i32, &str, u64); 20] = [
    ("returns", 0, "code", 0),
    ("exits", 7, "code", 7),
    ("exits_at_once", 8, "code", 8),
    ("panics", 101, "code", 101),
    ("panics_in_a_thread", 0, "code", 0),
    ("aborts", 134, "signal", 6),
    ("segfaults", 139, "signal", 11),
    ("overflows", 134, "signal", 6),
    ("is_killed", 137, "signal", 9),
    ("runs_out", 134, "signal", 6),
    ("is_terminated", 143, "signal", 15),
    ("execs", 5, "code", 5),
    ("forks", 0, "code", 0),
    ("clones", 0, "code", 0),
    ("daemonizes", 0, "code", 0),
    ("spawns", 0, "code", 0),
    ("closes_all", 3, "code", 3),
    ("limits_itself", 0, "code", 0),
    ("is_strict", 6, "code", 6),
    ("opens_a_library", 0, "code", 0),
];

#[test]
fn nothing_is_lost_however_it_ends() {
    for (way, code, kind, number) in ENDS {
        // qemu answers that memory will be wiped in a child, and does not wipe it.
        if way == "clones" && support::is_emulated() {
            continue;
        }
        let (_, line) = run(code, "ends", &["-q"], &[way]);
        assert_eq!(line["exit"][kind], number, "{way}");
        let (allocs, bytes) = (memory(&line, "allocs"), memory(&line, "bytes"));
        let works = if matches!(way, "closes_all" | "opens_a_library") {
            2
        } else if way == "limits_itself" {
            3
        } else {
            1
        };
        assert!(allocs >= works * 2014 && bytes >= works * 358_112, "{way}: {allocs} {bytes}");
        if !way.starts_with("panics") && way != "runs_out" {
            assert!(allocs < works * 2014 + 50, "{way}: {allocs}");
        }
        assert_eq!(line["memory"]["exact"], true, "{way}");
        assert_eq!(sum_of_file(&line, "alloc_objects"), allocs, "{way}");
        assert_eq!(sum_of_file(&line, "inuse_space"), memory(&line, "live_bytes"), "{way}");
        let timeline = std::fs::read_to_string(line["timeline"].as_str().unwrap()).unwrap();
        let timeline: Value = serde_json::from_str(&timeline).unwrap();
        let last = timeline["steps"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["allocs"], &last["live_bytes"]), (&allocs.into(), &line["memory"]["live_bytes"]), "{way}");
        let children = line["children"].as_array().map_or(0, Vec::len);
        assert_eq!(children, usize::from(matches!(way, "forks" | "daemonizes")), "{way}");
    }
}

#[test]
fn threads_that_come_and_go_are_all_counted() {
    let (_, line) = run(0, "ends", &["-q"], &["threads"]);
    let mem = support::read_profile(line["profiles"]["mem"].as_str().unwrap());
    let kept = |sample: &_| support::functions(&mem, sample).any(|name| name == "programs::keep");
    // 2,000 threads keep one block each, and the main thread a thousand.
    assert_eq!(support::sum(&mem, "inuse_objects", kept), 3000);
    assert_eq!(support::sum(&mem, "inuse_space", kept), 84_000);
    assert_eq!(sum_of_file(&line, "alloc_objects"), memory(&line, "allocs"));
}

#[test]
fn blocks_are_temporary_for_as_many_allocations_as_it_says() {
    for (option, blocks, bytes) in
        [("--temporary=0", 100, 3000), ("--temporary=1", 200, 5000), ("--temporary=2", 300, 6000)]
    {
        let (run, line) = run(0, "ends", &[option], &["passes_on"]);
        let file = PathBuf::from(line["profiles"]["mem"].as_str().unwrap()).with_file_name("temporary.prof");
        let profile = support::read_profile(file);
        let sum = |kind: &str| {
            support::sum(&profile, kind, |sample| {
                support::functions(&profile, sample).any(|name| name == "ends::passes_on")
            })
        };
        assert_eq!((sum("alloc_objects"), sum("alloc_space")), (blocks, bytes), "{option}");
        assert_eq!(support::sum(&profile, "alloc_objects", |_| true) as u64, memory(&line, "temporary_allocs"));
        let words = if blocks == 100 { "no other allocation between" } else { "other allocations between" };
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
}

/// Ctrl-C at a terminal reaches the tool and the program.
#[test]
fn ctrl_c_at_a_terminal_leaves_all_files() {
    let _lock = lock();
    let command = tool(&fixture("programs"));
    let folder = target_dir();
    let words = ["--target-dir", folder.to_str().unwrap(), "--locked", "--bin", "ends", "--", "waits"];
    let quoted = |word: &str| format!("'{word}'");
    let line: Vec<String> = std::iter::once(command.get_program().to_str().unwrap()).chain(words).map(quoted).collect();
    let mut script = support::command("script", &fixture("programs"));
    script.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
    let Ok(mut child) = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        return println!("skipped: script(1) is not there");
    };
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("ready") && out.read_line(&mut text).unwrap() > 0 {}
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"\x03").unwrap();
    std::io::Read::read_to_string(&mut out, &mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    assert!(text.contains("programs/bin/ends: killed by SIGINT, "), "{text}");
    let results = std::fs::read_to_string(target_dir().join("memprof/results.jsonl")).unwrap();
    let line = finished(&support::Run { code: None, stdout: String::new(), stderr: text, results });
    assert_eq!(line["exit"]["signal"], 2);
    assert!(memory(&line, "allocs") >= 2014);
    assert_eq!(sum_of_file(&line, "alloc_objects"), memory(&line, "allocs"));
}

#[test]
fn a_process_killed_while_its_threads_allocate_is_all_there() {
    let (_, line) = run(137, "ends", &["-q"], &["is_still_working"]);
    // The event that the kill interrupted may be in one sum and not in the other.
    let (allocs, in_file) = (memory(&line, "allocs"), sum_of_file(&line, "alloc_objects"));
    let unfinished = line["memory"]["unfinished"].as_u64().unwrap_or(0);
    assert!(allocs > 2014 && allocs.abs_diff(in_file) <= unfinished, "{allocs} {in_file} {unfinished}");
    assert_eq!(line["memory"]["exact"], unfinished == 0);
}

#[test]
fn what_is_killed_in_the_middle_of_an_allocation_is_not_exact() {
    let (run, line) = run(137, "counted_threads", &[], &["dies"]);
    let said = ["exact", "peak_exact", "unfinished"].map(|field| line["memory"][field].clone());
    assert_eq!(said, [Value::from(false), Value::from(false), Value::from(1)]);
    assert!(run.stderr.contains("1 threads were allocating or freeing when the process ended"), "{}", run.stderr);
}

/// How many allocations std makes for 2,000 threads differs from run to run: it keeps those that live in a tree.

#[test]
fn threads_allocate_as_often_as_an_independent_count_says() {
    let beside = |times: &str, way: &[&str]| {
        let (run, line) = run(0, "counted_threads", &[&["-q", "--cpu-rate", "0"], way].concat(), &[times]);
        let own = serde_json::from_str::<[u64; 5]>(&run.stdout).expect(&run.stdout);
        assert_eq!(line["memory"]["exact"], true);
        // The recorder's own allocations before the program begins.
        [own[0] - memory(&line, "allocs"), own[1] - memory(&line, "bytes"), own[2] - memory(&line, "frees")]
    };
    for way in [&[][..], &["--sample", "64KiB"], &["--no-profiles"]] {
        assert_eq!(beside("00", way), beside("20", way), "{way:?}");
    }
}

#[test]
fn a_forks_child_leaves_its_parents_numbers_alone() {
    let (_, line) = run(0, "ends", &["-q"], &["forks_in_a_thread"]);
    let allocs = memory(&line, "allocs");
    assert!((602_014..602_064).contains(&allocs), "{allocs}");
    assert_eq!(line["memory"]["exact"], true);
    assert_eq!(sum_of_file(&line, "alloc_objects"), allocs);
}

#[test]
fn no_system_call_is_made_for_many_stacks() {
    let (_, line) = run(6, "ends", &["-q", "--cpu-rate", "1000"], &["is_strict_and_branches"]);
    assert_eq!(line["memory"]["exact"], true);
    assert!(memory(&line, "allocs") > 2014 + 1024 && memory(&line, "stacks") > 1024, "{line}");
}

#[test]
fn signals_to_the_tool_are_the_programs() {
    let _lock = lock();
    for (way, signal, code) in [
        ("waits", Signal::TERM, 143),
        ("waits", Signal::INT, 130),
        ("waits", Signal::HUP, 129),
        ("catches", Signal::TERM, 9),
    ] {
        let mut command = tool(&fixture("programs"));
        command.arg("--target-dir").arg(target_dir()).args(["--locked", "-q", "--bin", "ends", "--", way]);
        // Without a terminal, from which the program would get it by itself.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        kill_process(Pid::from_raw(child.id() as i32).unwrap(), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{way}");
        let results = std::fs::read_to_string(target_dir().join("memprof/results.jsonl")).unwrap();
        let run = support::Run { code: None, stdout: String::new(), stderr: String::new(), results };
        let line = finished(&run);
        assert!(memory(&line, "allocs") >= 2014, "{way}");
        assert_eq!(sum_of_file(&line, "alloc_objects"), memory(&line, "allocs"), "{way}");
    }
}

#[test]
fn input_output_directory_environment_and_code_are_the_programs_own() {
    let _lock = lock();
    let folder = fixture("programs").join("src");
    let json = target_dir().join("program.json");
    let mut command = tool(&folder);
    command.env("TOLD", "something").arg("--target-dir").arg(target_dir());
    command.args(["--locked", "--bin", "plain", "--json"]).arg(&json).args(["--", "4"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello\nyou\n").unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(4));
    assert_eq!(String::from_utf8(out.stdout).unwrap(), format!("8 bytes in {}\n", folder.display()));
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert!(stderr.contains("TOLD=something\n") && stderr.contains("programs/bin/plain: exit code 4, "), "{stderr}");
    let lines = std::fs::read_to_string(json).unwrap();
    assert_eq!(lines.lines().count(), 3);
    let line: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    assert_eq!(line["args"], serde_json::json!(["4"]));
    let at = |kind: &str| PathBuf::from(line["profiles"][kind].as_str().unwrap());
    assert_eq!(at("mem"), target_dir().join("memprof/profiles/programs/bin/plain/mem.prof"));
    support::read_profile(at("cpu"));
}

#[test]
fn examples_tests_and_several_programs() {
    let words = ["--locked", "--example", "shown", "--test", "whole"];
    let run = memprof(&fixture("programs"), &words).ends_with(0);
    assert!(run.stdout.contains("test passes ... ok"), "{}", run.stdout);
    let names: Vec<Value> = run.results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = names.iter().filter_map(|line| line["name"].as_str()).collect();
    assert_eq!(names, ["programs/example/shown", "programs/test/whole"]);
}

#[test]
fn stacks_beyond_the_limit_are_one_and_totals_stay_exact() {
    let (_, line) = run(0, "ends", &["-q", "--stacks-limit", "64"], &["threads"]);
    assert_eq!(line["memory"]["exact"], true);
    assert!(memory(&line, "beyond_the_limit") > 100);
    let mem = support::read_profile(line["profiles"]["mem"].as_str().unwrap());
    let beyond = |sample: &_| support::functions(&mem, sample).any(|name| name == "<stacks beyond the limit>");
    assert_eq!(support::sum(&mem, "alloc_objects", beyond) as u64, memory(&line, "beyond_the_limit"));
    assert_eq!(sum_of_file(&line, "alloc_space"), memory(&line, "bytes"));
    assert_eq!(sum_of_file(&line, "inuse_space"), memory(&line, "live_bytes"));
}

#[test]
fn leaks_are_told_from_what_is_kept_for_good() {
    run(0, "leaky", &["--fail-on-leak"], &[]);
    let (failed, _) = run(100, "leaky", &["--fail-on-leak=999"], &["leak"]);
    let error = "programs/bin/leaky: 1,000 B were never freed, more than 999 B";
    assert_eq!(failed.errors(), [error]);
    run(0, "leaky", &["--fail-on-leak=1000"], &["leak"]);
    let leaks = support::memprof_command(&fixture("programs"), "leaks", &["leaky"]).ends_with(0);
    assert!(leaks.stdout.contains("1,000 B in 10 blocks never freed"), "{}", leaks.stdout);
    assert!(leaks.stdout.contains("programs::keep") && leaks.stdout.contains("leaky::leak"), "{}", leaks.stdout);
    assert!(leaks.stdout.contains("statics and thread locals"), "{}", leaks.stdout);
}

#[test]
fn what_cannot_be_is_said_in_one_line_before_anything_runs() {
    let folder = fixture("programs");
    let error = |code: i32, words: &[&str]| -> String {
        let run = memprof(&folder, &[&["--locked", "-q"], words].concat()).ends_with(code);
        assert_eq!(run.stdout, "", "nothing ran");
        run.errors().last().unwrap_or(&"").to_string()
    };
    let there = error(104, &["--bin", "leakt"]);
    assert!(there.starts_with("no bin target `leakt`; there are: leaky, "), "{there}");
    assert!(error(2, &["--bin"]).starts_with("--bin takes a name; there are: "));
    assert!(error(2, &["--bin", "plain", "--message-format", "json"]).contains("-o FILE"));
    let needs = memprof(&folder, &["--locked", "--bin", "needs"]).ends_with(101);
    assert!(needs.stderr.contains("requires the features: `extra`"), "{}", needs.stderr);
    memprof(&folder, &["--locked", "-q", "--bin", "needs", "-F", "extra"]).ends_with(0);
    let options = ["--memprofile", "--cpuprofile", "--blockprofile", "--trace", "--json", "--save-baseline"];
    for option in options {
        let error = error(1, &["--bin", "plain", option, "/nowhere/at/all"]);
        assert_eq!(error, "cannot write /nowhere/at/all: No such file or directory (os error 2)", "{option}");
    }
}

/// The site of this function in mem.prof.
#[track_caller]
pub fn sum_of_function(finished: &Value, kind: &str, function: &str) -> f64 {
    let mem = support::read_profile(finished["profiles"]["mem"].as_str().unwrap());
    support::sum(&mem, kind, |sample| support::functions(&mem, sample).any(|name| name == function)) as f64
}
