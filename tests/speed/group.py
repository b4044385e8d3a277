#!/usr/bin/env python3
"""Does a group take longer in turns than one benchmark after the other?

Measures ten benchmarks of fixtures/speed's `fidelity` both ways, in turn, and compares the wall times of whole runs.

    tests/speed/group.py [--rounds 5] [--benchtime 1s] [--tool target/release/cargo-memprof] [--target-dir DIR]

Ends with 1 where the median of the ratios is above 1.2.
"""

import statistics
import sys
import time

from tool import SPEED, measured, options

TEN = "fidelity/(box|large|push|push_str|words|map|clone_small|clone_large|sort|fnv1a)$"


def wall(args, turns):
    begun = time.monotonic()
    finished = measured(args, SPEED, args.benchtime, "--locked", "--bench", "fidelity", f"--turns={turns}", TEN)
    took = time.monotonic() - begun
    if len(finished) != 10:
        sys.exit(f"{len(finished)} benchmarks of 10 were measured")
    return took


def main():
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--benchtime", default="1s")
    args = parser.parse_args()
    wall(args, "true")  # Builds.
    rounds = [(wall(args, "false"), wall(args, "true")) for _ in range(args.rounds)]
    for one, turns in rounds:
        print(f"one after the other {one:6.1f} s, in turns {turns:6.1f} s, ratio {turns / one:.2f}")
    ratio = statistics.median(turns / one for one, turns in rounds)
    print(f"median of the ratios: {ratio:.2f}")
    sys.exit(0 if ratio <= 1.2 else 1)


if __name__ == "__main__":
    main()
