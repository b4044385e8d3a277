//! The sessions that the documents behind this project show, on profiles of our own fixtures. The texts are what the newest
//! pprof prints for the same arguments; `MEMPROF_BLESS=1` with `MEMPROF_GO_PPROF` has it print them anew.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Name of the golden file, arguments, and what is typed where it is a session.
const SESSIONS: &[(&str, &str, &str)] = &[
    ("top", "-top unpooled.mem.prof", ""),
    ("top10_cum", "-top -cum -nodecount=10 unpooled.mem.prof", ""),
    ("list", "-list process_data unpooled.mem.prof", ""),
    ("list_bench", "-list buffer_write::buffer_write unpooled.mem.prof", ""),
    ("list_noinlines", "-noinlines -list write_bytes|process_data unpooled.mem.prof", ""),
    ("traces", "-traces pooled.mem.prof", ""),
    ("tree", "-tree boxed.mem.prof", ""),
    ("peek", "-peek process_data$ unpooled.mem.prof", ""),
    ("base", "-top -base pooled.mem.prof unpooled.mem.prof", ""),
    ("diff_base", "-top -diff_base sized.mem.prof boxed.mem.prof", ""),
    ("noinlines", "-top -noinlines boxed.mem.prof", ""),
    ("alloc_objects", "-sample_index=alloc_objects -top unpooled.mem.prof", ""),
    ("inuse_space", "-inuse_space -top unpooled.mem.prof", ""),
    ("cpu_top", "-top unpooled.cpu.prof", ""),
    ("session_alloc_space", "-alloc_space unpooled.mem.prof", "top\nlist process_data\ntop5 -cum\no\n"),
    ("session_noinlines", "boxed.mem.prof", "list replace\nnoinlines = true\nlist replace\npeek replace\ntree\nexit\n"),
    (
        "session_sample_index",
        "unpooled.mem.prof",
        "sample_index=inuse_space\ntop\nsample_index=alloc_objects\ntop3\ntraces\n",
    ),
];

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/seeds")
}

fn run(mut command: Command, arguments: &str, typed: &str) -> String {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let home = tempfile::tempdir().unwrap();
    command.arg("-symbolize=none").arg("-trim_path=/build").arg(format!("-source_path={}", sources.display()));
    command.args(arguments.split(' ')).current_dir(seeds()).env("TZ", "UTC").env("HOME", home.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    // The place of this checkout shows in options.
    text.replace(sources.to_str().unwrap(), "FIXTURES")
}

#[test]
fn the_documents_sessions_print_what_pprof_prints() {
    let reference = std::env::var_os("MEMPROF_GO_PPROF");
    let bless = std::env::var_os("MEMPROF_BLESS").is_some();
    for (name, arguments, typed) in SESSIONS {
        let golden = seeds().join(format!("{name}.txt"));
        if let Some(reference) = &reference {
            let said = run(Command::new(reference), arguments, typed);
            if bless {
                std::fs::write(&golden, &said).unwrap();
            }
            assert_eq!(std::fs::read_to_string(&golden).unwrap(), said, "the reference no longer says so: {name}");
        }
        let mut ours = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
        ours.arg("pprof");
        assert_eq!(run(ours, arguments, typed), std::fs::read_to_string(&golden).unwrap(), "{name}: {arguments}");
    }
    if reference.is_none() {
        eprintln!("SKIPPED: MEMPROF_GO_PPROF is not set, so the texts were not held against pprof itself");
    }
}
