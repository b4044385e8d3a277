//! Profiles from before profile.proto. Beside each input of tests/golden/pprof/legacy lies what `go tool pprof -raw` prints of
//! it; jemalloc's, which it refuses, was worked out from jeprof's rules.

use std::path::{Path, PathBuf};

use cargo_memprof::pprof::front::fetch::load_file;
use cargo_memprof::pprof::profile::{read, write};
use cargo_memprof::pprof::reports::raw;

fn inputs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pprof/legacy");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inputs: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ending| ending != "raw")).collect();
    assert!(inputs.len() > 15);
    inputs
}

#[test]
fn every_format_is_read_as_the_reference_reads_it() {
    for path in inputs() {
        let loaded = load_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let profile = loaded.profile;
        let mut printed = String::new();
        raw::print(&profile, &mut printed).unwrap();
        let expected = std::fs::read_to_string(format!("{}.raw", path.display())).unwrap();
        assert_eq!(printed, expected, "{}", path.display());
        let again = read(&write(&profile)).unwrap();
        assert_eq!((again.samples.len(), &again.drop_frames), (profile.samples.len(), &profile.drop_frames));
        assert!(!profile.drop_frames.is_empty());
    }
}

#[test]
fn files_that_are_cut_or_damaged_are_read_or_refused() {
    for path in inputs() {
        let data = std::fs::read(&path).unwrap();
        for end in 0..data.len().min(700) {
            let _ = read(&data[..end]);
        }
        for at in 0..data.len().min(700) {
            let mut damaged = data.clone();
            damaged[at] ^= 0x81;
            let _ = read(&damaged);
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let error = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    let heap = "heap profile: 1: 1 [1: 1] @ heapprofile\n";
    assert!(error(&format!("{heap}nonsense\n")).contains("\"nonsense\" is no sample of a heap profile"));
    assert!(error(&format!("{heap}0: 5 [0: 0] @ 0x1\n")).contains("5 bytes in no block"));
    assert!(error(&format!("{heap}1: 5 [1: 5] @ 0x11111111111111111\n")).contains("no address of 64 bits"));
    assert!(error("goroutine profile: total 3\nx @ 0x1\n").contains("no sample of a goroutine profile"));
    assert!(error("hello\n").contains("unrecognized profile format"));
}
