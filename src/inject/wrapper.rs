//! The rustc wrapper, which cargo calls in rustc's place.
//!
//! It never writes to stderr itself (cargo would replay that as a warning of the crate), except for the diagnostic of a
//! refusal, and keeps the jobserver's descriptors.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::arguments::Arguments;
use super::harness::{Call, HARNESSES, Prepared};
use super::overlay::Overlay;
use super::{SETUP_VARIABLE, Setup, allocator, bench_root, dep_info, for_cargo_only};
use crate::{Error, Result, os};

/// Runs the rustc call of `args` (its first is rustc, or the user's workspace wrapper); the exit code.
pub fn run(args: &[OsString]) -> Result<i32> {
    let setup = Setup::load()?;
    let (rustc, rest) = args.split_first().ok_or_else(for_cargo_only)?;
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
    // Queries, build scripts and procedural macros stay as they are.
    if name == "___" || name.starts_with("build_script_") || args.value("--crate-type") == Some("proc-macro") {
        return pass(command(), rest);
    }
    add_debug_info(&mut args);
    let runtime_dir = setup.runtime.library.parent().unwrap_or(Path::new("."));
    args.push("-L");
    args.push(format!("dependency={}", runtime_dir.display()));

    let is_library = setup.runtime.embeds && is_library(&name, &args);
    if is_library {
        // The recorder that is injected takes the place of its own.
        args.push("--cfg=memprof_injected");
        args.link("memprof_rt", &setup.runtime.library);
    }
    // Asked before an overlay takes the source's place.
    let is_bench_root = bench_root::is_bench_root(&args, &setup);
    let call = Call { crate_name: &name, is_bench_root, setup: &setup };
    match hooked(&call, &mut args)? {
        Prepared::From(overlay) => return compile_from(Some(&overlay), command(), &args, &setup),
        Prepared::AsItIs => (),
        Prepared::Refused(message) => {
            let root = bench_root::root(&args).filter(|_| is_bench_root);
            setup.refuse(&name, root, message)?;
            return Ok(1);
        }
    }
    let overlay = prepare_allocator(&mut args, &setup)?;
    if is_bench_root {
        return bench_root::compile(command, args, overlay.as_ref(), &setup);
    }
    match overlay {
        None if !is_library => pass(command(), &args.line(setup.scratch())?),
        overlay => compile_from(overlay.as_ref(), command(), &args, &setup),
    }
}

/// Puts the hook into the harness that the call compiles. Versions of one package may differ only in how often an anchor
/// occurs: the first whose anchors all fit is taken; if none fits, the first one's misfit is told.
fn hooked(call: &Call, args: &mut Arguments) -> Result<Prepared> {
    let mut misfit = None;
    for harness in HARNESSES {
        if !harness.is_made_by(call, args) {
            continue;
        }
        match harness.prepare(call, args)? {
            Prepared::Refused(message) => misfit = misfit.or(Some(message)),
            fits => return Ok(fits),
        }
    }
    Ok(misfit.map_or(Prepared::AsItIs, Prepared::Refused))
}

/// Whether the crate is our library `memprof`, which holds the recorder, too.
fn is_library(name: &str, args: &Arguments) -> bool {
    let recorder = || args.source()?.parent().map(|folder| folder.join("runtime/embed.rs"));
    name == "memprof" && recorder().is_some_and(|file| file.exists())
}

/// Replaces this process by the call, if nothing is left to do after it.
fn pass(mut command: Command, args: &[OsString]) -> Result<i32> {
    let error = os::become_(command.args(args));
    Err(Error::run(&command, error))
}

/// Runs the call, corrects the paths of its sources in its output, and has it repeated when the runtime is another one.
fn compile_from(overlay: Option<&Overlay>, mut command: Command, args: &Arguments, setup: &Setup) -> Result<i32> {
    let status = command.args(args.line(setup.scratch())?).status().map_err(|e| Error::run(&command, e))?;
    if status.success() {
        dep_info::mend_file(args, overlay, setup)?;
    }
    Ok(status.code().unwrap_or(101))
}

/// Lines and inlined frames, if the user asks for less; symbols stay in the executable. The last of equal flags wins.
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

/// Makes the call compile with the tracking type around the allocator that the crate declares; returns the overlay if
/// it does.
fn prepare_allocator(args: &mut Arguments, setup: &Setup) -> Result<Option<Overlay>> {
    let Some((root, folder)) = args.source().and_then(|root| Some((root.clone(), root.parent()?.to_owned()))) else {
        return Ok(None);
    };
    // Relative paths in the sources may lead out of the package, but hardly out of the folder that rustc runs in.
    let here = current_dir()?;
    let base = here.ancestors().find(|ancestor| root.starts_with(ancestor)).unwrap_or(&folder).to_owned();
    let edition_2015 = matches!(args.value("--edition"), None | Some("2015"));
    let edited = allocator::edited_files(&root, &base, edition_2015)?;
    if edited.is_empty() {
        return Ok(None);
    }
    let overlay = Overlay::lay_out(&setup.overlays, &base, &edited)?;
    overlay.compile_from_it(args);
    args.link("memprof_rt", &setup.runtime.library);
    Ok(Some(overlay))
}

pub fn current_dir() -> Result<PathBuf> {
    std::env::current_dir().map_err(|e| Error::with("there is no current directory", e))
}
