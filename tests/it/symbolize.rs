//! Symbols of a real program: stacks that it recorded of itself, and every part of it against binutils' addr2line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::modules::{hex, module, modules};
use cargo_memprof::records::{Completeness, Module, Stack};
use cargo_memprof::symbolize::{Detail, Frame, Symbolizer, trim_allocation};
use object::{Object, ObjectSection};

const PROGRAM: &str = include_str!("../programs/allocations.rs");

/// Compiles the program beside its stand-in runtime.
fn compile(folder: &Path, flags: &[&str]) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    for (source, kind) in [("memprof_rt.rs", ["--crate-type=lib"]), ("allocations.rs", ["--extern=memprof_rt"])] {
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition=2024", "-Copt-level=3"]).args(kind).args(flags);
        rustc.arg("-L").arg(folder).arg("--out-dir").arg(folder).arg(sources.join(source));
        assert!(rustc.status().unwrap().success());
    }
    folder.join("allocations")
}

/// Runs the program: its modules, and its stacks by name.
fn run(executable: &Path) -> (Vec<Module>, BTreeMap<String, Stack>) {
    let output = Command::new(executable).output().unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).unwrap();
    let (maps, stacks) = output.split_once("\n\n").unwrap();
    let stacks = stacks.lines().map(|line| {
        let (name, addresses) = line.split_once(' ').unwrap();
        let addresses = addresses.split(' ').map(hex).collect();
        (name.into(), Stack { addresses, leaf_is_exact: false, completeness: Completeness::Whole })
    });
    (modules(maps), stacks.collect())
}

/// The number of the line that ends in `// line: MARK`.
fn line_of(mark: &str) -> u32 {
    let mark = format!("// line: {mark}");
    1 + PROGRAM.lines().position(|line| line.ends_with(&mark)).unwrap() as u32
}

#[test]
fn recorded_stacks_end_in_what_the_programmer_called() {
    let folder = tempfile::tempdir().unwrap();
    let (modules, stacks) = run(&compile(folder.path(), &["-Cdebuginfo=1"]));
    let mut symbolizer = Symbolizer::new(&modules);
    let mut frames = |name: &str| -> Vec<Frame> {
        let places = symbolizer.places(&stacks[name]);
        let whole: Vec<_> = places.iter().flat_map(|place| &place.frames).map(|frame| &frame.function[..]).collect();
        let whole = whole.join("\n");
        let parts = symbolizer.trimmed(&stacks[name], trim_allocation);
        let trimmed: Vec<_> = parts.into_iter().flat_map(|part| symbolizer.part(part).1.to_vec()).collect();
        // std calls `main` and a thread's closure through this.
        let root = trimmed.iter().rfind(|frame| frame.function != "core::ops::function::FnOnce::call_once").unwrap();
        assert_eq!(root.function, if name == "thread" { THREAD } else { "allocations::main" }, "{whole}");
        trimmed
    };
    const THREAD: &str = "allocations::main::{{closure}}";
    for (name, leaf, caller) in [
        ("pushes", "alloc::vec::Vec<T,A>::push", "allocations::pushes"),
        ("boxes", "alloc::boxed::Box<T>::new", "allocations::boxes"),
        ("strings", "<alloc::string::String>::push_str", "allocations::strings"),
        ("capacity", "alloc::vec::Vec<T>::with_capacity", "allocations::capacity"),
        ("outer", "alloc::vec::Vec<T,A>::reserve", "allocations::inlined"),
        ("thread", "alloc::boxed::Box<T>::new", "allocations::boxes"),
    ] {
        let frames = frames(name);
        assert_eq!(frames[0].function, leaf, "{name}");
        assert!(frames[0].file.starts_with("/rustc/") && frames[0].line > 0, "{:?}", frames[0]);
        assert_eq!(frames[1].function, caller, "{name}");
    }
    // std does these by several functions of its own, which stay.
    for (name, caller) in [
        ("copies", "allocations::copies"),
        ("zeroes", "allocations::zeroes"),
        ("formats", "allocations::formats"),
        ("duplicate", "allocations::Wrapper<T>::duplicate"),
    ] {
        let frames = frames(name);
        let own = frames.iter().take_while(|frame| frame.file.starts_with("/rustc/")).count();
        assert!(own > 0, "{name}: {frames:#?}");
        assert_eq!(frames[own].function, caller, "{name}");
    }

    let outer = frames("outer");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/allocations.rs");
    let here = |frame: &Frame| (frame.line, frame.inlined, frame.start_line);
    assert_eq!(outer[1].file, source.to_str().unwrap());
    assert_eq!(here(&outer[1]), (line_of("inlined"), true, line_of("inlined") - 1));
    assert_eq!(outer[2].function, "allocations::outer");
    assert_eq!(here(&outer[2]), (line_of("outer"), false, line_of("outer") - 1));
    assert!(outer[2].system_name.starts_with("_ZN11allocations5outer17h"), "{}", outer[2].system_name);
    assert_eq!(symbolizer.status(0).unwrap().detail, Detail::Lines);
    assert_eq!(symbolizer.status(0).unwrap().problem, None);
}

