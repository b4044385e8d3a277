"""Servers beside `cargo memprof live`, for load.py and tests/speed/live.py: `web` of this folder (axum), `bare`, which is `web` but
does not count its allocations itself, and dufs (hyper), as it was published. TOOL names the executable (target/release/cargo-memprof)."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get("TOOL", str(ROOT / "target/release/cargo-memprof"))
TARGET = ROOT / "target/real/live"
WEB = ROOT / "tests/live/web"
DUFS = "0.47.0"


def dufs():
    """The folder of its source."""
    folder = ROOT / f"target/real/dufs-{DUFS}"
    if not folder.exists():
        asker = ROOT / "target/real/fetch-dufs"
        (asker / "src").mkdir(parents=True, exist_ok=True)
        (asker / "src/lib.rs").write_text("")
        (asker / "Cargo.toml").write_text(f'[package]\nname = "ask"\nversion = "0.0.0"\n[dependencies]\ndufs = "={DUFS}"\n[workspace]\n')
        # A program is no dependency, so it is only fetched.
        subprocess.run(["cargo", "fetch", "--quiet"], cwd=asker, check=True)
        home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
        shutil.copytree(next(home.glob(f"registry/src/*/dufs-{DUFS}")), folder)
        (folder / "Cargo.toml").open("a").write("\n[workspace]\n")
    return folder


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def package(name):
    """Its folder, its binary, and what it is built with."""
    if name == "dufs":
        return dufs(), "dufs", ["--no-default-features"]
    return WEB, "web", [] if name == "web" else ["--no-default-features"]


def plain(name):
    """The executable without the recorder."""
    folder, binary, options = package(name)
    build = ["cargo", "build", "--quiet", "--release", "--locked", "--target-dir", TARGET, *options]
    subprocess.run(build, cwd=folder, check=True)
    return TARGET / "release" / binary


class Served:
    """A server; with `live`, the options of `cargo memprof live`, the tool beside it."""

    def __init__(self, name, live=None):
        self.counts = None
        port = free_port()
        arguments = ["--bind", "127.0.0.1", "--port", str(port), str(ROOT / "tests")] if name == "dufs" else []
        if live is None:
            command, folder = [plain(name), *arguments], ROOT
        else:
            folder, binary, features = package(name)
            command = [TOOL, "live", "-q", "--locked", "--bin", binary, "--target-dir", TARGET, *features]
            command += ["--http", "127.0.0.1:0", *live, "--", *arguments]
        # dufs prints a line for each request, and would stop once the pipe is full.
        stdout = subprocess.DEVNULL if name == "dufs" else subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=subprocess.PIPE, text=True)
        self.url = None
        if live is not None:
            said = []
            for line in self.process.stderr:
                said.append(line)
                if line.startswith("listening on "):
                    self.url = line.split()[2].rstrip("/")
                    break
            assert self.url, "".join(said)
        if name != "dufs":
            port, self.counts = map(int, self.process.stdout.readline().split())
        self.own = f"http://127.0.0.1:{port}"
        self.paths = ["/", "/?json", "/live/load.py"] if name == "dufs" else ["/items/10", "/items/3", "/slow"]
        while True:
            try:
                fetch(self.own + self.paths[0])
                break
            except urllib.error.URLError:
                assert self.process.poll() is None, "the server has ended"
                time.sleep(0.05)
        self.pid = self.process.pid if live is None else child(self.process.pid)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def own_counts(self):
        """Allocations, bytes, frees and live bytes, as the program counts them itself."""
        with socket.create_connection(("127.0.0.1", self.counts)) as stream:
            return json.loads(stream.makefile().read())


def child(pid):
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def fetch(url, method="GET"):
    """Status, headers, body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def load(url, seconds, connections=4, quiet=19):
    """wrk, begun: see `finished`."""
    command = ["nice", "-n", str(quiet), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finished(load):
    """Requests a second."""
    text = load.communicate()[0]
    assert "Non-2xx" not in text and "Socket errors" not in text, text
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def resident(pid):
    """Memory of the recorder in this process, in bytes."""
    pages, is_ours = 0, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            is_ours = "/memfd:memprof" in line
        elif is_ours and line.startswith("Rss:"):
            pages += int(line.split()[1])
    return pages * 1024


def of_tool(pid):
    """Resident memory of a process, in bytes."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024
