//! Programs with libraries, children, little memory, few rights: what is recorded of them.

use std::path::PathBuf;

use serde_json::Value;

use crate::programs::{memory, run, sum_of_file, sum_of_function};
use crate::support;
use crate::support::{fixture, lock, memprof, target_dir};

#[test]
fn stacks_through_a_library_that_was_opened_late_are_whole() {
    let library = {
        let _lock = lock();
        let folder = target_dir().join("plain-programs");
        let mut cargo = support::command("cargo", &fixture("programs"));
        cargo.args(["build", "--release", "--locked", "--example", "calls_back", "--target-dir"]).arg(&folder);
        let out = cargo.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        folder.join("release/examples/libcalls_back.so")
    };
    let (_, line) = run(0, "opens", &["-q"], &[library.to_str().unwrap()]);
    let mem = support::read_profile(line["profiles"]["mem"].as_str().unwrap());
    let through = |sample: &_| {
        let names: Vec<&str> = support::functions(&mem, sample).collect();
        let at = |name: &str| names.iter().position(|one| one.ends_with(name));
        matches!((at("opens::back"), at("call_back"), at("opens::main")), (Some(a), Some(b), Some(c)) if a < b && b < c)
    };
    assert_eq!(support::sum(&mem, "alloc_objects", through), 100);
    assert!(mem.comments.iter().any(|comment| comment.contains(" cut=0 ")), "{:?}", mem.comments);
}

/// In a group of its own with little memory; where groups cannot be made, nothing is tested.
#[test]
fn what_the_kernel_kills_for_memory_is_all_there() {
    let group = PathBuf::from(format!("/sys/fs/cgroup/memory/memprof-test-{}", std::process::id()));
    if std::fs::create_dir(&group).is_err() {
        return println!("skipped: no memory group can be made");
    }
    std::fs::write(group.join("memory.limit_in_bytes"), "67108864").unwrap();
    let members = group.join("cgroup.procs");
    let (_, line) = run(137, "ends", &["-q"], &["is_killed_for_memory", members.to_str().unwrap()]);
    let kept = sum_of_function(&line, "inuse_space", "programs::keep");
    // Something like a half of it: what is recorded counts, too.
    assert!(kept > 20e6 && kept < 68e6, "{kept}");
    assert_eq!(sum_of_file(&line, "alloc_objects"), memory(&line, "allocs"));
    std::fs::remove_dir(&group).unwrap();
}

#[test]
fn a_program_may_drop_its_rights() {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: only root can drop rights");
    }
    let (_, line) = run(137, "ends", &["-q"], &["drops_its_rights"]);
    assert!(memory(&line, "allocs") >= 2 * 2014 && line["memory"]["exact"] == true, "{line}");
}

#[test]
fn stripped_static_and_wrapped_programs_are_counted_as_others() {
    let numbers = |options: &[&str]| {
        let (_, line) = run(0, "counted", options, &[]);
        ["allocs", "bytes", "frees", "live_bytes"].map(|field| memory(&line, field))
    };
    let plain = numbers(&["-q"]);
    assert_eq!(numbers(&["-q", "--config", "profile.release.strip=true"]), plain);
    assert_eq!(numbers(&["-q", "--config", "build.rustflags=['-Ctarget-feature=+crt-static']"]), plain);
}

