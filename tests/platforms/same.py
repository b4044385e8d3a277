#!/usr/bin/env python3
"""Compares two runs of the same benches on different targets: counts, and stacks by function.

    same.py TOOL RESULTS OTHER      each is the results.jsonl of a run, or its folder, whose profiles are there; 1 if they differ
"""
import json
import pathlib
import subprocess
import sys

COUNTS = ["allocs_per_op", "bytes_per_op", "frees_per_op", "reallocs_per_op", "grown_bytes_per_op", "retained_bytes_per_op", "peak_bytes"]


def finished(results):
    results = results / "results.jsonl" if results.is_dir() else results
    lines = map(json.loads, results.read_text().splitlines())
    return {line["name"]: line for line in lines if line["reason"] == "benchmark-finished"}


def stacks(tool, profile, kind):
    command = [tool, "memprof", "pprof", f"-sample_index={kind}", "-folded", profile]
    return sorted(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())


def cut(tool, profile):
    text = subprocess.run([tool, "memprof", "pprof", "-comments", profile], check=True, capture_output=True, text=True).stdout
    return next(word for word in text.split() if word.startswith("cut="))


def main():
    tool, one, other = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    ours, theirs = finished(one), finished(other)
    different = [f"benchmarks: {sorted(ours.keys() ^ theirs.keys())}"] if ours.keys() != theirs.keys() else []
    compared = 0
    for name in sorted(ours.keys() & theirs.keys()):
        a, b = ours[name], theirs[name]
        if not a["memory"]["exact"] or not b["memory"]["exact"]:
            continue
        # With several threads the peak depends on their order.
        keys = [key for key in COUNTS if key != "peak_bytes" or "/threads/" not in name]
        counts = [(key, a["memory"].get(key), b["memory"].get(key)) for key in keys]
        different += [f"{name}: {key} {x} and {y}" for key, x, y in counts if x != y]
        profiles = [x.get("profiles", {}).get("mem") for x in (a, b)]
        if None in profiles:
            continue
        if cut(tool, profiles[0]) != cut(tool, profiles[1]):
            different.append(f"{name}: {cut(tool, profiles[0])} and {cut(tool, profiles[1])}")
        for kind in ["alloc_objects", "alloc_space"]:
            x, y = (stacks(tool, profile, kind) for profile in profiles)
            compared += len(x)
            if x != y:
                only = [line for line in x if line not in y][:2] + [line for line in y if line not in x][:2]
                different += [f"{name}: {kind}: {line}" for line in only]
    print("\n".join(different))
    print(f"{len(ours)} benchmarks, {compared} stacks: {'different' if different else 'the same'}")
    return 1 if different or not ours else 0


sys.exit(main())
