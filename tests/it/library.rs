//! The library `memprof` in a program that the tool injects: the same calls give the same numbers, and nothing counts twice.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::support::{command, fixture, functions, lock, memprof, read_profile, sum, target_dir, tool};

#[test]
fn the_injected_recorder_is_the_librarys() {
    let plain = {
        let _lock = lock();
        let mut cargo = command("cargo", &fixture("library"));
        cargo.args(["run", "--release", "--locked", "--offline", "--target-dir"]);
        String::from_utf8(cargo.arg(target_dir().join("plain-library")).output().unwrap().stdout).unwrap()
    };
    assert!(plain.contains("11 in the thread\n4 allocs, 216 B\n") && plain.ends_with("sampled: true\n"), "{plain}");
    let run = memprof(&fixture("library"), &["--locked", "--offline", "--bin", "library"]).ends_with(0);
    assert_eq!(run.stdout, plain);
    let file = target_dir().join("memprof/profiles/library/bin/library/mem.prof");
    let mem = read_profile(file);
    let made = sum(&mem, "alloc_space", |sample| {
        functions(&mem, sample).any(|function| function.contains("library::boxes::{{closure}}"))
    });
    assert_eq!(made, 64 * (10 + 10 + 50 + 20 + 3 + 1000));
    // A tool that brings another recorder has cargo compile the library anew.
    let built = std::fs::read_dir(target_dir().join("memprof/build/programs/release/deps")).unwrap();
    let lists = built.map(|file| file.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("memprof-") && name.ends_with(".d")
    });
    let lists: Vec<String> = lists.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(!lists.is_empty() && lists.iter().all(|list| list.contains("# env-dep:MEMPROF_RUNTIME=")), "{lists:?}");
}

#[test]
fn a_failed_assertion_under_the_tool_names_lines() {
    let _lock = lock();
    let mut command = tool(&fixture("library"));
    command.args(["test", "--locked", "--offline", "--test", "asserts", "--target-dir"]).arg(target_dir());
    let run = crate::support::Run::new(command.output().unwrap()).ends_with(103);
    let (_, told) = run.stderr.split_once("2 allocations, expected <= 1 (2 allocations, 16 B)").expect(&run.stderr);
    let mut lines = told.lines().skip(1);
    assert_eq!(lines.next(), Some("  2 × at, 16 B:"), "{told}");
    assert!(lines.next().unwrap().starts_with("      alloc::boxed::Box<T>::new  "), "{told}");
    let first = lines.next().unwrap();
    let place = format!("{}:9", fixture("library").join("tests/asserts.rs").display());
    assert!(first.starts_with("      asserts::boxed") && first.ends_with(&place), "{told}");
    assert!(!told.contains("+0x"), "{told}");
}

/// `memprof::serve`: the rest of its answers is in memprof/tests/serve.rs.
#[test]
fn pprof_reads_what_a_program_serves() {
    let home = tempfile::tempdir().unwrap();
    let mut served = {
        let _lock = lock();
        let mut cargo = command("cargo", &fixture("library"));
        cargo.args(["run", "--quiet", "--release", "--locked", "--offline", "--bin", "served", "--target-dir"]);
        cargo.arg(target_dir().join("plain-library")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut url = String::new();
    BufReader::new(served.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let text = |mut command: std::process::Command, source: &str, flag: &str| {
        command.args(["-top", flag, source]).env("HOME", home.path()).env("PPROF_TMPDIR", home.path());
        let out = command.output().unwrap();
        let (text, errors) =
            (String::from_utf8(out.stdout).unwrap(), String::from_utf8_lossy(&out.stderr).into_owned());
        assert!(out.status.success(), "{source}: {errors}");
        text
    };
    for (path, flag, expected) in [
        ("heap", "-sample_index=inuse_space", "kept"),
        ("heap?debug=1", "-sample_index=inuse_objects", "kept"),
        ("allocs", "-sample_index=alloc_objects", "kept"),
        ("profile?seconds=1", "-sample_index=cpu", "busy"),
    ] {
        let source = format!("{}{path}", url.trim());
        let ours = || {
            let mut command = tool(home.path());
            command.arg("pprof");
            command
        };
        let go = std::env::var_os("MEMPROF_GO_PPROF").map(std::process::Command::new);
        for command in std::iter::once(ours()).chain(go) {
            let text = text(command, &source, flag);
            assert!(text.contains(expected), "{path}: {text}");
        }
    }
    drop(served.stdin.take());
    assert!(served.wait().unwrap().success());
}
