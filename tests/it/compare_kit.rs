//! The conformance kit of benchstat: `cargo memprof compare` prints what benchstat prints, byte for byte.
//!
//! The kit is found through MEMPROF_KIT, or beside the project.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn kit() -> Option<PathBuf> {
    let kit = match std::env::var_os("MEMPROF_KIT") {
        Some(kit) => PathBuf::from(kit),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kit"),
    };
    let kit = kit.join("benchstat-dev");
    kit.join("cases.json").is_file().then_some(kit)
}

#[test]
fn every_case_of_the_kit() {
    let Some(kit) = kit() else {
        eprintln!("SKIPPED: no kit; set MEMPROF_KIT to the folder with benchstat-dev/");
        return;
    };
    let cases: Value = serde_json::from_slice(&std::fs::read(kit.join("cases.json")).unwrap()).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    let failures: Vec<_> = cases.iter().filter_map(|case| failure(&kit, case)).collect();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// The differences of a case.
fn failure(kit: &Path, case: &Value) -> Option<String> {
    let words =
        |field: &str| -> Vec<&str> { case[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect() };
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"))
        .current_dir(kit)
        .arg("compare")
        .args(words("argv"))
        .args(words("profiles"))
        .output()
        .unwrap();
    let expected = |field: &str| case[field].as_str().map(|file| std::fs::read_to_string(kit.join(file)).unwrap());
    let differs = |got: &[u8], field: &str| expected(field).is_some_and(|text| text.as_bytes() != got);
    let wrong_status = case["exit"] != "any" && output.status.success() != (case["exit"].as_i64().unwrap_or(0) == 0);
    if !wrong_status && !differs(&output.stdout, "expected_stdout") && !differs(&output.stderr, "expected_stderr") {
        return None;
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(format!("{}: {}\n{}{}", case["id"], output.status, text(&output.stdout), text(&output.stderr)))
}
