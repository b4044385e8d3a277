#!/usr/bin/env python3
"""The library installed and off, beside the system's allocator alone: instructions of an allocation-heavy program, by callgrind.

    tests/speed/library.py

Each program is built twice, with and without the library's `#[global_allocator]`; nothing else differs.
"""

import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFEST = """[package]
name = "off"
version = "0.0.0"
edition = "2021"
[dependencies]
memprof = {{ path = "{}" }}
[[bin]]
name = "off"
path = "off.rs"
[workspace]
"""
ALLOCATOR = "#[global_allocator]\nstatic A: memprof::Allocator = memprof::Allocator::system();\n"
PROGRAMS = {
    "words counted in a map": """
use std::collections::BTreeMap;
fn main() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for i in 0..200_000u64 {
        let mut n = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        let mut word = String::new();
        while n > 0 { word.push(char::from(b'a' + (n % 26) as u8)); n /= 26; }
        *counts.entry(word).or_default() += 1;
    }
    println!("{}", counts.len());
}
""",
    "lists and texts": """
fn main() {
    let mut total = 0;
    for i in 0..100_000usize {
        let mut list = Vec::new();
        (0..i % 40).for_each(|n| list.push(n));
        let text = format!("{i}-{}", list.len());
        total += text.len() + std::hint::black_box(Box::new(list)).len();
    }
    println!("{total}");
}
""",
    "nothing but boxes": """
use std::hint::black_box;
fn main() {
    for i in 0..1_000_000u64 { drop(black_box(Box::new(i))); }
}
""",
}


def instructions(source, folder):
    (folder / "off.rs").write_text(source)
    (folder / "Cargo.toml").write_text(MANIFEST.format(ROOT / "memprof"))
    subprocess.run(["cargo", "build", "--release", "--quiet", "--offline"], cwd=folder, check=True)
    run = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(folder / "target/release/off")]
    text = subprocess.run(run, cwd=folder, check=True, capture_output=True).stderr.decode()
    return int(re.search(r"Collected : (\d+)", text)[1])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, source in PROGRAMS.items():
            system, off = (instructions(head + source, pathlib.Path(folder)) for head in ("", ALLOCATOR))
            print(f"{name}: {system:,} instructions by the system, {off:,} with the library off ({off / system - 1:+.2%})", flush=True)
