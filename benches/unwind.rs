//! How long the unwind table of a large executable and of libc takes to make, as before every run; 50 ms are allowed for 26 MB.
//!
//!     cargo bench --bench unwind [-- EXECUTABLE]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cargo_memprof::records::Module;
use cargo_memprof::unwind;

const ALLOWED: Duration = Duration::from_millis(50);

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    // `cargo test` runs benches without this flag, and without optimization.
    let measured = arguments.next().is_some_and(|argument| argument == "--bench");
    // Unless another is named it is this one, in which most of the tool is linked.
    let given = arguments.next().map(PathBuf::from);
    let executable = given.unwrap_or_else(|| std::env::current_exe().unwrap());
    let modules: Vec<Module> =
        [executable.as_path(), Path::new("/lib/x86_64-linux-gnu/libc.so.6")].map(module).into_iter().collect();
    let once = || {
        let begun = Instant::now();
        let table = unwind::build(&modules).unwrap().to_bytes().unwrap();
        (begun.elapsed(), table.len())
    };
    let (took, bytes) = (0..if measured { 10 } else { 1 }).map(|_| once()).min().unwrap();
    let size = executable.metadata().unwrap().len();
    println!(
        "{:.1} MB and libc: {:.1} ms for a table of {:.2} MB",
        size as f64 / 1e6,
        took.as_secs_f64() * 1e3,
        bytes as f64 / 1e6
    );
    if measured && size <= 26_000_000 {
        assert!(took <= ALLOWED, "{ALLOWED:?} are allowed");
    }
}

fn module(path: &Path) -> Module {
    Module { path: path.into(), bias: 0, build_id: Vec::new(), text: Vec::new(), image: None }
}
