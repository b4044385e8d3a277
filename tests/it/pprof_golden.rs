//! The sessions of the tutorials on a Rust profile, text by text. A golden file is named by its flags; `MEMPROF_BLESS=1`
//! writes them anew. What is compared is what the reference pprof prints too, except for the reports that only we have.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_memprof::pprof::profile::{Builder, Label, Line, Mapping, Profile, ValueType, write};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pprof")
}

/// A mem.prof as ours are. `more`: what the unpooled variant allocates too much, times 64 bytes.
fn profile(more: i64, iterations: u64) -> Profile {
    let kinds =
        [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];
    let mut builder = Builder::new(kinds.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect());
    let mapping = builder.mapping(Mapping {
        start: 0x1000,
        limit: 0x9000,
        file: "/target/release/deps/pool-0123".into(),
        has_functions: true,
        has_filenames: true,
        has_line_numbers: true,
        has_inline_frames: true,
        ..Mapping::default()
    });
    let mut line = |name: &str, file: &str, start: i64, line: i64| {
        let mangled = format!("_mangled_{name}");
        Line { function: builder.function(name, &mangled, file, start), line, column: 0 }
    };
    const POOL: &str = "/build/pool/src/pool.rs";
    const BENCH: &str = "/build/pool/benches/pool.rs";
    let grow = line("alloc::vec::Vec<T,A>::push", "/rustc/0123/library/alloc/src/vec/mod.rs", 2400, 2412);
    let process = line("pool::process_data", POOL, 19, 22);
    let pooled = line("pool::process_data_pooled", POOL, 27, 30);
    let with = line("std::thread::local::LocalKey<T>::with", "/rustc/0123/library/std/src/thread/local.rs", 500, 510);
    let get = line("pool::Pool<T>::get", POOL, 14, 15);
    let closure = line("pool::buffer_write::{{closure}}", BENCH, 10, 14);
    let iter =
        line("criterion::bencher::Bencher<M>::iter", "/registry/src/index/criterion-0.5.1/src/bencher.rs", 80, 87);
    let main = line("pool::main", BENCH, 0, 40);
    let mut at = 0x1000;
    let mut location = |lines: Vec<Line>| {
        at += 16;
        builder.location(Some(mapping), at, lines)
    };
    let push = location(vec![grow, process]);
    let extend = location(vec![pooled]);
    let take = location(vec![get, with]);
    let body = location(vec![closure, iter]);
    let root = location(vec![main]);
    let sizes = |bytes: i64| vec![Label::number("bytes", bytes, "bytes")];
    builder.sample(vec![push, body, root], vec![6000 * more, 6000 * more * 64, 0, 0], sizes(64));
    builder.sample(vec![extend, body, root], vec![1000, 1_024_000, 2, 2048], sizes(1024));
    builder.sample(vec![take, extend, body, root], vec![3, 96, 1, 32], vec![Label::text("thread", "main")]);
    builder.profile.default_sample_type = "alloc_space".into();
    builder.profile.comments = vec![format!("# memprof: iterations={iterations}").into()];
    builder.profile.time_nanos = 1_795_252_230_000_000_000;
    builder.finish()
}

struct Fixture(tempfile::TempDir);

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mem.prof"), write(&profile(2, 1000))).unwrap();
        std::fs::write(folder.path().join("old.prof"), write(&profile(1, 500))).unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::copy(golden().join("src/pool.rs"), folder.path().join("src/pool.rs")).unwrap();
        Fixture(folder)
    }

    fn run(&self, program: &Path, first: &[&str], args: &[&str], stdin: &str) -> String {
        let mut command = Command::new(program);
        command
            .args(first)
            .args(args)
            .current_dir(self.0.path())
            .env("TZ", "UTC")
            .env("HOME", self.0.path())
            .env_remove("TERM");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        format!("{}--- stderr, {}\n{}", text(output.stdout), output.status.code().unwrap_or(-1), text(output.stderr))
    }

    fn check(&self, name: &str, args: &[&str], stdin: &str) {
        let ours = self.run(Path::new(env!("CARGO_BIN_EXE_cargo-memprof")), &["pprof"], args, stdin);
        let file = golden().join(format!("{name}.txt"));
        if std::env::var_os("MEMPROF_BLESS").is_some() {
            std::fs::write(&file, &ours).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(ours, expected, "{name}: {args:?}");
    }
}

/// Reports that pprof has too.
const SHARED: &[(&str, &[&str], &str)] = &[
    ("top", &["-top", "mem.prof"], ""),
    ("top10_cum", &["-top", "-cum", "-nodecount=10", "mem.prof"], ""),
    ("alloc_objects_top", &["-alloc_objects", "-top", "mem.prof"], ""),
    ("sample_index_inuse_space_top", &["-sample_index=inuse_space", "-top", "mem.prof"], ""),
    ("noinlines_top", &["-noinlines", "-top", "mem.prof"], ""),
    ("lines_top", &["-lines", "-top", "mem.prof"], ""),
    ("list_process_data", &["-trim_path=/build/pool", "-list=process_data", "mem.prof"], ""),
    ("traces", &["-traces", "mem.prof"], ""),
    ("tree", &["-tree", "mem.prof"], ""),
    ("peek_closure", &["-peek={{closure}}", "mem.prof"], ""),
    ("base_top", &["-base=old.prof", "-top", "mem.prof"], ""),
    ("diff_base_top", &["-diff_base=old.prof", "-top", "mem.prof"], ""),
    ("tags", &["-tags", "mem.prof"], ""),
    ("dot", &["-dot", "mem.prof"], ""),
    (
        "session",
        &["mem.prof"],
        "top10\ntop -cum 3\nsample_index=alloc_objects\ntop 2\nnoinlines=true\ntop2\nlist nothing\no\nquit\n",
    ),
];

#[test]
fn the_tutorials_reports() {
    let fixture = Fixture::new();
    for (name, args, stdin) in SHARED {
        fixture.check(name, args, stdin);
    }
}

#[test]
fn the_reference_says_the_same() {
    let Some(reference) = std::env::var_os("MEMPROF_GO_PPROF") else {
        eprintln!("SKIPPED: MEMPROF_GO_PPROF does not name the reference pprof");
        return;
    };
    let fixture = Fixture::new();
    for (name, args, stdin) in SHARED {
        let expected = std::fs::read_to_string(golden().join(format!("{name}.txt"))).unwrap_or_default();
        assert_eq!(fixture.run(Path::new(&reference), &[], args, stdin), expected, "{name}: {args:?}");
    }
}

#[test]
fn reports_of_our_own() {
    let fixture = Fixture::new();
    fixture.check("folded", &["-folded", "mem.prof"], "");
    fixture.check("speedscope", &["-speedscope", "mem.prof"], "");
    fixture.check("per_op_top", &["-per_op", "-top", "mem.prof"], "");
    fixture.check("per_op_base_top", &["-per_op", "-base=old.prof", "-alloc_objects", "-top", "mem.prof"], "");
    fixture.check("list_pool_get", &["-trim_path=/build/pool", "-list=Pool::get", "mem.prof"], "");
    fixture.check("disasm", &["-disasm=main", "mem.prof"], "");
    fixture.check("session_per_op", &["mem.prof"], "per_op=true\ntop 3\nhelp folded\ntop 2 | grep -c flat\no\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let fixture = Fixture::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"))
        .args(["pprof", "-raw", "mem.prof"])
        .current_dir(fixture.0.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
