#!/usr/bin/env python3
"""What stands between an edit and its numbers, against cargo alone. Medians of rounds, in each of which both ways take turns:

rebuild   one bench is edited: `cargo memprof --no-run` against `cargo bench --no-run`. At most 2.2 times, for it links twice.
wrapper   200 crates are built from clean, and the tool is called as the wrapper of each, with a compiler that does nothing: what
          the wrapper itself takes of the build, in processor time. Below 2 %.
measure   the benchmarks of the crate in --crate, built already, at the default --benchtime: at most 3 s for each, all profiles
          made; beside it what `cargo bench` takes for each of some of them.

    cargo build --release && tests/speed/builds.py [rebuild] [wrapper] [measure --crate FOLDER] [--rounds N]

Ends with 1 where one does not hold: this is for a calm machine, and no part of the tests.
"""

import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_REBUILD, MOST_WRAPPER, MOST_EACH = 2.2, 0.02, 3.0
CRATES = 200


def run(command, folder, **variables):
    """Seconds, of the clock and of all processors together, and what was printed."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(list(map(str, command)), cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True)
    taken, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def said(holds):
    return "holds" if holds else "FAILS"


def progress(text):
    print(text, file=sys.stderr, flush=True)


def in_turn(rounds, ways):
    """The times of each way by round; in every other round the other one comes first."""
    found = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
            found[name].append(ways[name](number))
        progress(f"round {number + 1} of {rounds}: " + ", ".join(f"{name} {times[-1][0]:.2f} s" for name, times in found.items()))
    return found


def rebuild(tool, scratch, rounds):
    project = scratch / "project"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(ROOT / "fixtures/buffer_write", project, ignore=shutil.ignore_patterns("target"))
    bench = project / "benches/buffer_write.rs"
    text = bench.read_text()
    ways = {
        "cargo": ["cargo", "bench", "--no-run", "--locked", "--offline", "--target-dir", scratch / "plain"],
        "ours": [tool, "memprof", "--no-run", "--locked", "--offline", "--target-dir", scratch / "ours"],
    }
    run(["cargo", "fetch", "--locked"], project)
    for command in ways.values():
        run(command, project)

    def edited(name):
        def once(number):
            bench.write_text(f"{text}\npub fn edited_{name}() -> u32 {{\n    {number}\n}}\n")
            return run(ways[name], project)

        return once

    found = in_turn(rounds, {name: edited(name) for name in ways})
    plain, ours = (statistics.median(wall for wall, *_ in found[name]) for name in ways)
    ratio = statistics.median(ours[0] / plain[0] for ours, plain in zip(found["ours"], found["cargo"]))
    holds = ratio <= MOST_REBUILD
    print(
        f"rebuild after an edit of one bench: cargo bench {plain:.2f} s, ours {ours:.2f} s: {ratio:.2f} times "
        f"(at most {MOST_REBUILD}: {said(holds)})"
    )
    return holds


MODULE = """
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record{n} {{
    pub name: String,
    pub values: Vec<u64>,
}}

impl Record{n} {{
    pub fn parse(text: &str) -> Option<Record{n}> {{
        let (name, values) = text.split_once('=')?;
        let mut record = Record{n} {{ name: name.to_owned(), values: Vec::new() }};
        for value in values.split(',') {{
            record.values.push(value.trim().parse().ok()?);
        }}
        Some(record)
    }}

    pub fn sum(&self) -> u64 {{
        self.values.iter().fold(self.name.len() as u64, |sum, value| sum.rotate_left(3) ^ value)
    }}

    pub fn shown(&self) -> String {{
        format!("{{}}: {{}}", self.name, self.sum())
    }}
}}
"""


def workspace(folder):
    """CRATES libraries of three files; each uses the one ten before it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = [f"crate_{n}" for n in range(CRATES)]
    # What the wrapper would add is there already: only the wrapper itself makes a difference.
    (folder / "Cargo.toml").write_text(
        f"[workspace]\nresolver = '2'\nmembers = {json.dumps(names)}\n\n[profile.release]\ndebug = 1\nstrip = 'none'\n"
    )
    for n, name in enumerate(names):
        source = folder / name / "src"
        source.mkdir(parents=True)
        used = f"crate_{n - 10}" if n >= 10 else None
        dependency = f"\n[dependencies]\n{used} = {{ path = '../{used}' }}\n" if used else ""
        (folder / name / "Cargo.toml").write_text(f"[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2021'\n{dependency}")
        call = f"{used}::total(text) + " if used else ""
        (source / "lib.rs").write_text(
            "pub mod first;\npub mod second;\n\npub fn total(text: &str) -> u64 {\n"
            f"    {call}first::Record1::parse(text).map_or(0, |record| record.sum())\n}}\n"
        )
        (source / "first.rs").write_text(MODULE.format(n=1))
        (source / "second.rs").write_text(MODULE.format(n=2))


