#!/usr/bin/env python3
"""Does a group take longer in turns than one benchmark after the other?

Measures ten benchmarks of fixtures/speed's `fidelity` both ways, in turn, and compares the wall times of whole runs.

    tests/speed/group.py [--rounds 5] [--benchtime 1s] [--tool target/release/cargo-memprof] [--target-dir DIR]

Ends with 1 where the median of the ratios is above 1.2.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEN = "fidelity/(box|large|push|push_str|words|map|clone_small|clone_large|sort|fnv1a)$"


def wall(args, turns):
    command = [str(args.tool.resolve()), "memprof", "--locked", "-json", f"-benchtime={args.benchtime}", "--bench", "fidelity"]
    command += [f"--turns={turns}", "--target-dir", str(args.target_dir.resolve()), TEN]
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT / "fixtures" / "speed", capture_output=True, text=True)
    if done.returncode != 0 or done.stdout.count("benchmark-finished") != 10:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--benchtime", default="1s")
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / "target/release/cargo-memprof")
    parser.add_argument("--target-dir", type=pathlib.Path, default=ROOT / "target/speed")
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
