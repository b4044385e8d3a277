#!/usr/bin/env python3
"""Real servers under load beside `cargo memprof live`: every endpoint is read alike by `go tool pprof` and by our own, the texts
have the forms of a Go program's (reference.go), and the totals are those that the program counts itself.

    tests/live/load.py [web] [dufs]           both, if none is named
    tests/live/load.py --soak SECONDS         load for so long with a heap a second: memory of the recorder, and what is lost

Needs wrk, and MEMPROF_GO (the command `go`). Ends with 1 if something differs.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

from serving import ROOT, TOOL, Served, fetch, finished, load, of_tool, resident

GO = os.environ.get("MEMPROF_GO", "go")
PROFILES = ["heap", "allocs", "block", "mutex", "goroutine", "threadcreate"]
REPORTS = [
    ["-top"], ["-top", "-cum"], ["-tree"], ["-traces"], ["-text", "-lines"], ["-peek=."], ["-dot"], ["-raw"], ["-tags"], ["-list=::main"],
    ["-top", "-noinlines"], ["-top", "-addresses"], ["-top", "-sample_index=0"], ["-top", "-sample_index=1"], ["-comments"],
]
ERRORS = ["nosuch", "heap?seconds=0", "heap?seconds=-1", "heap?seconds=text", "heap?seconds=1&debug=1", "mutex?seconds=1.5"]

failed = []


def expect(right, line):
    print(("  ok      " if right else "  FAILED  ") + line, flush=True)
    if not right:
        failed.append(line)


class Pprof:
    def __init__(self, home):
        tool = subprocess.run([GO, "tool", "-n", "pprof"], check=True, capture_output=True, text=True).stdout.strip()
        self.commands = {"go": [tool], "ours": [TOOL, "pprof"]}
        self.environment = {**os.environ, "PPROF_TMPDIR": str(home), "HOME": str(home)}

    def run(self, whose, arguments):
        done = subprocess.run([*self.commands[whose], *arguments], env=self.environment, capture_output=True)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def differs(self, arguments):
        """None if both print the same, but for the moment."""
        moment = re.compile(r"^(Time|Duration): .*\n", re.M)
        (_, go, why), (code, ours, _) = self.run("go", arguments), self.run("ours", arguments)
        if not go and code:
            return None
        go, ours = moment.sub("", go), moment.sub("", ours)
        if go != ours and any(moment.sub("", self.run("go", arguments)[1]) != go for _ in range(8)):
            # Go orders edges of n and of -n by chance: then the lines are compared, in any order.
            go, ours = ("\n".join(sorted(text.splitlines())) for text in (go, ours))
        return None if go == ours else f"{why}{go[:2000]}\n--- ours\n{ours[:2000]}"


def reports(served, pprof, home):
    """Each profile as it is under load, through each report of both readers."""
    paths = PROFILES + [f"{name}?seconds=1" for name in PROFILES] + ["profile?seconds=3"]
    number = 0
    for path in paths:
        status, _, body = fetch(f"{served.url}/debug/pprof/{path}")
        file = home / "profile"
        file.write_bytes(body)
        different = [(report, found) for report in REPORTS if (found := pprof.differs([*report, str(file)]))]
        number += len(REPORTS)
        if status != 200 or different:
            expect(False, f"{path}: {status} {different}")
    for path in paths:
        code, out, err = pprof.run("go", ["-top", f"{served.url}/debug/pprof/{path}"])
        ours, text, line = pprof.run("ours", ["-top", f"{served.url}/debug/pprof/{path}"])
        of_one_kind = re.findall("^Type: .*", out, re.M) == re.findall("^Type: .*", text, re.M) != []
        if code or ours or not of_one_kind:
            expect(False, f"{path} by address: {err}{line}")
    expect(not failed, f"{number} reports of {len(paths)} profiles are the same by both; all are fetched by address by both")
    status, headers, trace = fetch(f"{served.url}/debug/pprof/trace?seconds=1")
    expect(status == 200 and len(json.loads(trace)["threads"]) > 1, f"a trace: {len(trace):,} B, {headers['x-memprof-format']}")


def at_rest(served, pprof):
    """Fetched by each itself."""
    different = [name for name in PROFILES if pprof.differs(["-top", f"{served.url}/debug/pprof/{name}"])]
    expect(not different, f"the same by address at rest: {' '.join(PROFILES)}{different or ''}")


def form(line):
    """A line without its numbers, names and files."""
    line = re.sub(r"^(#\t0x)[0-9a-f]+\t(.*)\+0x[0-9a-f]+\t+.*:\d+$", r"\1X\tF+0xX\tP:N", line)
    line = re.sub(r"^\t\S.*:\d+( \+0x[0-9a-f]+)?$", r"\tP:N", line)
    if re.match(r"^[^\t#\d].*\(.*\)$", line) and not line.startswith("goroutine "):
        line = "F(...)"
    line = re.sub(r"^(goroutine) \d+ \[[^\]]*\](?: \{.*\})?:$", r"\1 N [S]:", line)
    line = re.sub(r"^(# labels: )\{.*\}$", r"\1{...}", line)
    line = re.sub(r"( 0x[0-9a-f]+)+", " 0xX", line)
    return re.sub(r"\d+(\.\d+)?", "N", line) if "0xX\t" not in line else line


def forms(served, reference):
    """Each line has the form of one of Go's, and follows a form that it follows in Go's."""

    def pairs(text):
        lines = ["^", *map(form, text.split("\n")), "$"]
        return set(zip(lines, lines[1:]))

    # Of a Go program, threads have neither stacks nor labels.
    for path in [f"{name}?debug=1" for name in PROFILES if name != "threadcreate"] + ["goroutine?debug=2"]:
        (_, go_headers, go), (_, headers, ours) = (fetch(f"{url}/debug/pprof/{path}") for url in (reference, served.url))
        go, ours = go.decode(), ours.decode()
        # Statistics that there is no number for are left out; the rest stands in Go's order.
        ours, _, stats = ours.partition("\n# runtime.MemStats\n")
        go, _, go_stats = go.partition("\n# runtime.MemStats\n")
        names, go_names = ([line.split(" = ")[0] for line in text.splitlines()] for text in (stats, go_stats))
        wrong = [name for name in names if name not in go_names] or names != sorted(names, key=go_names.index)
        alone = pairs(ours) - pairs(go)
        same_headers = all(headers[name] == go_headers[name] for name in ("content-type", "content-disposition", "x-content-type-options"))
        lines = len(ours.splitlines()) + len(names)
        expect(not alone and not wrong and same_headers, f"{path}: {lines} lines in Go's forms{' ' + repr(sorted(alone)[:5]) if alone else ''}{wrong or ''}")
    index, go_index = (fetch(f"{url}/debug/pprof/")[2].decode() for url in (served.url, reference))
    lines, go_lines = ([re.sub(r"\d+", "N", line) for line in text.splitlines() if "goroutineleak" not in line] for text in (index, go_index))
    expect(lines == go_lines, f"index: {len(lines)} lines as Go's, but for goroutineleak and numbers")
    for path in ERRORS:
        answers = [fetch(f"{url}/debug/pprof/{path}") for url in (reference, served.url)]
        (status, headers, body), ours = answers
        names = ("content-type", "content-disposition", "x-content-type-options", "x-go-pprof")
        same = (status, body) == (ours[0], ours[2]) and all(headers[name] == ours[1][name] for name in names)
        expect(same, f"{path}: {status} {body.decode().strip()}")
    for method, path in [("HEAD", "heap"), ("GET", "cmdline"), ("GET", "symbol")]:
        answers = [fetch(f"{url}/debug/pprof/{path}", method) for url in (reference, served.url)]
        same = answers[0][0] == answers[1][0] and answers[0][1]["content-type"] == answers[1][1]["content-type"]
        expect(same, f"{method} {path}: {answers[0][0]} {answers[0][1]['content-type']}{'' if same else answers[1][1]}")


class Moment:
    """At rest: what the profile and MemStats have, and what the program counted: allocations, bytes, frees, live bytes."""

    def __init__(self, served, pprof, home):
        self.own, body, text = self.asked(served)
        (home / "heap").write_bytes(body)
        raw = pprof.run("go", ["-raw", str(home / "heap")])[1]
        samples = raw.partition("Samples:\n")[2].partition("Locations\n")[0]
        rows = [list(map(int, line.split(":")[0].split())) for line in samples.splitlines()[1:] if re.match(r"\s*-?\d+\s+-?\d+.*:", line)]
        allocs, size, blocks, live = (sum(column) for column in zip(*rows))
        self.heap = [allocs, size, allocs - blocks, live]
        stats = {name: int(value) for name, value in re.findall(r"^# (\w+) = (\d+)$", text, re.M)}
        self.stats = [stats["Mallocs"], stats["TotalAlloc"], stats["Frees"], stats["Alloc"]]

    def asked(self, served):
        for _ in range(100):
            own = served.own_counts()
            body = fetch(f"{served.url}/debug/pprof/heap")[2]
            text = fetch(f"{served.url}/debug/pprof/heap?debug=1")[2].decode()
            if own == served.own_counts():
                return own, body, text
            time.sleep(0.1)
        raise AssertionError("the program never rests")


def totals(before, after):
    """From one moment to the next: the recorder's own allocations when it starts are the program's, too, by its own counts."""
    heap, stats, own = ([b - a for a, b in zip(of(before), of(after))] for of in (lambda m: m.heap, lambda m: m.stats, lambda m: m.own))
    expect(heap == own == stats and own[0] > 0, f"allocations, bytes, frees, live bytes: {own} by the program, {heap} by heap, {stats} by MemStats")


def under_load(name, pprof, home, reference):
    print(f"{name}:", flush=True)
    served = Served(name, [])
    try:
        loads = [load(served.own + path, 120, 2) for path in served.paths]
        reports(served, pprof, home)
        forms(served, reference)
        for each in loads:
            each.terminate()
        for each in loads:
            each.wait()
        if served.counts:
            before = Moment(served, pprof, home)
            for each in [load(served.own + path, 3, 2) for path in served.paths]:
                finished(each)
            totals(before, Moment(served, pprof, home))
        at_rest(served, pprof)
    finally:
        served.stop()


def soak(seconds, pprof, home):
    served = Served("web", [])
    try:
        before = Moment(served, pprof, home)
        loads = [load(served.own + path, seconds, 1) for path in served.paths]
        begun, sizes, asked = time.monotonic(), [], 0
        while (now := time.monotonic() - begun) < seconds:
            status, _, body = fetch(f"{served.url}/debug/pprof/heap")
            asked += 1
            assert status == 200
            at = int(now // 60)
            if at == len(sizes):
                sizes.append(resident(served.pid))
                threads = len(os.listdir(f"/proc/{served.pid}/task"))
                tool = of_tool(served.process.pid)
                print(f"  {now:5.0f} s: recorder {sizes[-1] / 1e6:.1f} MB, tool {tool / 1e6:.1f} MB, {threads} threads, heap {len(body):,} B", flush=True)
            time.sleep(max(0, 1 - (time.monotonic() - begun - now)))
        print(f"  {asked} heaps in {seconds} s; {', '.join(f'{finished(each):,.0f}' for each in loads)} requests a second")
        sizes.append(resident(served.pid))
        print(f"  at the end: recorder {sizes[-1] / 1e6:.1f} MB, tool {of_tool(served.process.pid) / 1e6:.1f} MB")
        # In the first two minutes its tables are touched for the first time; from then on nothing is to come.
        settled = sizes[min(2, len(sizes) - 2)]
        expect(sizes[-1] <= settled + (256 << 10), f"the recorder's memory stays: {settled:,} B after two minutes, {sizes[-1]:,} B at the end")
        totals(before, Moment(served, pprof, home))
        comments = "".join(pprof.run("go", ["-comments", f"{served.url}/debug/pprof/{name}"])[1] for name in PROFILES)
        expect("lost" not in comments and "beyond" not in comments, "nothing is lost, by the profiles' comments")
    finally:
        served.stop()


def main():
    import pathlib

    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        pprof = Pprof(home)
        if sys.argv[1:2] == ["--soak"]:
            soak(int(sys.argv[2]), pprof, home)
        else:
            build = [GO, "build", "-trimpath", "-o", home / "reference", ROOT / "tests/live/reference.go"]
            subprocess.run(build, check=True, env={**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(ROOT / "target/real/go-cache")})
            reference = subprocess.Popen([home / "reference", "serve"], stdout=subprocess.PIPE, text=True)
            try:
                url = reference.stdout.readline().strip()
                for name in sys.argv[1:] or ["web", "dufs"]:
                    under_load(name, pprof, home, url)
            finally:
                reference.kill()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
