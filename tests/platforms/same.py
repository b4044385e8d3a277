#!/usr/bin/env python3
"""Compares two runs of the same benches on different targets: counts, and stacks by function.

    same.py TOOL RESULTS OTHER      each is the results.jsonl of a run, or its folder, whose profiles are there; 1 if they differ

One difference is std's own: behind a hash table's entries lie as many bytes as hashbrown looks at at once, 8 on AArch64 and 16
on x86-64. There each of its tables has to have exactly 8 bytes less.
"""
import json
import pathlib
import subprocess
import sys

COUNTS = ["allocs_per_op", "bytes_per_op", "frees_per_op", "reallocs_per_op", "grown_bytes_per_op", "retained_bytes_per_op", "peak_bytes"]


def finished(results):
    results = results / "results.jsonl" if results.is_dir() else results
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    targets = [line["target"] for line in lines if line["reason"] == "run-started"]
    return {line["name"]: line for line in lines if line["reason"] == "benchmark-finished"}, targets[0].split("-")[0]


def stacks(tool, profile, kind):
    command = [tool, "memprof", "pprof", f"-sample_index={kind}", "-folded", profile]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {stack: int(value) for stack, value in (line.rsplit(" ", 1) for line in lines)}


def tables(objects, architectures):
    """Tables that are 8 bytes shorter in the first run, by stack."""
    if architectures != ("aarch64", "x86_64"):
        return {}
    return {stack: number for stack, number in objects.items() if "hashbrown::" in stack}


def cut(tool, profile):
    text = subprocess.run([tool, "memprof", "pprof", "-comments", profile], check=True, capture_output=True, text=True).stdout
    return next(word for word in text.split() if word.startswith("cut="))


def main():
    tool, one, other = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    (ours, architecture), (theirs, others) = finished(one), finished(other)
    different = [f"benchmarks: {sorted(ours.keys() ^ theirs.keys())}"] if ours.keys() != theirs.keys() else []
    compared = 0
    for name in sorted(ours.keys() & theirs.keys()):
        a, b = ours[name], theirs[name]
        if not a["memory"]["exact"] or not b["memory"]["exact"]:
            continue
        # With several threads the peak depends on their order.
        keys = [key for key in COUNTS if key != "peak_bytes" or "/threads/" not in name]
        profiles = [x.get("profiles", {}).get("mem") for x in (a, b)]
        shorter = {} if None in profiles else tables(stacks(tool, profiles[0], "alloc_objects"), (architecture, others))
        # Of all of them; at one moment there may be fewer.
        less = 8 * sum(shorter.values()) / a["memory"]["iterations"]
        for key in keys:
            x, y = (run["memory"].get(key) for run in (a, b))
            in_part = key in ["retained_bytes_per_op", "peak_bytes"] and less and 0 <= y - x <= less and (y - x) % 8 == 0
            if x != y and not in_part and not (key == "bytes_per_op" and y - x == less):
                different.append(f"{name}: {key} {x} and {y}")
        if None in profiles:
            continue
        if cut(tool, profiles[0]) != cut(tool, profiles[1]):
            different.append(f"{name}: {cut(tool, profiles[0])} and {cut(tool, profiles[1])}")
        for kind in ["alloc_objects", "alloc_space"]:
            x, y = (stacks(tool, profile, kind) for profile in profiles)
            compared += len(x)
            if kind == "alloc_space":
                x = {stack: value + 8 * shorter.get(stack, 0) for stack, value in x.items()}
            only = sorted(set(x.items()) ^ set(y.items()))
            different += [f"{name}: {kind}: {stack} {value}" for stack, value in only[:4]]
    print("\n".join(different))
    print(f"{len(ours)} benchmarks, {compared} stacks: {'different' if different else 'the same'}")
    return 1 if different or not ours else 0


sys.exit(main())
