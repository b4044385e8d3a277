#!/usr/bin/env python3
"""How often is a comparison in turns wrong, and how often does it see a difference that is there?

Compares work in fixtures/speed with the same work again and again (A/A), and a quarter as often with 1, 3 and 5 % more of it
(A/B). With --load a second process keeps one core busy in bursts.

    tests/speed/turns.py [--runs 200] [--benchtime 1s] [--load] [--tool target/release/cargo-memprof] [--target-dir DIR]

Ends with 1 where more than 2 % of A/A are called different, or fewer than nine in ten of A/B with 3 %; 5 % with --load.
"""

import subprocess
import sys

from tool import SPEED, is_decided, measured, options

BURST = "import time\nwhile True:\n    end = time.time() + 0.3\n    while time.time() < end: pass\n    time.sleep(0.3)\n"


def compare(args, benchtime, variants):
    """How the variants compare with the first, by id."""
    only = f"turns/(first|{variants})$"
    finished = measured(args, SPEED, benchtime, "--locked", "--no-profiles", "--bench", "turns", only)
    return {line["id"]: line["vs"] for line in finished if "vs" in line}


def called(runs):
    """Prints how many of the runs call each variant different; the counts, by id."""
    counts = {id: sum(is_decided(run[id]) for run in runs) for id in runs[0]}
    for id, count in counts.items():
        ratios = sorted(run[id]["ratio"] for run in runs)
        print(f"{id:24}{count:5} of {len(runs)} called different, ratio {ratios[0]:.4f} to {ratios[-1]:.4f}", flush=True)
    return counts


def main():
    parser = options(__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--benchtime", default="1s")
    parser.add_argument("--load", action="store_true")
    args = parser.parse_args()
    compare(args, "10ms", "same")  # Builds.
    load = subprocess.Popen([sys.executable, "-c", BURST]) if args.load else None
    try:
        same = called([compare(args, args.benchtime, "same") for _ in range(args.runs)])
        more = called([compare(args, args.benchtime, "little|slower|much") for _ in range(-(-args.runs // 4))])
    finally:
        if load:
            load.kill()
    found = more["turns/much" if args.load else "turns/slower"]
    sys.exit(0 if same["turns/same"] <= 0.02 * args.runs and found >= 0.9 * -(-args.runs // 4) else 1)


if __name__ == "__main__":
    main()
