#!/usr/bin/env python3
"""Is our ns/op the number that `cargo bench` gives?

Runs plain `cargo bench`, plain again and ours interleaved, round after round, on the benches of fixtures/speed or another crate,
and compares medians of samples: plain's from criterion's sample.json, ours from the JSON lines. Ours may differ from plain by
at most one point more than plain differs from itself. Ours has a process for each benchmark, so plain is asked for one benchmark
at a time, too (`cargo bench -- NAME --exact`). Beside it stands plain with all of them in one process, where each finds the heap
as those before have left it.

    tests/speed/fidelity.py [--rounds 9] [--seconds 1] [--crate DIR --bench NAME] [--only TEXT]
                            [--whole-seconds] [--tool target/release/cargo-memprof] [--target-dir DIR]

Ends with 1 where that does not hold: this is for a calm machine, and no part of the tests.
"""

import json
import pathlib
import re
import statistics
import sys
import tempfile

from tool import SPEED, measured, options, run

ALLOWED_POINTS = 1.0


def together(args, seconds, *only):
    """Median ns/op by benchmark, of `cargo bench`."""
    with tempfile.TemporaryDirectory() as home:
        times = [max(seconds / 4, 0.1), seconds]
        warm_up, measuring = (max(1, round(time)) for time in times) if args.whole_seconds else times
        length = ["--warm-up-time", str(warm_up), "--measurement-time", str(measuring)]
        command = ["cargo", "bench", "--bench", args.bench, "--target-dir", args.target_dir, "--", "--noplot", *(only or [args.only])]
        run([*command, *length], args.crate, CRITERION_HOME=home)
        medians = {}
        for path in pathlib.Path(home).glob("**/new/sample.json"):
            sample = json.loads(path.read_text())
            name = json.loads((path.parent / "benchmark.json").read_text())["full_id"]
            medians[name] = statistics.median(t / n for t, n in zip(sample["times"], sample["iters"]))
        return medians


def plain(args, seconds, names):
    """The same of each in a process of its own."""
    def only(name):
        return [f"^{re.escape(name)}$"] if args.whole_seconds else [name, "--exact"]

    return {name: together(args, seconds, *only(name))[name] for name in names}


def ours(args, seconds):
    """The same of ours."""
    words = ["--no-profiles", "--bench", args.bench, args.only]
    finished = measured(args, args.crate, f"{round(seconds * 1000)}ms", *words)
    return {line["id"]: line["time"]["ns_per_op"] for line in finished}


def main():
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="of measuring each benchmark, for all three alike")
    parser.add_argument("--crate", type=pathlib.Path, default=SPEED, help="another crate's folder")
    parser.add_argument("--bench", default="fidelity", help="a bench target on criterion")
    parser.add_argument("--only", default="", help="benchmarks that have this in their name")
    parser.add_argument("--whole-seconds", action="store_true", help="and no --exact: criterion before 0.4")
    args = parser.parse_args()

    names = list(together(args, 0.1))  # Builds.
    ours(args, 0.1)
    ways = {
        "plain": lambda: plain(args, args.seconds, names),
        "again": lambda: plain(args, args.seconds, names),
        "together": lambda: together(args, args.seconds),
        "ours": lambda: ours(args, args.seconds),
    }
    rounds = []
    for number in range(args.rounds):
        # No way always comes first.
        order = list(ways)[number % 4:] + list(ways)[:number % 4]
        rounds.append({way: ways[way]() for way in order})
        shown = " ".join(f"{way} {value:.2f}" for way, values in rounds[-1].items() for value in values.values())
        print(f"round {number + 1} of {args.rounds}: {shown}", file=sys.stderr)

    print(f"{'benchmark':24}{'plain ns/op':>14}{'ours ns/op':>14}{'plain/plain':>14}{'together/plain':>16}{'ours/plain':>12}   holds")
    all_hold = True
    for name in sorted(rounds[0]["plain"]):
        of = {way: [one[way][name] for one in rounds] for way in ways}
        middle = {way: statistics.median(values) for way, values in of.items()}
        ratio = {way: statistics.median(a / b for a, b in zip(of[way], of["plain"])) for way in ("again", "together", "ours")}
        points = {way: abs(value - 1) * 100 for way, value in ratio.items()}
        holds = points["ours"] <= points["again"] + ALLOWED_POINTS
        all_hold &= holds
        print(
            f"{name:24}{middle['plain']:14.2f}{middle['ours']:14.2f}{ratio['again']:14.4f}{ratio['together']:16.4f}"
            f"{ratio['ours']:12.4f}   {'yes' if holds else 'NO'}"
        )
    sys.exit(0 if all_hold else 1)


if __name__ == "__main__":
    main()
