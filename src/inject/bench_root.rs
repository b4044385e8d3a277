//! A bench root is compiled and linked twice: as the user has it, for time, and with the tracking allocator, for counts.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::arguments::Arguments;
use super::harness::Libtest;
use super::overlay::Overlay;
use super::{Purpose, Setup, dep_info};
use crate::os::identity;
use crate::{Error, Result, fs};

/// Behind the timed executable's name stands the counting one's.
const COUNTED: &str = "-counted";

/// The counting executable that belongs to the timed one.
pub fn counted_path(timed: &Path) -> PathBuf {
    let mut name = timed.file_name().unwrap_or_default().to_owned();
    name.push(COUNTED);
    timed.with_file_name(name)
}

/// Behind the name of the one that has the dhat crate for its allocator.
const DHAT: &str = "-dhat";

/// The executable with dhat in it that belongs to the timed one.
pub fn dhat_path(timed: &Path) -> PathBuf {
    let mut name = timed.file_name().unwrap_or_default().to_owned();
    name.push(DHAT);
    timed.with_file_name(name)
}

/// True where this call makes an executable from one of the bench roots. With `harness = false` cargo gives neither
/// `--crate-type` nor `--test`.
pub fn is_bench_root(args: &Arguments, setup: &Setup) -> bool {
    let executable = args.has("--test")
        || setup.purpose != Purpose::Tests && matches!(args.value("--crate-type"), None | Some("bin"));
    // cargo may have come here by another path than the one that named the manifest.
    executable && root(args).is_some_and(|source| setup.bench_roots.contains(&source))
}

/// The root source, without symbolic links.
pub fn root(args: &Arguments) -> Option<PathBuf> {
    args.source().map(|source| source.canonicalize().unwrap_or(source))
}

/// Makes both executables; the exit code is rustc's.
pub fn compile(
    command: impl Fn() -> Command,
    args: Arguments,
    overlay: Option<&Overlay>,
    setup: &Setup,
) -> Result<i32> {
    let name = args.value("--crate-name").unwrap_or("bench");
    let is_test = setup.purpose == Purpose::Tests;
    let counted = |allocator| {
        let mut counted = linked_with(&args, COUNTED, allocator, setup);
        if let (true, Some(libtest)) = (is_test, &setup.runtime.libtest) {
            counted.link("test", libtest);
        }
        counted
    };
    if is_test && setup.runtime.libtest.is_none() {
        setup.refuse(name, root(&args), Libtest::unknown(name))?;
        return Ok(1);
    }

    // Both at once. The second repeats the diagnostics of the first; only an error of its own matters.
    let call = counted(Some(("memprof_alloc", &setup.runtime.allocator)));
    let second = start_second(command(), &call, setup)?;
    let first = command().args(args.line(setup.scratch())?).status().map_err(|e| Error::run(&command(), e))?;
    let mut second = second.wait_with_output().map_err(|e| Error::run(&command(), e))?;
    if !first.success() {
        return Ok(first.code().unwrap_or(101));
    }
    dep_info::mend_file(&args, overlay, setup)?;
    let (Some(timed), Some(counting)) = (args.output(""), call.output("")) else { return Ok(1) };
    let has_own_allocator = String::from_utf8_lossy(&second.stderr).contains("global allocator");
    if !second.status.success() && has_own_allocator {
        // The user's own allocator stays in charge, with the tracker around it.
        if is_test {
            let call = start_second(command(), &counted(None), setup)?;
            second = call.wait_with_output().map_err(|e| Error::run(&command(), e))?;
        } else {
            // One executable is both timed and counted.
            let _ = std::fs::remove_file(&counting);
            std::fs::hard_link(&timed, &counting).map_err(|e| Error::file("make", &counting, e))?;
            write_stamp(&timed, &counting)?;
            return Ok(0);
        }
    }
    if second.status.success() {
        write_stamp(&timed, &counting)?;
        return Ok(if link_with_dhat(&command, &args, &timed, setup)? { 0 } else { 1 });
    }
    let stderr = String::from_utf8_lossy(&second.stderr);
    let lines = stderr.lines().filter(|line| !line.trim().is_empty()).take(3).collect::<Vec<_>>().join(" ");
    let kind = if is_test { "test" } else { "bench" };
    setup.refuse(name, root(&args), format!("{kind} `{name}` does not link with the counting allocator: {lines}"))?;
    Ok(1)
}

