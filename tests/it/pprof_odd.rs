//! Profiles and filters off the beaten track: frames without symbols, negative values, characters that regular expressions
//! treat specially.

use std::process::Command;

use cargo_memprof::pprof::profile::{Builder, Line, Mapping, ValueType, write};

/// A stack of two mappings without symbols, one of named frames that grows, one that shrinks.
fn profile() -> tempfile::NamedTempFile {
    let mut builder =
        Builder::new(vec![ValueType::new("alloc_objects", "count"), ValueType::new("alloc_space", "bytes")]);
    let mut mapping = |start: u64, file: &str| {
        builder.mapping(Mapping { start, limit: start + 0x1000, file: file.into(), ..Mapping::default() })
    };
    let (app, kernel, nameless) =
        (mapping(0x1000, "/x/app"), mapping(0x2000, "[kernel.kallsyms]"), mapping(0x3000, ""));
    let mut named = |name: &str, address: u64| {
        let function = builder.function(name, "_mangled", "/src/a.rs", 1);
        builder.location(Some(app), address, vec![Line { function, line: 2, column: 0 }])
    };
    let (leaf, root) = (named("<T as U>::leaf", 0x1100), named("main", 0x1200));
    let bare = [(app, 0x1300), (kernel, 0x2300), (nameless, 0x3300)];
    let [start, kernel, nameless] = bare.map(|(mapping, address)| builder.location(Some(mapping), address, vec![]));
    builder.sample(vec![kernel, start], vec![1, 10], vec![]);
    builder.sample(vec![nameless, start], vec![1, 20], vec![]);
    builder.sample(vec![leaf, root], vec![-2, -40], vec![]);
    builder.sample(vec![root], vec![3, 5], vec![]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, write(&builder.finish())).unwrap();
    file
}

/// Standard output and error; the command must succeed.
fn pprof(flags: &[&str]) -> (String, String) {
    let file = profile();
    let output =
        Command::new(env!("CARGO_BIN_EXE_cargo-memprof")).arg("pprof").args(flags).arg(file.path()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{flags:?}: {}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn folded_names_frames_as_top_does_and_says_what_it_leaves_out() {
    let (folded, stderr) = pprof(&["-folded"]);
    assert_eq!(folded, "[app];<unknown> 20\n[app];[[kernel.kallsyms]] 10\nmain 5\n");
    assert!(stderr.contains("folded: left out 1 stack(s) with negative values, -40B in all"), "{stderr}");
    let (top, _) = pprof(&["-top"]);
    for name in ["[[kernel.kallsyms]]", "<unknown>", "[app]"] {
        assert!(top.contains(name), "{top}");
    }
    assert!(
        pprof(&["-folded", "-addresses"]).0.contains("0000000000001300 [app];0000000000002300 [[kernel.kallsyms]] 10")
    );
}

#[test]
fn speedscope_has_no_negative_weight_and_loses_none() {
    let file: serde_json::Value = serde_json::from_str(&pprof(&["-speedscope"]).0).unwrap();
    let profiles = file["profiles"].as_array().unwrap();
    let ends: Vec<(&str, f64)> =
        profiles.iter().map(|p| (p["name"].as_str().unwrap(), p["endValue"].as_f64().unwrap())).collect();
    let decreases = [("alloc_objects (decrease)", 2.0), ("alloc_space (decrease)", 40.0)];
    assert_eq!(ends, [("alloc_objects", 5.0), ("alloc_space", 35.0), decreases[0], decreases[1]]);
    for profile in profiles {
        let weights: Vec<f64> = profile["weights"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
        assert!(weights.iter().all(|weight| *weight >= 0.0), "{weights:?}");
        assert_eq!(weights.iter().sum::<f64>(), profile["endValue"].as_f64().unwrap());
    }
    let names: Vec<&str> =
        file["shared"]["frames"].as_array().unwrap().iter().map(|frame| frame["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["[app]", "[[kernel.kallsyms]]", "<unknown>", "main", "<T as U>::leaf"]);
}

#[test]
fn every_filter_takes_angle_brackets_in_classes() {
    for filter in
        ["focus", "ignore", "hide", "show", "show_from", "prune_from", "tagfocus", "tagignore", "tagshow", "taghide"]
    {
        for pattern in ["[<]", "[>]", "[^<>]*x", "[<->]", r"\p{^L}", "[a&&<]"] {
            pprof(&["-top", &format!("-{filter}={pattern}")]);
        }
    }
    assert!(pprof(&["-traces", "-focus=[<]T"]).0.contains("<T as U>::leaf"));
    assert!(!pprof(&["-traces", "-ignore=^[<]T"]).0.contains("<T as U>::leaf"));
    assert!(pprof(&["-peek=[<]T as [^<>]*[>]::"]).0.contains("<T as U>::leaf"));
}

#[test]
fn remote_symbolization_is_refused_aloud() {
    assert!(pprof(&["-top", "-symbolize=remote"]).1.contains("no symbol server is asked"));
}
