#!/usr/bin/env python3
"""How often is a comparison in turns wrong, and how often does it see a difference that is there?

Runs a group of fixtures/speed again and again: the reference, the same work again (A/A), and 1 % and 3 % more of it (A/B). With --load a second process keeps one core busy in bursts.

    tests/speed/turns.py [--runs 200] [--benchtime 1s] [--load] [--tool target/release/cargo-memprof] [--target-dir DIR]

Ends with 1 where more than 2 % of A/A are called different, or fewer than nine in ten of A/B with 3 %.
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BURST = "import time\nwhile True:\n    end = time.time() + 0.3\n    while time.time() < end: pass\n    time.sleep(0.3)\n"


def compare(tool, target, benchtime):
    command = [str(tool), "memprof", "--locked", "-json", "--no-profiles", f"-benchtime={benchtime}"]
    command += ["--bench", "turns", "--target-dir", str(target)]
    done = subprocess.run(command, cwd=ROOT / "fixtures" / "speed", capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    lines = (json.loads(line) for line in done.stdout.splitlines())
    return {line["id"]: line["vs"] for line in lines if "vs" in line}


def decided(vs):
    return vs["upper"] < 1 or vs["lower"] > 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--benchtime", default="1s")
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / "target/release/cargo-memprof")
    parser.add_argument("--target-dir", type=pathlib.Path, default=ROOT / "target/speed")
    args = parser.parse_args()
    tool, target = args.tool.resolve(), args.target_dir.resolve()
    compare(tool, target, "10ms")  # Builds.
    load = subprocess.Popen([sys.executable, "-c", BURST]) if args.load else None
    try:
        runs = [compare(tool, target, args.benchtime) for _ in range(args.runs)]
    finally:
        if load:
            load.kill()
    called = {id: sum(decided(run[id]) for run in runs) for id in runs[0]}
    for id, count in called.items():
        ratios = sorted(run[id]["ratio"] for run in runs)
        print(f"{id:24}{count:5} of {len(runs)} called different, ratio {ratios[0]:.4f} to {ratios[-1]:.4f}")
    same, slower = called["turns/same"], called["turns/slower"]
    sys.exit(0 if same <= 0.02 * len(runs) and slower >= 0.9 * len(runs) else 1)


if __name__ == "__main__":
    main()
