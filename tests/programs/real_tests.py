#!/usr/bin/env python3
"""Tests of crates from crates.io under `cargo memprof test`: as many as `cargo test` runs, with the same verdicts, and counts
equal to those of a copy whose tests count by hand.

    tests/programs/real_tests.py [NAME]...      TOOL names the executable (target/debug/cargo-memprof)
"""

import json
import pathlib
import re
import shutil
import sys
import tempfile

from real import TOOL, call, fetch

# Version, the sources of the tests that are counted by hand.
CRATES = {
    "semver": ("1.0.28", ["test_version", "test_version_req"]),
    "arrayvec": ("0.7.8", ["tests"]),
    "bytes": ("1.12.1", ["test_bytes", "test_buf"]),
    "itertools": ("0.14.0", ["test_std"]),
}

# Counts what the test's own thread asks for from the first line of a test to the drop of its last variable.
COUNTING = """
mod counted_by_hand {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;
    thread_local! { static COUNTS: Cell<[usize; 2]> = const { Cell::new([0; 2]) }; }
    struct Counting;
    fn add(size: usize) { let _ = COUNTS.try_with(|c| c.set([c.get()[0] + 1, c.get()[1] + size])); }
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, l: Layout) -> *mut u8 { add(l.size()); unsafe { System.alloc(l) } }
        unsafe fn alloc_zeroed(&self, l: Layout) -> *mut u8 { add(l.size()); unsafe { System.alloc_zeroed(l) } }
        unsafe fn dealloc(&self, p: *mut u8, l: Layout) { unsafe { System.dealloc(p, l) } }
        unsafe fn realloc(&self, p: *mut u8, l: Layout, n: usize) -> *mut u8 { add(n); unsafe { System.realloc(p, l, n) } }
    }
    #[global_allocator]
    static A: Counting = Counting;
    pub struct Test(&'static str, &'static str);
    pub fn test(module: &'static str, name: &'static str) -> Test {
        // A panic's message and its backtrace are the harness's.
        std::panic::set_hook(std::boxed::Box::new(|_| {}));
        COUNTS.with(|c| c.set([0; 2]));
        Test(module, name)
    }
    impl Drop for Test {
        fn drop(&mut self) {
            let [allocs, bytes] = COUNTS.with(Cell::get);
            std::eprintln!("COUNTED {}::{} {} {}", self.0, self.1, allocs, bytes);
        }
    }
}
"""
TEST = re.compile(r"(#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn\s+(\$?\w+)\s*\(\s*\)[^{]*\{)")
VERDICT = re.compile(r"^test (.*?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)", re.M)


def verdicts(text):
    return sorted(VERDICT.findall(text))


def check(name, scratch):
    version, sources = CRATES[name]
    crate = fetch(name, version, scratch)
    plain, counted = scratch / f"{name}-plain", scratch / f"{name}-counted"
    for copy in (plain, counted):
        shutil.copytree(crate, copy)
        (copy / "Cargo.toml").open("a").write("\n[workspace]\n" if "[workspace]" not in (copy / "Cargo.toml").read_text() else "")

    by_cargo = call(["cargo", "test", "--quiet", "--tests", "--", "--format", "pretty"], plain, b"")
    ours = call([TOOL, "test", "--json"], plain, b"")
    tests = [line for line in map(json.loads, ours.stdout.decode().splitlines()) if line["reason"] == "test-finished"]
    words = {"ok": "ok", "failed": "FAILED", "ignored": "ignored"}
    expected, own = verdicts(by_cargo.stdout.decode()), sorted((test["id"], words[test["outcome"]]) for test in tests)
    print(f"{name} {version}: {len(own)} tests, {len(expected)} by cargo test, the same verdicts: {own == expected}", flush=True)
    assert expected and own == expected, (ours.stderr.decode()[-2000:], set(own) ^ set(expected))
    assert (ours.returncode == 0) == (by_cargo.returncode == 0), (ours.returncode, by_cargo.returncode)

    compared = 0
    for source in sources:
        file = counted / f"tests/{source}.rs"
        text, changed = TEST.subn(r"\1 let _counted = crate::counted_by_hand::test(module_path!(), stringify!(\2));", file.read_text())
        assert changed, file
        file.write_text(text + COUNTING)
        command = ["cargo", "test", "--quiet", "--test", source, "--", "--nocapture", "--test-threads=1"]
        lines = re.findall(r"COUNTED \w+::(\S+) (\d+) (\d+)", call(command, counted, b"").stderr.decode())
        by_hand = {id: [int(allocs), int(bytes)] for id, allocs, bytes in lines}
        counts = {test["id"]: [test["memory"]["allocs"], test["memory"]["bytes"]] for test in tests
                  if test["target"] == source and test["outcome"] == "ok"}
        pairs = {id: (counts[id], by_hand[id]) for id in sorted(counts.keys() & by_hand.keys())}
        same = [id for id, (own, hand) in pairs.items() if own == hand]
        print(f"  {source}: {len(same)} of {len(pairs)} tests have the counts of the allocator by hand", flush=True)
        for id, (own, hand) in sorted(pairs.items(), key=lambda pair: -pair[1][0][0])[:10]:
            print(f"    {id}: {own[0]} allocations, {own[1]} B; by hand {hand[0]}, {hand[1]} B", flush=True)
        assert len(same) == len(pairs), {id: pair for id, pair in pairs.items() if id not in same}
        compared += len(pairs)
    assert compared >= 10, compared


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or CRATES:
            check(name, pathlib.Path(folder))