def wrapped(tool, scratch):
    """The variables under which cargo calls the tool for every crate, as the tool itself sets them."""
    run([tool, "memprof", "--no-run", "--locked", "--target-dir", scratch / "ours"], ROOT / "fixtures/buffer_write")
    inject = scratch / "ours/memprof/inject"
    home = next(path for path in inject.glob("runtime-*") if path.is_dir())
    link = scratch / "memprof-rustc"
    link.unlink(missing_ok=True)
    link.symlink_to(tool)
    (scratch / "run/refusals").mkdir(parents=True, exist_ok=True)
    setup = {
        "runtime": {
            "library": f"{home}/libmemprof_rt.rlib",
            "allocator": f"{home}/libmemprof_alloc.rlib",
            "libtest": None,
            "hash": "0",
        },
        "bench_roots": [],
        "overlays": f"{inject}/overlays",
        "refusals": f"{scratch}/run/refusals",
        "user_wrapper": None,
        "dhat": None,
        "stable_compiler": True,
    }
    (scratch / "run/setup.json").write_text(json.dumps(setup))
    return {"RUSTC_WRAPPER": str(link), "MEMPROF_SETUP": f"{scratch}/run/setup.json", "MEMPROF_RUNTIME": "0"}


def wrapper(tool, scratch, rounds):
    project = scratch / "many"
    workspace(project)
    variables = wrapped(tool, scratch)
    run(["cargo", "generate-lockfile", "--offline"], project)
    shutil.rmtree(scratch / "built", ignore_errors=True)
    clock, built, _ = run(["cargo", "build", "--release", "--offline", "--target-dir", scratch / "built"], project)

    # Two builds differ by more than the wrapper takes. So it is called as often as cargo calls it, with a compiler that does nothing.
    def calls(program):
        def once(_):
            taken = [0.0, 0.0]
            for n in range(CRATES):
                flags = ["--edition=2021", f"crate_{n}/src/lib.rs", "--crate-type", "lib", "--emit=dep-info,metadata,link"]
                flags += ["-C", "opt-level=3", "-C", "debuginfo=1", "-C", "strip=none", "--out-dir", scratch / "built/release/deps"]
                wall, processor, _ = run([*program, "--crate-name", f"crate_{n}", *flags], project, **variables)
                taken = [taken[0] + wall, taken[1] + processor]
            return taken

        return once

    nothing = shutil.which("true")
    found = in_turn(rounds, {"compiler": calls([nothing]), "wrapped": calls([variables["RUSTC_WRAPPER"], nothing])})
    own = [
        statistics.median(with_it[which] - without[which] for with_it, without in zip(found["wrapped"], found["compiler"]))
        for which in (0, 1)
    ]
    share = own[1] / built
    holds = share < MOST_WRAPPER
    print(
        f"{CRATES} crates from clean: {clock:.1f} s ({built:.1f} s of processor time), of which as many calls of the wrapper are "
        f"{own[0]:.2f} s ({own[1]:.2f} s): {share * 100:.1f} % (below {MOST_WRAPPER * 100:.0f} %: {said(holds)})"
    )
    return holds


def measure(tool, scratch, folder, sampled):
    target = scratch / "measured"
    base = [tool, "memprof", "--offline", "--target-dir", target]
    run([*base, "--no-run"], folder)
    taken, _, out = run([*base, "-json"], folder)
    ids = [line["id"] for line in map(json.loads, out.splitlines()) if line["reason"] == "benchmark-finished"]
    each = taken / len(ids)
    holds = each <= MOST_EACH
    print(f"{folder.name}: {len(ids)} benchmarks in {taken:.0f} s: {each:.2f} s each (at most {MOST_EACH:.0f}: {said(holds)})")

    if sampled == 0:
        return holds
    # Evenly from all of them: the whole would take long.
    some = ids[:: max(1, len(ids) // sampled)]
    plain = ["cargo", "bench", "--offline", "--benches", "--target-dir", scratch / "plain"]
    run([*plain, "--no-run"], folder)
    filters = "^(" + "|".join(map(re.escape, some)) + ")$"
    taken, _, out = run([*plain, "--", "--noplot", filters], folder, CRITERION_HOME=str(scratch / "criterion"))
    number = out.count("time: ")
    print(f"{folder.name}: cargo bench of {number} of them in {taken:.0f} s: {taken / max(number, 1):.2f} s each")
    return holds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", choices=[[], "rebuild", "wrapper", "measure"], help="all but `measure`, if nothing is said")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--crate", type=pathlib.Path, help="of `measure`")
    parser.add_argument("--sampled", type=int, default=8, help="so many benchmarks of it are run by cargo bench, too")
    parser.add_argument("--scratch", type=pathlib.Path, help="a folder to build in; what it has of an earlier run is not built again")
    parser.add_argument("--tool", type=pathlib.Path, default=ROOT / "target/release/cargo-memprof")
    args = parser.parse_args()
    what, tool = args.what or ["rebuild", "wrapper"], args.tool.resolve()
    if "measure" in what and args.crate is None:
        parser.error("`measure` wants --crate FOLDER")
    all_hold = True
    with tempfile.TemporaryDirectory() as scratch:
        scratch = args.scratch.absolute() if args.scratch else pathlib.Path(scratch)
        if "rebuild" in what:
            all_hold &= rebuild(tool, scratch, args.rounds)
        if "wrapper" in what:
            all_hold &= wrapper(tool, scratch, args.rounds)
        if "measure" in what:
            all_hold &= measure(tool, scratch, args.crate.resolve(), args.sampled)
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
