#!/usr/bin/env python3
"""What recording a whole program costs, beside heaptrack, valgrind's DHAT and the dhat crate: CPU time (user and system) over
that of the plain program, all in turns in one run. For a calm machine, and no part of the tests.

    tests/speed/programs.py [ROUNDS]      TOOL names the executable (target/release/cargo-memprof); peers that are not
                                          installed (apt-get install heaptrack valgrind) are left out
"""

import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get("TOOL", str(ROOT / "target/release/cargo-memprof"))
FIXTURE = ROOT / "fixtures/programs"
WORK = {"maps": ["maps", "2000"], "mixed": ["mixed", "10000"], "4 threads": ["threads", "2000", "4"]}
CONTENTION = [["threads", "3200", str(threads)] for threads in (1, 2, 4, 8, 16)]
SLOW_PEERS = {"valgrind dhat", "dhat crate"}


def cpu(command, **options):
    """CPU seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def ours(options, arguments, scratch):
    """Of the program alone: the tool's own work before and after is not part of it."""
    out = scratch / "run.jsonl"
    command = [TOOL, "-q", "--locked", "--target-dir", str(scratch / "ours"), "--bin", "costs", "--json", str(out), *options]
    subprocess.run([*command, "--", *arguments], cwd=FIXTURE, check=True, capture_output=True)
    line = next(line for line in map(json.loads, out.read_text().splitlines()) if line["reason"] == "program-finished")
    return line["cpu_ns"] / 1e9, line["memory"]["allocs"]


def build(scratch):
    plain = ["cargo", "build", "--release", "--locked", "--quiet", "--bin", "costs", "--target-dir", str(scratch / "plain")]
    subprocess.run(plain, cwd=FIXTURE, check=True)
    crate = scratch / "with-dhat"
    (crate / "src").mkdir(parents=True)
    source = (FIXTURE / "src/bin/costs.rs").read_text()
    head = "#[global_allocator]\nstatic ALLOC: dhat::Alloc = dhat::Alloc;\n"
    source = source.replace("fn main() {\n", head + "fn main() {\n    let _profiler = dhat::Profiler::new_heap();\n")
    (crate / "src/main.rs").write_text(source)
    (crate / "Cargo.toml").write_text(
        '[package]\nname = "with-dhat"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\ndhat = "0.3"\n'
        "[profile.release]\ndebug = 1\n[workspace]\n"
    )
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=crate, check=True)
    return scratch / "plain/release/costs", crate / "target/release/with-dhat"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        plain, with_dhat = build(scratch)
        ways = {
            "plain": lambda a: cpu([plain, *a]),
            "exact, live map": lambda a: ours([], a, scratch)[0],
            "counting only": lambda a: ours(["--no-profiles"], a, scratch)[0],
            "--sample 512KiB": lambda a: ours(["--sample", "512KiB"], a, scratch)[0],
            "heaptrack": lambda a: cpu(["heaptrack", "--record-only", "-o", scratch / "h", plain, *a]),
            "valgrind dhat": lambda a: cpu(["valgrind", "--tool=dhat", f"--dhat-out-file={scratch}/d", plain, *a]),
            "dhat crate": lambda a: cpu([with_dhat, *a], cwd=scratch),
        }
        missing = [peer for peer in ("heaptrack", "valgrind") if not shutil.which(peer)]
        ways = {name: way for name, way in ways.items() if name.split()[0] not in missing}
        times = {work: {name: [] for name in ways} for work in WORK}
        for number in range(rounds):
            for work, arguments in WORK.items():
                for name, way in ways.items():
                    if name not in SLOW_PEERS or number < 2:
                        times[work][name].append(way(arguments))
        print(f"| CPU time over plain | {' | '.join(WORK)} |\n|---|{'---|' * len(WORK)}")
        for name in ways:
            ratios = [statistics.median(times[work][name]) / statistics.median(times[work]["plain"]) for work in WORK]
            print(f"| {name} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")
        for peer in [name for name in ways if name in {"heaptrack", *SLOW_PEERS}]:
            added = lambda name, work: statistics.median(times[work][name]) - statistics.median(times[work]["plain"])
            shares = [added(peer, work) / max(added("exact, live map", work), 1e-9) for work in WORK]
            print(f"added by {peer} ÷ added by exact: {', '.join(f'{share:.1f}' for share in shares)}")
        for arguments in CONTENTION:
            added = []
            for _ in range(rounds):
                seconds, allocations = ours([], arguments, scratch)
                added.append((seconds - cpu([plain, *arguments])) / allocations * 1e9)
            print(f"{arguments[2]} threads: {statistics.median(added):.1f} ns added an allocation")


if __name__ == "__main__":
    main()
