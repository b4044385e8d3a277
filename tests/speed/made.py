"""Runs that are made up: profiles in pprof's format, results, and the timeline of a program."""

import gzip
import json
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from pprof_synthetic import field, varint


def packed(numbers):
    return b"".join(map(varint, numbers))


def profile(kinds, stacks, iterations=10):
    """`stacks`: (frames from the root, values); a frame is a name, a file, and a line."""
    texts, functions, locations, out = {"": 0}, {}, {}, []

    def text(word):
        return texts.setdefault(word, len(texts))

    for kind, unit in kinds:
        out.append(field(1, field(1, text(kind)) + field(2, text(unit))))
    for frames, values in stacks:
        for frame in frames:
            functions.setdefault(frame[:2], len(functions) + 1)
            locations.setdefault(frame, len(locations) + 1)
        out.append(field(2, field(1, packed(locations[frame] for frame in reversed(frames))) + field(2, packed(values))))
    for (name, file, line), number in locations.items():
        line = field(1, functions[name, file]) + field(2, line)
        out.append(field(4, field(1, number) + field(3, 0x1000 + 16 * number) + field(4, line)))
    for (name, file), number in functions.items():
        out.append(field(5, field(1, number) + field(2, text(name)) + field(3, text(name)) + field(4, text(file)) + field(5, 1)))
    out.append(field(13, text(f"memprof: iterations={iterations}")))
    out += [field(6, word.encode()) for word in texts]
    return gzip.compress(b"".join(out))


STARTED = {"reason": "run-started", "format_version": 1, "tool": "0.1.0", "rustc": "1.95.0", "target": "x86_64-unknown-linux-gnu",
           "profile": "bench", "cpu": "CPU", "commit": None}


def benchmark(home, name, ns, allocs, size, mem=None, cpu=None, samples=((10, 1000.0),), **more):
    """A line of results; its profiles are written below `home`."""
    package, target, id = name.split("/", 2)
    profiles = {}
    for kind, data in (("mem", mem), ("cpu", cpu)):
        if data:
            path = pathlib.Path(home) / "profiles" / name / f"{kind}.prof"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            profiles[kind] = str(path)
    return {"reason": "benchmark-finished", "name": name, "package": package, "target": target, "id": id, "group": id.rsplit("/", 1)[0],
            "harness": "criterion 0.5.1", "profiles": profiles,
            "time": {"ns_per_op": ns, "lower": ns * 0.99, "upper": ns * 1.01, "iterations": sum(n for n, _ in samples),
                     "samples": [{"iterations": n, "nanoseconds": t} for n, t in samples]},
            "memory": {"iterations": 10, "allocs_per_op": allocs, "bytes_per_op": size, "frees_per_op": allocs, "reallocs_per_op": 0.0,
                       "grown_bytes_per_op": 0.0, "retained_bytes_per_op": 0.0, "peak_bytes": int(size), "exact": True}, **more}


def results(home, lines):
    home = pathlib.Path(home)
    home.mkdir(parents=True, exist_ok=True)
    end = {"reason": "run-finished", "success": True, "benchmarks": len(lines), "failed": 0}
    (home / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [STARTED, *lines, end]))