/// Binutils' frames at `addresses`: linkage name, file and line, innermost first. None where it is not installed.
fn binutils(executable: &Path, addresses: &[u64]) -> Option<Vec<Vec<(String, String)>>> {
    let mut all = Vec::new();
    for chunk in addresses.chunks(2000) {
        let addresses = chunk.iter().map(|address| format!("{address:#x}"));
        let output =
            Command::new("addr2line").args(["-f", "-i", "-a", "-e"]).arg(executable).args(addresses).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines().peekable();
        while lines.next().is_some_and(|line| line.starts_with("0x")) {
            let mut frames = Vec::new();
            while lines.peek().is_some_and(|line| !line.starts_with("0x")) {
                let function = lines.next().unwrap().to_owned();
                let place = lines.next().unwrap();
                frames.push((function, place.split(" (").next().unwrap().to_owned()));
            }
            all.push(frames);
        }
    }
    Some(all)
}

#[test]
fn less_debug_information_gives_less_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], Detail, bool); 5] = [
        (&["-Cdebuginfo=line-tables-only"], Detail::Lines, false),
        (&["-Cdebuginfo=1", "-Csplit-debuginfo=unpacked"], Detail::Lines, true),
        (&["-Cdebuginfo=0", "-Cstrip=debuginfo"], Detail::Functions, false),
        (&["-Cdebuginfo=0", "-Cstrip=symbols"], Detail::Offsets, false),
        (&["-Cdebuginfo=1", "-Clink-arg=-Wl,--compress-debug-sections=zlib"], Detail::Lines, false),
    ];
    for (flags, detail, problem) in cases {
        let (modules, stacks) = run(&compile(folder.path(), flags));
        let mut symbolizer = Symbolizer::new(&modules);
        let places = symbolizer.places(&stacks["pushes"]);
        let frames: Vec<_> = places.iter().flat_map(|place| place.frames.clone()).collect();
        assert_eq!(places.len(), stacks["pushes"].addresses.len());
        assert!(places.iter().all(|place| !place.frames.is_empty()));
        let named = frames.iter().any(|frame| frame.function == "allocations::pushes");
        assert_eq!(named, detail != Detail::Offsets, "{flags:?}: {frames:#?}");
        assert_eq!(frames.iter().any(|frame| frame.function.starts_with("allocations+0x")), detail == Detail::Offsets);
        let status = symbolizer.status(0).unwrap();
        assert_eq!((status.detail, status.problem.is_some()), (detail, problem), "{flags:?}: {status:?}");
    }
}

#[test]
fn a_missing_a_replaced_and_a_damaged_file_give_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let executable = compile(folder.path(), &["-Cdebuginfo=1", "-Clink-arg=-Wl,--build-id"]);
    let genuine = module(&executable, 0x1000);
    let (missing, other) = (folder.path().join("missing"), vec![1, 2, 3]);
    for module in [Module { path: missing, ..genuine.clone() }, Module { build_id: other, ..genuine.clone() }] {
        let address = 0x1000 + module.text[0].vaddr + 0x20;
        let mut symbolizer = Symbolizer::new(std::slice::from_ref(&module));
        let name = format!("{}+{:#x}", module.path.file_name().unwrap().to_str().unwrap(), address - 0x1000);
        assert_eq!(symbolizer.frames(address, true).1[0].function, name);
        assert_eq!(symbolizer.frames(7, true).1[0].function, "0x7");
        let status = symbolizer.status(0).unwrap();
        assert!(status.detail == Detail::Offsets && status.problem.is_some(), "{status:?}");
    }

    let data = std::fs::read(&executable).unwrap();
    let sections: Vec<_> = {
        let file = object::File::parse(&data[..]).unwrap();
        let debug = file.sections().filter(|section| section.name().is_ok_and(|name| name.starts_with(".debug_")));
        debug.filter_map(|section| section.file_range()).map(|(from, size)| (from as usize, size as usize)).collect()
    };
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    for round in 0..rounds(24) {
        let mut damaged = data.clone();
        for _ in 0..1 << (round % 12) {
            let (from, size) = if round % 4 == 3 { (0, damaged.len()) } else { sections[random() % sections.len()] };
            damaged[from + random() % size.max(1)] = random() as u8;
        }
        let damaged = Module { image: Some(damaged), build_id: Vec::new(), ..genuine.clone() };
        let mut symbolizer = Symbolizer::new(&[damaged]);
        for address in (genuine.text[0].vaddr..genuine.text[0].vaddr + genuine.text[0].size).step_by(997) {
            assert!(!symbolizer.frames(address + 0x1000, true).1.is_empty());
        }
    }
}

