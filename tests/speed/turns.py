#!/usr/bin/env python3
"""How often is a comparison in turns wrong, and how often does it see a difference that is there?

Runs a group of fixtures/speed again and again: the reference, the same work again (A/A), and 1 % and 3 % more of it (A/B). With --load a second process keeps one core busy in bursts.

    tests/speed/turns.py [--runs 200] [--benchtime 1s] [--load] [--tool target/release/cargo-memprof] [--target-dir DIR]

Ends with 1 where more than 2 % of A/A are called different, or fewer than nine in ten of A/B with 3 %.
"""

import subprocess
import sys

from tool import SPEED, is_decided, measured, options

BURST = "import time\nwhile True:\n    end = time.time() + 0.3\n    while time.time() < end: pass\n    time.sleep(0.3)\n"


def compare(args, benchtime):
    finished = measured(args, SPEED, benchtime, "--locked", "--no-profiles", "--bench", "turns")
    return {line["id"]: line["vs"] for line in finished if "vs" in line}


def main():
    parser = options(__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--benchtime", default="1s")
    parser.add_argument("--load", action="store_true")
    args = parser.parse_args()
    compare(args, "10ms")  # Builds.
    load = subprocess.Popen([sys.executable, "-c", BURST]) if args.load else None
    try:
        runs = [compare(args, args.benchtime) for _ in range(args.runs)]
    finally:
        if load:
            load.kill()
    called = {id: sum(is_decided(run[id]) for run in runs) for id in runs[0]}
    for id, count in called.items():
        ratios = sorted(run[id]["ratio"] for run in runs)
        print(f"{id:24}{count:5} of {len(runs)} called different, ratio {ratios[0]:.4f} to {ratios[-1]:.4f}")
    same, slower = called["turns/same"], called["turns/slower"]
    sys.exit(0 if same <= 0.02 * len(runs) and slower >= 0.9 * len(runs) else 1)


if __name__ == "__main__":
    main()
