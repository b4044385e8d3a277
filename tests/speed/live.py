#!/usr/bin/env python3
"""What watching a running program costs. For a calm machine; needs wrk, valgrind, and target/release/cargo-memprof (TOOL).

    tests/speed/live.py [throughput] [heap] [profile] [idle] [names]        all, if none is named

throughput   requests a second, and the CPU time of one, of three servers, plain, exact and with --sample 512KiB, in turns, with a heap a second
heap         how long an answer takes of a program with 50,000 stacks, and how long the program is held up meanwhile
profile      CPU time of a fixed work while profile?seconds=5 runs, over that without it, in turns
idle         instructions of an executable of `cargo memprof build` that nobody has joined, over those of the plain one
names        memory of the tool, and time, while it finds the names of an executable of 100 MB; and again
"""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/live"))
from serving import TARGET, TOOL, Served, child, fetch, finished, load, of_tool  # noqa: E402

FIXTURE = ROOT / "fixtures/programs"


class Heaps(threading.Thread):
    """Asks for a heap a second."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.over, self.times = url, threading.Event(), []
        self.start()

    def run(self):
        while not self.over.is_set():
            begun = time.monotonic()
            assert fetch(f"{self.url}/debug/pprof/heap")[0] == 200
            self.times.append(time.monotonic() - begun)
            self.over.wait(max(0, 1 - self.times[-1]))

    def stop(self):
        self.over.set()
        self.join()


def throughput(rounds=int(os.environ.get("ROUNDS", "24")), seconds=int(os.environ.get("TURN", "2"))):
    """A server of its own for each turn: two of the same executable may differ by more than what is measured."""
    ways = {"plain": None, "exact": [], "--sample 512KiB": ["--sample", "512KiB"]}
    for name, path in [("bare", "/items/3"), ("web", "/items/3"), ("dufs", "/?json")]:
        rates, costs = {way: [] for way in ways}, {way: [] for way in ways}
        for number in range(rounds):
            # Each way comes first, second and third equally often.
            for way in list(ways)[number % 3 :] + list(ways)[: number % 3]:
                server = Served(name, ways[way])
                try:
                    finished(load(server.own + path, 1, 4, 0))
                    heaps = Heaps(server.url) if server.url else None
                    before = cpu_of(server.pid)
                    rates[way].append(finished(load(server.own + path, seconds, 4, 0)))
                    costs[way].append((cpu_of(server.pid) - before) / (rates[way][-1] * seconds))
                    if heaps:
                        heaps.stop()
                finally:
                    server.stop()
        print(f"{name} {path}: plain {statistics.median(rates['plain']):,.0f} requests a second, {statistics.median(costs['plain']) * 1e6:.1f} us of CPU time each")
        for way in list(ways)[1:]:
            ratios = sorted(watched / plain for watched, plain in zip(rates[way], rates["plain"]))
            cost = statistics.median(costs[way]) / statistics.median(costs["plain"])
            print(f"  {way}: {statistics.median(ratios):.3f} of plain ({ratios[0]:.3f} to {ratios[-1]:.3f} in {rounds} turns); CPU time a request {cost:.3f} of plain", flush=True)


def started(command, folder=FIXTURE, **options):
    """A program beside the tool: the process of the tool, and its address."""
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, **options)
    for line in process.stderr:
        if line.startswith("listening on "):
            return process, line.split()[2].rstrip("/")
    raise AssertionError("it did not start")


def live(*rest):
    return [TOOL, "live", "-q", "--locked", "--target-dir", TARGET, "--http", "127.0.0.1:0", *rest]


def heap():
    process, url = started(live("--bin", "many", "--", "1", "50000", "200000", "40"), stdout=subprocess.PIPE)
    held = {"without a request": [], "with requests": []}
    answers = []
    try:
        times = iter(process.stdout.readline, "")
        next(times)
        for way, number in [("without a request", 8), ("first", 2), ("with requests", 8)]:
            over = threading.Event()

            def ask():
                while not over.is_set():
                    at, before = time.monotonic(), cpu_of(process.pid)
                    size = len(fetch(f"{url}/debug/pprof/heap")[2])
                    answers.append((size, (time.monotonic() - at) * 1e3, (cpu_of(process.pid) - before) * 1e3))

            asking = threading.Thread(target=ask) if way != "without a request" else None
            if asking:
                asking.start()
            for _ in range(number):
                held.setdefault(way, []).append(int(next(times)) / 1e3)
            over.set()
            if asking:
                asking.join()
    finally:
        process.terminate()
        process.wait()
    for what, place in [("wall", 1), ("CPU", 2)]:
        first, *rest = [answer[place] for answer in answers]
        print(f"heap of 50,000 stacks, {answers[0][0]:,} B: {what} time {first:.0f} ms at first, then {statistics.median(rest):.0f} ms ({len(rest)}, at most {max(rest):.0f} ms)")
    for way in ["without a request", "with requests"]:
        print(f"  held up {way}: {', '.join(f'{longest:.2f}' for longest in sorted(held[way]))} ms in each second")


def cpu_of(pid):
    """CPU time of a process's threads, in seconds."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def profile(rounds=int(os.environ.get("ROUNDS", "8"))):
    """The server of the fixtures does as much as it can in a second; it counts what it did."""
    process, url = started(live("--bin", "server"), stdout=subprocess.PIPE)
    own = f"http://127.0.0.1:{int(process.stdout.readline())}"
    done = {"without": [], "with": []}
    try:
        fetch(f"{url}/debug/pprof/profile?seconds=1")
        for number in range(rounds * 2):
            way = ["without", "with"][(number + number // 2) % 2]
            asking = threading.Thread(target=fetch, args=(f"{url}/debug/pprof/profile?seconds=5",))
            if way == "with":
                asking.start()
                time.sleep(0.3)
            before = cpu_of(child(process.pid))
            fetch(f"{own}/work?2000")
            done[way].append(cpu_of(child(process.pid)) - before)
            if way == "with":
                asking.join()
    finally:
        process.terminate()
        process.wait()
    more = [b / a for a, b in zip(done["without"], done["with"])]
    print(f"profile?seconds=5: CPU time of a fixed work {statistics.median(more):.4f} of that without ({min(more):.4f} to {max(more):.4f} in {rounds} turns of {statistics.median(done['without']):.2f} s)")


def instructions(command):
    with tempfile.NamedTemporaryFile() as out:
        run = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", *map(str, command)]
        done = subprocess.run(run, capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def idle():
    plain = ["cargo", "build", "--quiet", "--release", "--locked", "--bin", "costs", "--target-dir", TARGET]
    subprocess.run(plain, cwd=FIXTURE, check=True)
    waiting = TARGET / "costs-idle"
    subprocess.run([TOOL, "build", "-q", "--locked", "--bin", "costs", "--target-dir", TARGET, "-o", waiting], cwd=FIXTURE, check=True)
    for kind, least, most in [("maps", 10, 60), ("mixed", 50, 550)]:
        both = []
        for executable in (TARGET / "release/costs", waiting):
            few, many = (instructions([executable, kind, str(times)]) for times in (least, most))
            both.append(many - few)
        print(f"idle, {kind}: {both[1] / both[0]:.4f} of the plain instructions ({both[0]:,} and {both[1]:,})", flush=True)


def names():
    """The tool itself is a large program: as a debug build, with all debuginfo, it serves a profile."""
    debug = ["--dev", "--config", "profile.dev.debug=2"]
    with tempfile.TemporaryDirectory() as folder:
        home = {**os.environ, "XDG_CONFIG_HOME": folder, "PPROF_TMPDIR": folder}
        mem = ROOT / "tests/golden/seeds/unpooled.mem.prof"
        command = live("--bin", "cargo-memprof", *debug, "--", "pprof", "-no_browser", "-http=localhost:0", str(mem))
        process, url = started(command, ROOT, env=home)
        try:
            pid = child(process.pid)
            executable = pathlib.Path(f"/proc/{pid}/exe").resolve()
            before, times = of_tool(process.pid), []
            for _ in range(3):
                at = time.monotonic()
                assert fetch(f"{url}/debug/pprof/heap")[0] == 200
                times.append((time.monotonic() - at) * 1e3)
            most = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1]) * 1024
            print(f"names of {executable.stat().st_size / 1e6:.0f} MB: the tool has {before / 1e6:.0f} MB before, at most {most / 1e6:.0f} MB; {', '.join(f'{took:.0f}' for took in times)} ms")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    for name in sys.argv[1:] or ["throughput", "heap", "profile", "idle", "names"]:
        {"throughput": throughput, "heap": heap, "profile": profile, "idle": idle, "names": names}[name]()
