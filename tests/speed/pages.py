#!/usr/bin/env python3
"""How fast pages open, by the browser's own clock: the report of 500 benchmarks, the brush of a timeline of 10,000 steps, and
pprof's pages of a profile of 200 MB. For a calm machine, and no part of the tests.

    tests/speed/pages.py [report] [brush] [profile]      TOOL names the executable (target/release/cargo-memprof), LARGE a
                                                         profile (made by the example pprof_large_profile)
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from browser import Browser
from made import benchmark, profile, results

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get("TOOL", str(ROOT / "target/release/cargo-memprof"))
MEM = [("alloc_objects", "count"), ("alloc_space", "bytes")]
CPU = [("samples", "count"), ("cpu", "nanoseconds")]


def stacks(seed, count, factor):
    """Stacks of a dozen frames through some of three hundred functions."""
    chance = random.Random(seed)
    frame = lambda at: (f"krate{at % 20}::module_{at % 60}::Type::method_{at}", "/w/src/lib.rs", 7)
    stack = [frame(at) for at in range(12)]
    for number in range(1, count + 1):
        kept = 4 + chance.randrange(8)
        stack = stack[:kept] + [frame(chance.randrange(300)) for _ in range(12 - kept)]
        yield tuple(stack), (number, factor * number)


def tool(folder, *words):
    begun = time.monotonic()
    subprocess.run([TOOL, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def report(folder):
    home = folder / "target/memprof"
    samples = [(13 * n, 1300.0 * n) for n in range(1, 101)]
    lines = [benchmark(home, f"p/t/group_{at // 5}/variant_{at}", 100.0 + at, 1.0, float(at), samples=samples,
                       mem=profile(MEM, stacks(at, 40, 64)), cpu=profile(CPU, stacks(at + 1000, 25, 4_000_000)))
             for at in range(500)]
    results(home, lines)
    took = tool(folder, "report", "-o", "report.html", "--target-dir", "target")
    size = (folder / "report.html").stat().st_size
    print(f"report of 500 benchmarks: {size / 2**20:.2f} MB, made in {took:.1f} s")
    browser = Browser()
    for _ in range(3):
        browser.open((folder / "report.html").as_uri(), "document.querySelectorAll('#benchmarks [data-name]').length === 500")
        print(f"  first paint after {browser.paint():.0f} ms")
    opened = browser.eval("""(async () => { const begun = performance.now(); location.hash = 'p%2Ft%2Fgroup_80%2Fvariant_402/memory';
        while (!(window.memprofFlame?.boxes > 12)) await new Promise(requestAnimationFrame); return performance.now() - begun; })()""")
    print(f"  a benchmark is shown {opened:.0f} ms after a click")
    browser.close()


def brush(folder):
    steps, home = 10_000, folder / "target/memprof"
    held = lambda at: [[site, 1000 + (at * (site + 7)) % 5000] for site in range(12)]
    (home / "profiles").mkdir(parents=True, exist_ok=True)
    timeline = {"wall_ns": steps * 1_000_000, "threads": {"1": "main", "2": "worker"},
                "sites": [[f"p::site_{site}::frame_{depth} (/w/src/lib.rs:{depth})" for depth in range(15)] for site in range(12)],
                "steps": [{"at_ns": at * 1_000_000, "live_bytes": (at * 37) % 100_000, "allocs": at * 10, "changes": [],
                           "threads": [[1, at * 500_000], [2, at * 300_000]], "sites": held(at)} for at in range(steps)]}
    (home / "timeline.json").write_text(json.dumps(timeline))
    mem = home / "profiles/mem.prof"
    mem.write_bytes(profile(MEM, stacks(1, 400, 64)))
    memory = {"allocs": 1, "bytes": 1, "frees": 1, "reallocs": 0, "peak_bytes": 1, "peak_exact": True, "peak_at_ns": 1, "live_blocks": 0,
              "live_bytes": 0, "temporary_allocs": 0, "exact": True, "sampled_rate": None, "recording_bytes": 0,
              "stacks": 400}
    results(home, [{"reason": "program-finished", "name": "p/bin/server", "package": "p", "target": "server", "kind": "bin", "args": [],
                    "exit": {"code": 0}, "wall_ns": steps * 1_000_000, "cpu_ns": 1, "memory": memory,
                    "profiles": {"mem": str(mem)}, "timeline": str(home / "timeline.json")}])
    tool(folder, "report", "-o", "report.html", "--target-dir", "target")
    browser = Browser()
    browser.open((folder / "report.html").as_uri(), "document.querySelector('.timeline') && window.memprofFlame?.boxes > 0")
    # A pointer that moves with every frame, for two seconds.
    rate = browser.eval("""(async () => {
        const plot = document.querySelector('.timeline'); const box = plot.getBoundingClientRect(); const frames = [];
        const send = (kind, part) => plot.dispatchEvent(new PointerEvent(kind, { pointerId: 1, bubbles: true, clientX: box.left + box.width * part, clientY: box.top + 60 }));
        plot.setPointerCapture = () => {};
        send('pointerdown', 0.15);
        for (let at = 0; at < 120; at++) { send('pointermove', 0.2 + 0.7 * at / 120); frames.push(await new Promise(requestAnimationFrame)); }
        send('pointerup', 0.9);
        const gaps = frames.slice(1).map((time, at) => time - frames[at]).sort((a, b) => a - b);
        return [1000 * gaps.length / (frames.at(-1) - frames[0]), gaps[Math.floor(gaps.length * 0.95)]];
    })()""")
    print(f"brush over {steps} steps: {rate[0]:.0f} frames a second, 95 % of them within {rate[1]:.0f} ms")
    browser.close()


def large(folder):
    path = os.environ.get("LARGE", str(folder / "large.prof"))
    if not os.path.exists(path):
        subprocess.run(["cargo", "run", "--release", "--quiet", "--example", "pprof_large_profile", "--", path, "1900000", "50000"],
                       cwd=ROOT, check=True)
    begun = time.monotonic()
    server = subprocess.Popen([TOOL, "pprof", "-no_browser", "-http=127.0.0.1:0", path], stderr=subprocess.PIPE, text=True,
                              env={**os.environ, "HOME": str(folder)})
    url = next(word for line in server.stderr for word in line.split() if word.startswith("http://"))
    print(f"{path}: {os.path.getsize(path) / 2**20:.0f} MB packed, loaded in {time.monotonic() - begun:.1f} s")
    browser = Browser()
    for page in ("top", "graph", "flamegraph", "top?f=krate7", "flamegraph?f=krate7", "graph?f=krate7", "top?h=krate7", "top",
                 "flamegraph?si=alloc_objects", "source?f=method_77$", "peek?f=method_77%20"):
        browser.open(f"{url.rstrip('/')}/ui/{page}", "document.querySelector('main')?.children.length")
        answered = browser.eval("performance.getEntriesByType('navigation')[0].responseEnd")
        print(f"  {page}: answered after {answered:.0f} ms, first paint after {browser.paint():.0f} ms")
    browser.close()
    server.kill()


def main():
    wanted = sys.argv[1:] or ["report", "brush", "profile"]
    for name, measure in (("report", report), ("brush", brush), ("profile", large)):
        if name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                measure(pathlib.Path(folder))


main()
