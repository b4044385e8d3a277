//! The report's source lines are those of `-list`: of the reference (`MEMPROF_GO_PPROF`) where it is there, else of our own; on
//! profiles that are made up here and on those of the kit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::pprof_fuzz::Numbers;
use cargo_memprof::pprof::front::arguments::Invocation;
use cargo_memprof::pprof::front::command;
use cargo_memprof::pprof::front::config::Config;
use cargo_memprof::pprof::front::fetch::Loaded;
use cargo_memprof::pprof::front::generate::prepare;
use cargo_memprof::pprof::profile::{Builder, Line, Profile, ValueType, read, write};
use cargo_memprof::web::views::source::{Listing, own_functions};

/// The functions of a listing as `-list` has them: by name and file their lines with flat and cum.
type Lines = BTreeMap<(String, String), Vec<(i64, String, String)>>;

fn listed(path: &Path) -> Lines {
    let reference = std::env::var_os("MEMPROF_GO_PPROF");
    let mut command = match &reference {
        Some(reference) => Command::new(reference),
        None => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
            command.arg("pprof");
            command
        }
    };
    command.args(["-symbolize=none", "-list", "."]).arg(path).current_dir(path.parent().unwrap());
    let output = command.env("HOME", path.parent().unwrap()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut all = Lines::new();
    let mut here = None;
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("ROUTINE ======================== ") {
            let (name, file) = head.rsplit_once(" in ").unwrap();
            here = Some((name.to_owned(), file.to_owned()));
            all.insert((name.to_owned(), file.to_owned()), Vec::new());
        } else if let (Some(here), Some(numbers)) = (&here, line.get(..28).filter(|_| line[28..].starts_with(':'))) {
            let words: Vec<&str> = numbers.split_whitespace().collect();
            let line = (words[2].parse().unwrap(), words[0].to_owned(), words[1].to_owned());
            all.get_mut(here).unwrap().push(line);
        }
    }
    all
}

/// `None` for a profile without any function to list.
fn shown(profile: &Profile) -> Option<Listing> {
    let mut profile = profile.clone();
    // As where profiles are read for `-list`.
    profile.remove_uninteresting();
    let loaded = Loaded { profile, iterations: None, compared: false, per_op: false };
    let invocation = Invocation { command: command::find("list").unwrap(), argument: Some(".".into()) };
    own_functions(&mut prepare(loaded, &invocation, &Config::default(), &mut |_| ()).unwrap()).ok()
}

/// Compares all that is shown; how many lines that were.
fn compare(path: &Path, profile: &Profile) -> usize {
    let expected = listed(path);
    let mut compared = 0;
    let Some(listing) = shown(profile) else {
        assert!(expected.is_empty(), "{}", path.display());
        return 0;
    };
    for function in listing.functions {
        let what = format!("{} in {} of {}", function.name, function.file, path.display());
        let lines = expected.get(&(function.name.clone(), function.file.clone())).unwrap_or_else(|| panic!("{what}"));
        if lines.is_empty() && Path::new(&function.file).is_relative() && Path::new(&function.file).exists() {
            // A file of the same name lies where this test runs, and none where `-list` ran.
            continue;
        }
        if lines.is_empty() {
            // `-list` says an error; the page has the lines that cost something.
            assert!(function.lines.iter().all(|line| line.text == "???" || line.number == 0), "{what}");
            continue;
        }
        let got: Vec<_> = function.lines.into_iter().filter(|line| line.text != "???").collect();
        let got: Vec<_> = got.into_iter().map(|line| (line.number, line.flat_text, line.cum_text)).collect();
        assert_eq!(got, *lines, "{what}");
        compared += lines.len();
    }
    compared
}

/// Functions that share files, are inlined into each other and call themselves; some files are not there.
fn made_up(folder: &Path, numbers: &mut Numbers) -> Profile {
    let mut builder =
        Builder::new(vec![ValueType::new("alloc_objects", "count"), ValueType::new("alloc_space", "bytes")]);
    let files = ["src/a.rs", "src/b.rs", "src/gone.rs"].map(|file| folder.join(file).to_str().unwrap().to_owned());
    let functions: Vec<(u32, i64)> = (0..9)
        .map(|number| {
            let start = if numbers.below(3) == 0 { 0 } else { 1 + 8 * (number / 3) };
            let file = &files[number as usize % 3];
            (builder.function(&format!("p::f{number}"), &format!("p::f{number}"), file, start), 1 + 8 * (number / 3))
        })
        .collect();
    let locations: Vec<u32> = (0..20)
        .map(|number| {
            let frames = 1 + numbers.below(4);
            let mut line = || {
                let (function, first) = functions[numbers.below(functions.len())];
                Line { function, line: first + numbers.below(12) as i64, column: 0 }
            };
            let lines = (0..frames).map(|_| line()).collect();
            // Not in the order in which they are met.
            builder.location(None, 0x1000 + (number * 7 % 20) * 16, lines)
        })
        .collect();
    for _ in 0..30 {
        let stack = (0..1 + numbers.below(6)).map(|_| locations[numbers.below(locations.len())]).collect();
        let value = numbers.below(5000) as i64;
        builder.sample(stack, vec![1, value], vec![]);
    }
    builder.finish()
}

#[test]
fn source_lines_are_those_of_list() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    let text: String = (1..=40).map(|line| format!("    line {line};\n")).collect();
    for file in ["a.rs", "b.rs"] {
        std::fs::write(folder.path().join("src").join(file), &text).unwrap();
    }
    let mut compared = 0;
    for seed in 0..50 {
        let profile = made_up(folder.path(), &mut Numbers(seed));
        let path = folder.path().join(format!("{seed}.prof"));
        std::fs::write(&path, write(&profile)).unwrap();
        compared += compare(&path, &profile);
    }
    assert!(compared > 4000, "{compared}");
}

#[test]
fn source_lines_of_the_kit_are_those_of_list() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kit");
    let kit = std::env::var_os("MEMPROF_KIT").map_or(beside, PathBuf::from);
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(kit.join("dev/profiles")).into_iter().flatten() {
        let path = entry.unwrap().path();
        let Ok(profile) = read(&std::fs::read(&path).unwrap()) else { continue };
        if profile.samples.is_empty() || profile.sample_types.is_empty() || profile.functions.is_empty() {
            continue;
        }
        let copy = folder.path().join(path.file_name().unwrap());
        std::fs::write(&copy, write(&profile)).unwrap();
        compare(&copy, &profile);
    }
}

/// A function that calls itself is in the total once, though each of its lines has what passes it.
#[test]
fn no_function_costs_more_than_everything() {
    let mut builder = Builder::new(vec![ValueType::new("alloc_space", "bytes")]);
    let function = builder.function("p::walk", "", "/w/src/lib.rs", 1);
    let other = builder.function("p::push", "", "/w/src/lib.rs", 9);
    let line = |function, line| Line { function, line, column: 0 };
    let stack = vec![
        builder.location(None, 1, vec![line(other, 9), line(function, 3), line(function, 4)]),
        builder.location(None, 2, vec![line(function, 4)]),
    ];
    builder.sample(stack, vec![100], vec![]);
    let listing = shown(&builder.finish()).unwrap();
    let numbers: Vec<_> = listing.functions.iter().map(|one| (one.name.as_str(), one.flat, one.cum)).collect();
    assert_eq!(numbers, [("p::push", 100, 100), ("p::walk", 0, 100)]);
    let lines: Vec<_> = listing.functions[1].lines.iter().map(|line| (line.number, line.flat, line.cum)).collect();
    assert_eq!(lines, [(3, 0, 100), (4, 0, 100)]);
}