fn start_second(mut command: Command, args: &Arguments, setup: &Setup) -> Result<Child> {
    command.args(args.line(setup.scratch())?).env("RUSTC_BOOTSTRAP", "1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|e| Error::run(&command, e))
}

/// The call that links the same bench once more, with one more crate, which holds the `#[global_allocator]`.
fn linked_with(args: &Arguments, suffix: &str, allocator: Option<(&str, &Path)>, setup: &Setup) -> Arguments {
    let mut linked = args.clone();
    let extra = args.codegen("extra-filename").last().copied().unwrap_or("").to_owned();
    linked.set_codegen("extra-filename", Some(&format!("{extra}{suffix}")));
    linked.set_codegen("incremental", None);
    linked.set_emit("link");
    // Linked although no code names it; on this one call a stable compiler accepts the unstable flag, too.
    linked.push("-Zunstable-options");
    if let Some((name, library)) = allocator {
        linked.push("--extern");
        linked.push(format!("force:{name}={}", library.display()));
    }
    linked.push("--cap-lints=allow");
    // With the unstable flag a stable compiler would mangle symbols like a nightly one: other names than the timed
    // executable's.
    if setup.stable_compiler && args.codegen("symbol-mangling-version").is_empty() {
        linked.push("-Csymbol-mangling-version=legacy");
    }
    linked
}

/// Built if it is asked for; false if it cannot be, which is noted. Not tried if the bench has an allocator of its own.
fn link_with_dhat(command: &impl Fn() -> Command, args: &Arguments, timed: &Path, setup: &Setup) -> Result<bool> {
    let Some(dhat) = &setup.dhat else { return Ok(true) };
    let mut linked = linked_with(args, DHAT, Some(("memprof_dhat", &dhat.library)), setup);
    linked.push("-L");
    linked.push(format!("dependency={}", dhat.dependencies.display()));
    let mut call = command();
    call.args(linked.line(setup.scratch())?).env("RUSTC_BOOTSTRAP", "1").stdin(Stdio::null());
    let out = call.output().map_err(|e| Error::run(&call, e))?;
    let path = dhat_path(timed);
    if out.status.success() {
        write_stamp(timed, &path)?;
    } else {
        let _ = std::fs::remove_file(&path);
        let stderr = String::from_utf8_lossy(&out.stderr);
        let first = stderr.lines().find(|line| line.contains("error")).unwrap_or_default();
        setup.refuse(
            "dhat",
            root(args),
            format!("`{}` does not link with the dhat crate: {first}", timed.display()),
        )?;
        return Ok(false);
    }
    Ok(true)
}

/// Which timed executable a counting one was made with: its size and time. Another build has another one.
pub fn stamp(timed: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(timed)?;
    let time = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} {}.{}", metadata.len(), time.as_secs(), time.subsec_nanos()))
}

fn stamp_path(counted: &Path) -> PathBuf {
    let mut path = counted.as_os_str().to_owned();
    path.push(".stamp");
    path.into()
}

fn write_stamp(timed: &Path, counted: &Path) -> Result<()> {
    fs::write(stamp_path(counted), stamp(timed).map_err(|e| Error::file("read", timed, e))?)
}

/// True if both executables come from one call: never count in another program than the timed one.
pub fn is_pair(timed: &Path, counted: &Path) -> bool {
    let written = std::fs::read_to_string(stamp_path(counted));
    counted.exists() && written.is_ok_and(|written| stamp(timed).is_ok_and(|stamp| stamp == written))
}

/// True if counting and timed executable are one: the user's own allocator, tracked.
pub fn is_own_allocator(timed: &Path, counted: &Path) -> bool {
    identity(timed).is_some() && identity(timed) == identity(counted)
}
