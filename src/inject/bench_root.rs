//! A bench root is compiled and linked twice: as the user has it, for time, and with the tracking allocator, for counts.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::arguments::Arguments;
use super::overlay::Overlay;
use super::{Setup, dep_info};

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
pub fn compile(
    command: impl Fn() -> Command,
    args: Arguments,
    overlay: Option<&Overlay>,
    setup: &Setup,
) -> anyhow::Result<i32> {
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
    // With the unstable flag a stable compiler would name symbols as a nightly one does: other names than the timed one's.
    if setup.stable_compiler && args.codegen("symbol-mangling-version").is_empty() {
        counted.push("-Csymbol-mangling-version=legacy");
    }

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
    dep_info::mend_file(&args, overlay, setup)?;
    if second.status.success() {
        return Ok(0);
    }
    let stderr = String::from_utf8_lossy(&second.stderr);
    if stderr.contains("global allocator") {
        // The user's own is in charge, with the tracker around it: what is timed is what counts.
        let (Some(timed), Some(counted)) = (args.output(""), counted.output("")) else { return Ok(1) };
        let _ = std::fs::remove_file(&counted);
        std::fs::hard_link(&timed, &counted)?;
        return Ok(0);
    }
    let name = args.value("--crate-name").unwrap_or("bench");
    let lines = stderr.lines().filter(|line| !line.trim().is_empty()).take(3).collect::<Vec<_>>().join(" ");
    setup.refuse(name, format!("bench `{name}` does not link with the counting allocator: {lines}"))?;
    Ok(1)
}

/// True where counting and timed executable are one: the user's own allocator, tracked.
pub fn is_own_allocator(timed: &Path, counted: &Path) -> bool {
    let of = |path: &Path| std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    of(timed).is_some() && of(timed) == of(counted)
}
