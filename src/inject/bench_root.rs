//! A bench root is compiled and linked twice: as the user has it, for time, and with the tracking allocator, for counts.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::arguments::Arguments;
use super::{RUNTIME_VARIABLE, Setup, dep_info};

/// Behind the timed executable's name stands the counting one's.
const COUNTED: &str = "-counted";

/// The counting executable that belongs to the timed one.
pub fn counted_path(timed: &Path) -> PathBuf {
    let mut name = timed.file_name().unwrap_or_default().to_owned();
    name.push(COUNTED);
    timed.with_file_name(name)
}

/// True where this call makes an executable from one of the bench roots. With `harness = false` cargo gives neither
/// `--crate-type` nor `--test`.
pub fn is_bench_root(args: &Arguments, setup: &Setup) -> bool {
    let executable = args.has("--test") || matches!(args.value("--crate-type"), None | Some("bin"));
    executable && args.source().is_some_and(|source| setup.bench_roots.contains(&source))
}

/// Makes both executables; the exit code is rustc's.
pub fn compile(command: impl Fn() -> Command, args: Arguments, setup: &Setup) -> anyhow::Result<i32> {
    let mut counted = Arguments { all: args.all.clone() };
    let extra = args.codegen("extra-filename").last().copied().unwrap_or("").to_owned();
    counted.set_codegen("extra-filename", Some(&format!("{extra}{COUNTED}")));
    counted.set_codegen("incremental", None);
    counted.set_emit("link");
    // Linked though nobody names it; on this one call the unstable flag is taken by a stable compiler too.
    counted.push("-Zunstable-options");
    counted.push("--extern");
    counted.push(format!("force:memprof_alloc={}", setup.runtime.allocator.display()));
    counted.push("--cap-lints=allow");

    // Both at once. What the second says the first has said already; only what it alone finds wrong matters.
    let second = command()
        .args(&counted.all)
        .env("RUSTC_BOOTSTRAP", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let first = command().args(&args.all).status()?;
    let second = second.wait_with_output()?;
    if !first.success() {
        return Ok(first.code().unwrap_or(101));
    }
    if let Some(path) = args.output(".d").filter(|path| path.exists()) {
        let text = std::fs::read_to_string(&path)?;
        std::fs::write(&path, dep_info::mend(&text, None, RUNTIME_VARIABLE, &setup.runtime.hash))?;
    }
    if !second.status.success() {
        let name = args.value("--crate-name").unwrap_or("bench");
        setup.refuse(name, reason(name, &String::from_utf8_lossy(&second.stderr)))?;
        return Ok(1);
    }
    Ok(0)
}

fn reason(name: &str, stderr: &str) -> String {
    if stderr.contains("global allocator") {
        return format!(
            "bench `{name}` declares a #[global_allocator] of its own, around which this version cannot count yet; \
             measure it without that allocator"
        );
    }
    let lines = stderr.lines().filter(|line| !line.trim().is_empty());
    format!("bench `{name}` does not link with the counting allocator: {}", lines.take(3).collect::<Vec<_>>().join(" "))
}
