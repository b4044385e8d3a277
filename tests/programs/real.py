#!/usr/bin/env python3
"""Programs from crates.io that nobody here wrote, run whole: the same output and exit code as without the tool, and totals
equal to those of a copy that counts its allocations by hand.

    tests/programs/real.py [NAME]...      TOOL names the executable (target/debug/cargo-memprof), GO a go command for pprof

They are fetched by cargo; building them takes minutes.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get("TOOL", str(ROOT / "target/debug/cargo-memprof"))
GO = os.environ.get("GO")

# Version, binary, its root source, arguments, stdin. Each runs on one thread.
PROGRAMS = {
    "hexyl": ("0.16.0", "hexyl", "src/main.rs", ["--length", "4096", str(ROOT / "Cargo.lock")], b""),
    "choose": ("1.3.4", "choose", "src/main.rs", ["-f", "[:,]", "0", "2"], b"a:b,c:d\nlonger text, with:more parts\n" * 500),
    "sd": ("1.0.0", "sd", "src/main.rs", ["([a-z]+) = ", "$1: "], b'name = "x"\nversion = "1"\n' * 2000),
    "ripgrep": ("14.1.1", "rg", "crates/core/main.rs", ["-j1", "--no-config", "alloc[a-z]*", str(ROOT / "templates/runtime")], b""),
}

COUNTING = """
mod counted_by_hand {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static N: [AtomicU64; 3] = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
    struct Counting;
    fn add(i: usize, n: usize) { N[i].fetch_add(n as u64, Relaxed); }
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, l: Layout) -> *mut u8 { add(0, 1); add(1, l.size()); System.alloc(l) }
        unsafe fn alloc_zeroed(&self, l: Layout) -> *mut u8 { add(0, 1); add(1, l.size()); System.alloc_zeroed(l) }
        unsafe fn dealloc(&self, p: *mut u8, l: Layout) { add(2, 1); System.dealloc(p, l) }
        unsafe fn realloc(&self, p: *mut u8, l: Layout, n: usize) -> *mut u8 {
            add(0, 1); add(1, n); add(2, 1); System.realloc(p, l, n)
        }
    }
    #[global_allocator]
    static A: Counting = Counting;
    extern "C" { fn atexit(f: extern "C" fn()) -> i32; fn dprintf(fd: i32, f: *const u8, ...) -> i32; }
    extern "C" fn tell() {
        let [a, b, c] = [0, 1, 2].map(|i| N[i].load(Relaxed));
        unsafe { dprintf(2, b"COUNTED %llu %llu %llu\\n\\0".as_ptr(), a, b, c); }
    }
    extern "C" fn begin() { unsafe { atexit(tell); } }
    #[used]
    #[link_section = ".init_array"]
    static BEGIN: extern "C" fn() = begin;
}
"""


def call(command, folder, stdin):
    """`stdin` is given as a file: what each read of a pipe returns depends on when it is read."""
    with tempfile.TemporaryFile() as file:
        file.write(stdin)
        file.seek(0)
        return subprocess.run(command, cwd=folder, stdin=file, capture_output=True)


def fetch(name, version, scratch):
    """The crate's source, as cargo unpacks it."""
    asker = scratch / f"ask-{name}"
    (asker / "src").mkdir(parents=True)
    (asker / "src/lib.rs").write_text("")
    (asker / "Cargo.toml").write_text(f'[package]\nname = "ask"\nversion = "0.0.0"\n[dependencies]\n{name} = "={version}"\n[workspace]\n')
    subprocess.run(["cargo", "fetch", "--quiet"], cwd=asker, check=True)
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    return next(home.glob(f"registry/src/*/{name}-{version}"))


def recorded(crate, binary, arguments, stdin, without):
    """Runs the program under the tool; its output and exit code are those of the run `without`."""
    out = crate / "run.jsonl"
    ours = call([TOOL, "--locked", "--bin", binary, "--json", str(out), "--", *arguments], crate, stdin)
    assert without.returncode == ours.returncode and without.stdout == ours.stdout, ours.stderr.decode()[-2000:]
    finished = next(line for line in map(json.loads, out.read_text().splitlines()) if line["reason"] == "program-finished")
    assert finished["memory"]["exact"]
    return finished


def totals(finished):
    return [finished["memory"][field] for field in ("allocs", "bytes", "frees")]


def check(name, scratch):
    version, binary, source, arguments, stdin = PROGRAMS[name]
    crate = fetch(name, version, scratch)
    plain, counted = scratch / f"{name}-plain", scratch / f"{name}-count"
    for copy in (plain, counted):
        shutil.copytree(crate, copy)
        (copy / "Cargo.toml").open("a").write("\n[workspace]\n" if "[workspace]" not in (copy / "Cargo.toml").read_text() else "")
    main = counted / source
    main.write_text(main.read_text() + COUNTING)

    run = ["cargo", "run", "--release", "--locked", "--quiet", "--bin", binary]
    without = call([*run, "--", *arguments], plain, stdin)
    finished = recorded(plain, binary, arguments, stdin, without)

    # A program's own name is among what it allocates: the copy is called as the other one was. Unlike a shell, perl leaves
    # the environment as it is.
    called = plain / f"target/memprof/build/programs/release/{binary}"
    runner = scratch / f"{name}-runner"
    runner.write_text(f'#!/usr/bin/perl\nmy $program = shift; exec {{ $program }} "{called}", @ARGV;\n')
    runner.chmod(0o755)
    by_hand = call([*run, "--config", f"target.'cfg(all())'.runner='{runner}'", "--", *arguments], counted, stdin)
    numbers = [int(number) for number in by_hand.stderr.decode().rsplit("COUNTED ", 1)[1].split()]
    print(f"{name} {version}: {totals(finished)} allocations, bytes, frees; by hand {numbers}", flush=True)
    assert by_hand.stdout == without.stdout
    if totals(finished) != numbers:
        # The optimizer may leave out an allocation in one executable and not in another: the copy is counted itself.
        copied = totals(recorded(counted, binary, arguments, stdin, without))
        print(f"  the copy itself, recorded: {copied}", flush=True)
        assert copied == numbers, name
    if GO:
        for kind, path in finished["profiles"].items():
            top = subprocess.run([GO, "tool", "pprof", "-top", path], capture_output=True, check=True).stdout.decode()
            print(f"  {kind}: go tool pprof reads it, {len(top.splitlines())} lines", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or PROGRAMS:
            check(name, pathlib.Path(folder))
