#!/usr/bin/env python3
"""What recording a whole program costs, beside heaptrack, valgrind's DHAT and the dhat crate: CPU time (user and system) over
that of the plain program, all in turns in one run. For a calm machine, and no part of the tests.

    tests/speed/programs.py [build | costs | contention | instructions] [ROUNDS]

Without a word, all four; the others need `build` first, and `instructions` needs no calm machine, but valgrind. TOOL names the executable (target/release/cargo-memprof), FOLDER a folder that keeps the builds
(a temporary one if not given). Peers that are not installed (apt-get install heaptrack valgrind) are left out.
"""

import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get("TOOL", str(ROOT / "target/release/cargo-memprof"))
FIXTURE = ROOT / "fixtures/programs"
WORK = {"maps": ["maps", "3000"], "mixed": ["mixed", "20000"], "4 threads": ["threads", "3000", "4"]}
CONTENTION = [["threads", "6400", str(threads)] for threads in (1, 2, 4, 8, 16)]
EXACT, HEAPTRACK, DHAT, CRATE = "exact, with live blocks", "heaptrack", "valgrind DHAT", "dhat crate"
SLOW_PEERS = {DHAT, CRATE}


def cpu(command, **options):
    """CPU seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def ours(options, arguments, folder):
    """Of the program alone: the tool's own work before and after is not part of it."""
    out = folder / "run.jsonl"
    command = [TOOL, "-q", "--locked", "--target-dir", str(folder / "ours"), "--bin", "costs", "--json", str(out), *options]
    subprocess.run([*command, "--", *arguments], cwd=FIXTURE, check=True, capture_output=True)
    line = next(line for line in map(json.loads, out.read_text().splitlines()) if line["reason"] == "program-finished")
    return line["cpu_ns"] / 1e9, line["memory"]["allocs"]


def build(folder):
    plain = ["cargo", "build", "--release", "--locked", "--quiet", "--bin", "costs", "--target-dir", str(folder / "plain")]
    subprocess.run(plain, cwd=FIXTURE, check=True)
    crate = folder / "with-dhat"
    (crate / "src").mkdir(parents=True, exist_ok=True)
    source = (FIXTURE / "src/bin/costs.rs").read_text()
    head = "#[global_allocator]\nstatic ALLOC: dhat::Alloc = dhat::Alloc;\n"
    source = source.replace("fn main() {\n", head + "fn main() {\n    let _profiler = dhat::Profiler::new_heap();\n")
    (crate / "src/main.rs").write_text(source.replace("//!", "//"))
    (crate / "Cargo.toml").write_text(
        '[package]\nname = "with-dhat"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\ndhat = "0.3"\n'
        "[profile.release]\ndebug = 1\n[workspace]\n"
    )
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=crate, check=True)
    ours([], ["mixed", "1"], folder)


def costs(folder, rounds):
    plain, with_dhat = folder / "plain/release/costs", folder / "with-dhat/target/release/with-dhat"
    ways = {
        "plain": lambda a: cpu([plain, *a]),
        EXACT: lambda a: ours([], a, folder)[0],
        "counting only": lambda a: ours(["--no-profiles"], a, folder)[0],
        "--sample 512KiB": lambda a: ours(["--sample", "512KiB"], a, folder)[0],
        HEAPTRACK: lambda a: cpu(["heaptrack", "--raw", "-o", folder / "heaptrack", plain, *a]),
        DHAT: lambda a: cpu(["valgrind", "--tool=dhat", f"--dhat-out-file={folder}/dhat", plain, *a]),
        CRATE: lambda a: cpu([with_dhat, *a], cwd=folder),
    }
    missing = [peer for peer in ("heaptrack", "valgrind") if not shutil.which(peer)]
    ways = {name: way for name, way in ways.items() if name.split()[0] not in missing}
    times = {work: {name: [] for name in ways} for work in WORK}
    for number in range(rounds):
        for work, arguments in WORK.items():
            for name, way in ways.items():
                if name not in SLOW_PEERS or number == 0:
                    times[work][name].append(way(arguments))
    time = {work: {name: statistics.median(of) for name, of in times[work].items()} for work in WORK}
    allocations = {work: ours(["--no-profiles"], arguments, folder)[1] for work, arguments in WORK.items()}
    print(f"| CPU time over plain | {' | '.join(WORK)} |\n|---|{'---|' * len(WORK)}")
    words = [f"{time[work]['plain'] / allocations[work] * 1e9:.0f} ns an allocation" for work in WORK]
    print(f"| plain | {' | '.join(words)} |")
    for name in list(ways)[1:]:
        ratios = [time[work][name] / time[work]["plain"] for work in WORK]
        print(f"| {name} | {' | '.join(f'{ratio:.3f}' for ratio in ratios)} |")
    for peer in [name for name in ways if name in {HEAPTRACK, *SLOW_PEERS}]:
        added = lambda name, work: time[work][name] - time[work]["plain"]
        shares = [added(peer, work) / max(added(EXACT, work), 1e-9) for work in WORK]
        print(f"added by {peer} ÷ added by exact: {', '.join(f'{share:.1f}' for share in shares)}")


def contention(folder, rounds):
    added = {threads: [] for *_, threads in CONTENTION}
    for _ in range(rounds):
        for arguments in CONTENTION:
            seconds, allocations = ours([], arguments, folder)
            added[arguments[-1]].append((seconds - cpu([folder / "plain/release/costs", *arguments])) / allocations * 1e9)
    for threads, times in added.items():
        print(f"{threads} threads: {statistics.median(times):.1f} ns added an allocation")


def instructions(folder):
    """Those that recording adds to an allocation with its free, by valgrind: the difference of two runs, so that no start counts."""
    runner = folder / "runner"
    runner.write_text('#!/bin/sh\nexec valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@"\n')
    runner.chmod(0o755)
    triple = next(line.split()[1] for line in subprocess.check_output(["rustc", "-vV"], text=True).splitlines() if line.startswith("host"))
    watched = [TOOL, "-q", "--locked", "--target-dir", folder / "ours", "--bin", "costs", "--config", f"target.{triple}.runner='{runner}'"]

    def run(command):
        done = subprocess.run(list(map(str, command)), cwd=FIXTURE, check=True, capture_output=True, text=True)
        return int(re.search(r"Collected : (\d+)", done.stderr)[1])

    of = {"plain": lambda times: run([runner, folder / "plain/release/costs", "maps", times])}
    for name, options in [(EXACT, []), ("counting only", ["--no-profiles"]), ("--sample 512KiB", ["--sample", "512KiB"])]:
        of[name] = lambda times, options=options: run([*watched, *options, "--", "maps", times])
    allocations = [ours(["--no-profiles"], ["maps", times], folder)[1] for times in ("10", "60")]
    each = {name: (way("60") - way("10")) / (allocations[1] - allocations[0]) for name, way in of.items()}
    print(f"maps: {each['plain']:.0f} instructions an allocation")
    for name in list(of)[1:]:
        print(f"  {name}: {each[name] - each['plain']:.0f} more")


def main():
    words = sys.argv[1:]
    rounds = int(words.pop()) if words and words[-1].isdigit() else 5
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(os.environ.get("FOLDER", scratch)).resolve()
        steps = {"build": build, "costs": lambda at: costs(at, rounds), "contention": lambda at: contention(at, rounds), "instructions": instructions}
        for step in words or steps:
            steps[step](folder)


if __name__ == "__main__":
    main()