#[test]
fn children_are_recorded_by_themselves_if_that_is_asked_for() {
    let all = ("exact", "forks", 500, 500_000);
    for (sample, way, kept, bytes) in [all, ("exact", "daemonizes", 10, 10_000), ("1MiB", "forks", 500, 500_000)] {
        let words = ["--locked", "--bin", "ends", "-q", "--children", "--sample", sample, "--", way];
        let run = memprof(&fixture("programs"), &words).ends_with(0);
        let lines: Vec<Value> = run.results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of =
            |name: &str| lines.iter().find(|line| line["name"] == name).unwrap_or_else(|| panic!("{}", run.results));
        let (parent, child) = (of("programs/bin/ends"), of("programs/bin/ends/child-1"));
        let works = memory(parent, "allocs");
        assert!((2014..2064).contains(&works), "{way}: {works}");
        assert!((kept..kept + 50).contains(&memory(child, "allocs")), "{way}: {child}");
        assert!(memory(child, "live_bytes") >= bytes, "{way}: {child}");
        assert_eq!((&child["exit"], &child["memory"]["exact"]), (&"unknown".into(), &true.into()));
        assert_eq!(sum_of_function(child, "inuse_space", "programs::keep"), bytes as f64, "{way}");
        assert_eq!(sum_of_file(child, "alloc_objects"), memory(child, "allocs"), "{way}");
    }
}

#[test]
fn a_child_has_nothing_of_its_parents_other_threads() {
    let words = ["--locked", "--bin", "ends", "-q", "--children", "--", "forks_beside_threads"];
    let run = memprof(&fixture("programs"), &words).ends_with(0);
    let lines: Vec<Value> = run.results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let children = lines.iter().filter(|line| line["name"].as_str().is_some_and(|name| name.contains("/child-")));
    let children: Vec<&Value> = children.collect();
    assert_eq!(children.len(), 8, "{}", run.results);
    for child in children {
        let allocs = memory(child, "allocs");
        assert!((210..260).contains(&allocs), "{child}");
        assert!((10_000..12_000).contains(&memory(child, "live_bytes")), "{child}");
        assert_eq!((sum_of_file(child, "alloc_objects"), &child["memory"]["exact"]), (allocs, &true.into()), "{child}");
        assert_eq!(sum_of_file(child, "inuse_space"), memory(child, "live_bytes"), "{child}");
    }
}

#[test]
fn a_program_says_where_its_threads_wait() {
    let file = target_dir().join("waits-of-a-program.prof");
    let (_, line) = run(0, "ends", &["-q", "--blockprofile", file.to_str().unwrap()], &["threads"]);
    let of = |path: PathBuf| support::read_profile(path);
    let beside = of(file);
    let own = of(PathBuf::from(line["profiles"]["block"].as_str().unwrap()));
    for profile in [&beside, &own] {
        let joins = |sample: &_| support::functions(profile, sample).any(|name| name.ends_with("JoinInner<T>::join"));
        assert!(support::sum(profile, "contentions", joins) > 0 && support::sum(profile, "delay", joins) > 0);
    }
    assert_eq!(support::sum(&own, "contentions", |_| true), support::sum(&beside, "contentions", |_| true));
    let (_, without) = run(0, "ends", &["-q"], &["returns"]);
    assert_eq!(without["profiles"].get("block"), None);
}

/// Two threads take turns, so that one of them waits all the time: in waits of some microseconds.
#[test]
fn short_waits_of_a_sample_stand_for_all() {
    let file = target_dir().join("short-waits.prof");
    let delays = [&[][..], &["--sample", "512KiB"]].map(|sample| {
        let words = [&["-q", "--blockprofile", file.to_str().unwrap()], sample].concat();
        let (_, line) = run(0, "ends", &words, &["takes_turns"]);
        let block = support::read_profile(line["profiles"]["block"].as_str().unwrap());
        let turns = |sample: &_| support::functions(&block, sample).any(|name| name.contains("take_turns"));
        let is_said = block.comments.iter().any(|comment| comment.contains("waits shorter than 1 ms are a sample"));
        assert_eq!(is_said, !sample.is_empty(), "{:?}", block.comments);
        let recorded = support::sum(&block, "contentions", turns);
        let wall = line["wall_ns"].as_f64().unwrap();
        (recorded as f64, support::sum(&block, "delay", turns) as f64 / wall)
    });
    let [(waits, delay), (of_sample, stands_for)] = delays;
    assert!(waits > 50_000.0, "{delays:?}");
    assert!((of_sample / waits - 1.0).abs() < 0.5 && (stands_for / delay - 1.0).abs() < 0.3, "{delays:?}");
}
