#!/usr/bin/env python3
"""Is a comparison in turns as sensitive as tango-bench, a peer whose benches are written for it, in the same wall time?

Both compare 1,000 steps of work with 1,000, 1,010 and 1,030 again and again, in turn. tango-bench loads two executables of
fixtures/tango into one process; ours takes fixtures/speed as `cargo bench` runs it. ours gets --benchtime, and tango-bench as
many seconds as ours then took in all, without its builds.

    tests/speed/tango.py [--runs 20] [--benchtime 300ms] [--tool target/release/cargo-memprof] [--target-dir DIR]

Ends with 1 where ours sees a difference that is there less often than the peer, or calls more equals different.
"""

import json
import shutil
import sys
import time

from tool import ROOT, SPEED, is_decided, measured, options, run

STEPS = {"same": 1000, "little": 1010, "slower": 1030}


def build_tango(target):
    """An executable for each number of steps."""
    built = {}
    for name, steps in {"first": 1000, **STEPS}.items():
        command = ["cargo", "bench", "--locked", "--no-run", "--message-format=json", "--target-dir", target]
        lines = run(command, ROOT / "fixtures" / "tango", STEPS=str(steps)).splitlines()
        made = [line["executable"] for line in map(json.loads, lines) if line.get("executable") and "turns" in line["target"]["name"]]
        built[name] = target / f"tango-{name}"
        shutil.copy(made[-1], built[name])
    return built


def ours(args, benchtime, variant):
    """Whether it is called different."""
    words = ["--locked", "--no-profiles", "--bench", "turns", f"turns/(first|{variant})$"]
    return is_decided(next(line["vs"] for line in measured(args, SPEED, benchtime, *words) if "vs" in line))


def peer(built, seconds, variant):
    """The same of tango-bench, which stars what is different."""
    return "*" in run([built[variant], "compare", built["first"], "-t", f"{seconds:.3f}"], ROOT)


def main():
    parser = options(__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--benchtime", default="300ms")
    args = parser.parse_args()
    built = build_tango(args.target_dir / "tango")
    ours(args, "10ms", "same")  # Builds.
    called = {variant: {"ours": 0, "tango-bench": 0} for variant in STEPS}
    for _ in range(args.runs):
        for variant in STEPS:
            begun = time.monotonic()
            called[variant]["ours"] += ours(args, args.benchtime, variant)
            called[variant]["tango-bench"] += peer(built, time.monotonic() - begun, variant)
    for variant, counts in called.items():
        shown = ", ".join(f"{who} {count}" for who, count in counts.items())
        print(f"{STEPS[variant]:5} steps against 1000: called different in {args.runs} runs: {shown}")
    as_good = called["slower"]["ours"] >= called["slower"]["tango-bench"]
    sys.exit(0 if as_good and called["same"]["ours"] <= called["same"]["tango-bench"] else 1)


if __name__ == "__main__":
    main()
