#!/usr/bin/env python3
"""How often is unchanged code called different from a saved baseline?

Compares the benchmarks of fixtures/speed's `fidelity` with a saved run of the same executable, again and again. The first call
saves that run below --target-dir; later ones, of another hour, compare with it.

    tests/speed/saved.py [--runs 16] [--benchtime 1s] [--tool target/release/cargo-memprof] [--target-dir DIR]

Ends with 1 where more than 5 % are called different.
"""

import datetime
import sys

from tool import SPEED, is_decided, measured, options, printed


def main():
    parser = options(__doc__)
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--benchtime", default="1s")
    args = parser.parse_args()
    saved = args.target_dir / "saved.jsonl"
    bench = ["--locked", "--no-profiles", "--bench", "fidelity"]
    if not saved.exists():
        saved.write_text(printed(args, SPEED, args.benchtime, *bench))
        sys.exit(f"saved {saved}: compare with it at another hour")
    age = datetime.datetime.now() - datetime.datetime.fromtimestamp(saved.stat().st_mtime)
    ratios, called = [], 0
    for _ in range(args.runs):
        for line in measured(args, SPEED, args.benchtime, *bench, "--baseline", str(saved)):
            if line["vs"]["paired"]:
                sys.exit(f"{line['id']} was compared in turns")
            ratios.append(line["vs"]["ratio"])
            called += is_decided(line["vs"])
    ratios.sort()
    shown = f"a run {age.total_seconds() / 60:.0f} minutes before, ratios {ratios[0]:.3f} to {ratios[-1]:.3f}"
    print(f"{called} of {len(ratios)} called different from {shown}")
    sys.exit(0 if called <= 0.05 * len(ratios) else 1)


if __name__ == "__main__":
    main()
