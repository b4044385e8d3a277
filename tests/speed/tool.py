"""The part that scripts with times of the tool share: its place, their options, commands that must succeed."""

import argparse
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEED = ROOT / "fixtures" / "speed"


def options(doc):
    """A parser that is described by the first line of `doc`, with --tool and --target-dir; the script adds its own."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    path = lambda text: pathlib.Path(text).resolve()
    parser.add_argument("--tool", type=path, default=ROOT / "target/release/cargo-memprof")
    parser.add_argument("--target-dir", type=path, default=ROOT / "target/speed")
    return parser


def run(command, folder, **variables):
    """The stdout of a command that must end with 0."""
    command = list(map(str, command))
    done = subprocess.run(command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def printed(args, folder, benchtime, *words):
    """The JSON lines of a run of the tool in `folder`."""
    return run([args.tool, "memprof", "-json", f"-benchtime={benchtime}", "--target-dir", args.target_dir, *words], folder)


def measured(*args):
    """Those of them that have a benchmark's results; takes what `printed` takes."""
    lines = map(json.loads, printed(*args).splitlines())
    return [line for line in lines if line["reason"] == "benchmark-finished"]


def is_decided(vs):
    """Whether a comparison's interval leaves 1 out."""
    return vs["upper"] < 1 or vs["lower"] > 1
