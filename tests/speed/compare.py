#!/usr/bin/env python3
"""How long `compare` takes on two files of 10,000 benchmarks, measured ten times each: the best of ten runs, in seconds.

Ends with 1 where one takes 0.5 s or more: this is for a calm machine, and no part of the tests.

    cargo build --release && tests/speed/compare.py      TOOL names another executable than target/release/cargo-memprof
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

BENCHMARKS, SAMPLES, RUNS, LIMIT = 10_000, 10, 10, 0.5
ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get("TOOL", ROOT / "target/release/cargo-memprof")


def measurements(seed):
    """(benchmark, ns, bytes, allocations), the same for the same seed."""
    noise = random.Random(seed)
    for benchmark in range(BENCHMARKS):
        middle = 1e3 + 1e6 * noise.random()
        for _ in range(SAMPLES):
            yield benchmark, middle * (1 + 0.05 * noise.random()), 64 * benchmark, benchmark % 17


def gobench(seed):
    yield "goos: linux\ngoarch: amd64\npkg: example.org/p\ncpu: some\n"
    for benchmark, ns, size, allocs in measurements(seed):
        name = f"BenchmarkGroup{benchmark // 100}/case={benchmark}-8"
        yield f"{name}\t1000\t{ns:.1f} ns/op\t{size} B/op\t{allocs} allocs/op\n"


def results(seed):
    yield json.dumps({"reason": "run-started", "format_version": 1, "tool": "0.1.0"}) + "\n"
    for benchmark, ns, size, allocs in measurements(seed):
        line = {
            "reason": "benchmark-finished",
            "name": f"p/b/case/{benchmark}",
            "package": "p",
            "target": "b",
            "id": f"case/{benchmark}",
            "time": {"ns_per_op": round(ns, 1), "iterations": 1000},
            "memory": {"iterations": 1000, "allocs_per_op": allocs, "bytes_per_op": size, "exact": True},
        }
        yield json.dumps(line) + "\n"


def seconds(folder, arguments):
    def run():
        begun = time.perf_counter()
        subprocess.run([TOOL, "compare", *arguments], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - begun

    return min(run() for _ in range(RUNS))


def main():
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        for suffix, make in (("txt", gobench), ("jsonl", results)):
            for seed, name in ((1, "old"), (2, "new")):
                pathlib.Path(folder, f"{name}.{suffix}").write_text("".join(make(seed)))
        for arguments in (
            ["old.txt", "new.txt"],
            ["old.jsonl", "new.jsonl"],
            ["-format", "csv", "old.txt", "new.txt"],
        ):
            taken = seconds(folder, arguments)
            slow |= taken >= LIMIT
            print(f"compare {' '.join(arguments)}: {taken:.3f} s")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