#[test]
fn every_part_of_the_text_agrees_with_binutils() {
    let folder = tempfile::tempdir().unwrap();
    let executable = compile(folder.path(), &["-Cdebuginfo=1"]);
    let data = std::fs::read(&executable).unwrap();
    let text = object::File::parse(&data[..]).unwrap();
    let text = text.section_by_name(".text").unwrap();
    let addresses: Vec<_> = (text.address()..text.address() + text.size()).step_by(61).collect();
    let Some(expected) = binutils(&executable, &addresses) else {
        eprintln!("SKIPPED: addr2line (binutils) is not installed");
        return;
    };
    assert_eq!(expected.len(), addresses.len());
    let mut symbolizer = Symbolizer::new(&[module(&executable, 0)]);
    let (mut frames, mut differ) = (0, Vec::new());
    for (address, expected) in addresses.iter().zip(expected) {
        let (_, ours) = symbolizer.frames(*address, true);
        // Without debug information binutils guesses a file from the symbol table.
        if expected[0].1.ends_with('?') && ours[0].file.is_empty() {
            assert_eq!(ours.len(), 1);
            continue;
        }
        frames += expected.len();
        let place = |frame: &Frame| match (frame.file.as_str(), frame.line) {
            ("", _) => "??:0".to_owned(),
            (file, 0) => format!("{file}:?"),
            (file, line) => format!("{file}:{line}"),
        };
        let ours: Vec<_> = ours.iter().map(|frame| (frame.system_name.clone(), place(frame))).collect();
        if ours != expected {
            differ.push(format!("{address:#x}: ours {ours:#?}, binutils {expected:#?}"));
        }
    }
    println!("{} addresses, {frames} frames, {} differ", addresses.len(), differ.len());
    assert!(
        differ.len() * 100 <= addresses.len(),
        "{} of {}: {}",
        differ.len(),
        addresses.len(),
        differ[..differ.len().min(12)].join("\n")
    );
}

/// How often damage is tried: `MEMPROF_ROUNDS` for a longer hunt.
fn rounds(usual: u32) -> u32 {
    std::env::var("MEMPROF_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// `MEMPROF_SPEED=FILE cargo test --release --test it symbolize::speed -- --nocapture`
#[test]
fn speed() {
    let Some(path) = std::env::var_os("MEMPROF_SPEED") else { return };
    let module = module(Path::new(&path), 0);
    let text = &module.text[0];
    let addresses: Vec<_> = (0..5000).map(|index| text.vaddr + text.size / 5000 * index).collect();
    for _ in 0..3 {
        let start = std::time::Instant::now();
        let mut symbolizer = Symbolizer::new(std::slice::from_ref(&module));
        let first = (symbolizer.frames(addresses[0], true).1.len(), start.elapsed()).1;
        let frames: usize = addresses.iter().map(|address| symbolizer.frames(*address, true).1.len()).sum();
        let detail = symbolizer.status(0).unwrap().detail;
        println!(
            "{} addresses, {frames} frames in {:?}, {first:?} of it to open; {detail:?}",
            addresses.len(),
            start.elapsed()
        );
    }
}

#[test]
fn a_nameless_function_is_one_function() {
    let folder = tempfile::tempdir().unwrap();
    let stripped = module(&compile(folder.path(), &["-Cdebuginfo=0", "-Cstrip=symbols"]), 0);
    let functions = cargo_memprof::unwind::functions(&std::fs::read(&stripped.path).unwrap());
    assert!(functions.len() > 100 && functions.is_sorted_by_key(|function| function.start));
    let mut symbolizer = Symbolizer::new(&[stripped]);
    let function = functions.iter().find(|function| function.end - function.start > 100).unwrap();
    for address in [function.start, function.start + 50, function.end - 1] {
        assert_eq!(symbolizer.frames(address, true).1[0].function, format!("allocations+{:#x}", function.start));
    }
}
