//! The rustc wrapper: what cargo calls in rustc's place.
//!
//! It never writes to stderr itself (cargo would replay that as a warning of the crate) and keeps the jobserver's descriptors.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::arguments::Arguments;
use super::overlay::Overlay;
use super::{SETUP_VARIABLE, Setup, allocator, bench_root, criterion, dep_info};

/// Runs the rustc call of `args` (its first is rustc, or the user's workspace wrapper); the exit code.
pub fn run(args: &[OsString]) -> anyhow::Result<i32> {
    let setup = Setup::load()?;
    let (rustc, rest) = args.split_first().context("this name is for cargo's use only")?;
    // A workspace wrapper is followed by rustc itself.
    let inner = rest.first().filter(|arg| Path::new(arg).file_stem().is_some_and(|stem| stem == "rustc"));
    let rest = if inner.is_some() { &rest[1..] } else { rest };
    let command = || {
        let mut command = match &setup.user_wrapper {
            Some(wrapper) => {
                let mut command = Command::new(wrapper);
                command.arg(rustc);
                command
            }
            None => Command::new(rustc),
        };
        command.args(inner).env_remove(SETUP_VARIABLE);
        command
    };
    let mut args = Arguments::new(rest)?;
    let Some(name) = args.value("--crate-name").map(str::to_owned) else { return pass(command(), rest) };
    // Questions, build scripts and what runs inside the compiler are none of ours.
    if name == "___" || name == "build_script_build" || args.value("--crate-type") == Some("proc-macro") {
        return pass(command(), rest);
    }
    add_debug_info(&mut args);
    let runtime_dir = setup.runtime.library.parent().unwrap_or(Path::new("."));
    args.push("-L");
    args.push(format!("dependency={}", runtime_dir.display()));

    if is_criterion(&name, &args) {
        return match prepare_criterion(&mut args, &setup)? {
            Ok(overlay) => compile_from(&overlay, command(), &args, &setup),
            Err(message) => {
                setup.refuse(&name, message)?;
                Ok(1)
            }
        };
    }
    let overlay = prepare_allocator(&mut args, &setup)?;
    if bench_root::is_bench_root(&args, &setup) {
        return bench_root::compile(command, args, overlay.as_ref(), &setup);
    }
    match overlay {
        None => pass(command(), &args.all),
        Some(overlay) => compile_from(&overlay, command(), &args, &setup),
    }
}

/// Becomes the call, where nothing is left to do after it.
fn pass(mut command: Command, args: &[OsString]) -> anyhow::Result<i32> {
    Err(command.args(args).exec()).with_context(|| format!("cannot run {}", command.get_program().display()))
}

/// Runs the call and mends what it says about its sources.
fn compile_from(overlay: &Overlay, mut command: Command, args: &Arguments, setup: &Setup) -> anyhow::Result<i32> {
    let status = command.args(&args.all).status();
    let status = status.with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if status.success() {
        dep_info::mend_file(args, Some(overlay), setup)?;
    }
    Ok(status.code().unwrap_or(101))
}

/// Lines and inlined frames, where the user asks for less; symbols stay in the executable. The last of equal flags wins.
fn add_debug_info(args: &mut Arguments) {
    let enough = matches!(args.codegen("debuginfo").last(), Some(&("1" | "2" | "limited" | "full")));
    if !enough {
        args.push("-Cdebuginfo=1");
    }
    args.push("-Cstrip=none");
    if args.codegen("split-debuginfo").last().is_some_and(|&split| split != "off") {
        args.push("-Csplit-debuginfo=off");
    }
}

fn is_criterion(name: &str, args: &Arguments) -> bool {
    name == "criterion"
        && std::env::var("CARGO_PKG_NAME").is_ok_and(|package| package == "criterion")
        && !args.has("--test")
}

/// Makes the call compile criterion with the hook in it: the overlay, or why not.
fn prepare_criterion(args: &mut Arguments, setup: &Setup) -> anyhow::Result<Result<Overlay, String>> {
    let root = args.source().context("criterion is compiled from no file")?;
    let source_dir = root.parent().context("criterion's root source has no folder")?.to_owned();
    let mut edited = BTreeMap::new();
    for file in criterion::EDITS {
        let text = std::fs::read_to_string(source_dir.join(file.file)).unwrap_or_default();
        match file.apply(&text) {
            Ok(text) => edited.insert(PathBuf::from(file.file), text),
            Err(misfit) => {
                let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
                return Ok(Err(format!(
                    "criterion {version} ({}) is none that this version can hook into: {misfit}; known are {}",
                    source_dir.display(),
                    criterion::KNOWN
                )));
            }
        };
    }
    let root_name = PathBuf::from(root.file_name().context("criterion's root source has no name")?);
    edited.insert(root_name, criterion::with_hook(&std::fs::read_to_string(&root)?));
    let overlay = Overlay::lay_out(&setup.overlays, &source_dir, &edited)?;
    overlay.compile_from_it(args);
    link_runtime(args, setup);
    Ok(Ok(overlay))
}

/// Makes the call compile with the tracking type around the allocator that the crate declares; the overlay where it does.
fn prepare_allocator(args: &mut Arguments, setup: &Setup) -> anyhow::Result<Option<Overlay>> {
    let Some((root, folder)) = args.source().and_then(|root| Some((root.clone(), root.parent()?.to_owned()))) else {
        return Ok(None);
    };
    // Relative paths in the sources may lead out of the package, but hardly out of the folder that rustc runs in.
    let here = std::env::current_dir()?;
    let base = here.ancestors().find(|ancestor| root.starts_with(ancestor)).unwrap_or(&folder).to_owned();
    let edition_2015 = matches!(args.value("--edition"), None | Some("2015"));
    let edited = allocator::edited_files(&folder, &base, edition_2015)?;
    if edited.is_empty() {
        return Ok(None);
    }
    let overlay = Overlay::lay_out(&setup.overlays, &base, &edited)?;
    overlay.compile_from_it(args);
    link_runtime(args, setup);
    Ok(Some(overlay))
}

fn link_runtime(args: &mut Arguments, setup: &Setup) {
    args.push("--extern");
    args.push(format!("memprof_rt={}", setup.runtime.library.display()));
}
