//! A program with Go's flags: `-cpuprofile FILE` and `-memprofile FILE`.
//!
//!     cargo run --release -p memprof --features symbolize --example flags -- -cpuprofile cpu.prof -memprofile mem.prof
//!     go tool pprof -top cpu.prof        # or: cargo memprof pprof -top cpu.prof

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;

use memprof::{cpu, heap};

#[global_allocator]
static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();

fn main() -> Result<(), Box<dyn Error>> {
    let mut files: HashMap<String, String> = HashMap::new();
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let name = flag.trim_start_matches('-').to_owned();
        if !["cpuprofile", "memprofile"].contains(&name.as_str()) {
            return Err(format!("unknown flag {flag}: -cpuprofile FILE, -memprofile FILE").into());
        }
        files.insert(name, args.next().ok_or(format!("{flag} needs a file"))?);
    }

    if files.contains_key("memprofile") {
        heap::start(heap::Sample::Exact)?;
    }
    // Made first, as in Go: if it cannot be made, nothing was run for it.
    let cpu_file = files.get("cpuprofile").map(File::create).transpose()?;
    if cpu_file.is_some() {
        cpu::start(100)?;
    }

    let words = memprof::label("phase", "work", work);
    println!("{} words", words.len());

    if let Some(file) = cpu_file {
        cpu::stop()?.write_to(file)?;
    }
    if let Some(path) = files.get("memprofile") {
        // The words are live here.
        heap::write(File::create(path)?)?;
        heap::stop()?;
    }
    Ok(())
}

/// Counts words of a text that it makes up.
fn work() -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for i in 0..600_000u64 {
        let word = word(i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48);
        *counts.entry(word).or_insert(0) += 1;
    }
    counts
}

#[inline(never)]
fn word(mut number: u64) -> String {
    let mut word = String::new();
    while number > 0 {
        word.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    word
}
