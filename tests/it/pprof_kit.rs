//! The conformance kit, when it lies beside this repository or where `MEMPROF_KIT` says: every case passes, and what we write
//! is read by the reference pprof (`MEMPROF_GO_PPROF`) as what we read. Without them it says so and checks nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_memprof::pprof::profile::{read, write};

fn kit() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kit");
    let kit = std::env::var_os("MEMPROF_KIT").map_or(beside, PathBuf::from);
    let found = kit.join("dev/cases.json").exists();
    if !found {
        eprintln!("SKIPPED: no conformance kit (MEMPROF_KIT)");
    }
    found.then_some(kit)
}

#[test]
fn every_case_passes() {
    let Some(kit) = kit() else { return };
    let mut runner = Command::new("python3");
    runner.arg(kit.join("run.py")).arg(kit.join("dev")).args(["-q", "--skip-tag", "go-regexp-message"]);
    if Command::new("dot").arg("-V").output().is_err() {
        eprintln!("SKIPPED: the svg cases, which need graphviz");
        runner.args(["--skip-tag", "svg"]);
    }
    let output = runner.args(["--", env!("CARGO_BIN_EXE_cargo-memprof"), "pprof"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn what_we_write_the_reference_reads() {
    let (Some(kit), Some(reference)) = (kit(), std::env::var_os("MEMPROF_GO_PPROF")) else {
        eprintln!("SKIPPED: no kit (MEMPROF_KIT) or no reference pprof (MEMPROF_GO_PPROF)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut checked = 0;
    for entry in std::fs::read_dir(kit.join("dev/profiles")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(profile) = read(&std::fs::read(&path).unwrap()) else { continue };
        let copy = folder.path().join(path.file_name().unwrap());
        std::fs::write(&copy, write(&profile)).unwrap();
        for report in ["-raw", "-top", "-tree", "-traces", "-tags"] {
            let said = |file: &Path| {
                let mut command = Command::new(&reference);
                let output = command
                    .args(["-symbolize=none", "-trim=false", report])
                    .arg(file)
                    .env("TZ", "UTC")
                    .output()
                    .unwrap();
                (output.status.code(), output.stdout)
            };
            assert_eq!(said(&path), said(&copy), "{report} {}", path.display());
        }
        checked += 1;
    }
    assert!(checked > 30, "only {checked} profiles in the kit");
}
