//! `cargo memprof leaks [NAME]`: the blocks that the last run of a program never freed.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::console;
use crate::go::flags;
use crate::pprof::profile;
use crate::programs::leaks::{self, Keeper, Leak};
use crate::programs::summary::{bytes, number};
use crate::results::names;
use crate::session::last_run;
use crate::{Error, Result, exit};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof leaks",
    bin_name = "cargo memprof leaks",
    about = "Show the blocks that the last run of a program never freed, by stack",
    after_help = "Blocks that statics, thread locals and std keep are summed separately; -v shows their stacks, too.",
    args_override_self = true
)]
pub struct LeaksArgs {
    /// Show the program PACKAGE/KIND/NAME, or an end of that, instead of the one that ran last
    name: Option<String>,
    /// Show N stacks
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Exit with 100 if more than BYTES were never freed
    #[arg(long, value_name = "BYTES", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    fail_on_leak: Option<u64>,
    /// Show the stacks of blocks that are kept for good, too
    #[arg(short, long)]
    verbose: bool,
    /// Look for the run in DIR/memprof
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// The run is of this package or workspace
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &flags::long_names::<LeaksArgs>());
    let args = LeaksArgs::parse_from(std::iter::once(OsString::from("cargo memprof leaks")).chain(args));
    let (name, file) = find(&args)?;
    let read = std::fs::read(&file).map_err(|e| Error::file("read", &file, e))?;
    let profile = profile::read(&read).map_err(|e| Error::other(format!("{}: {e}", file.display())))?;
    let leaks = leaks::leaks(&profile);
    console::print(&text(&name, &leaks, &args))?;
    let leaked = u64::try_from(leaks::sum(&leaks, Keeper::Leak).1).unwrap_or(0);
    Ok(if args.fail_on_leak.is_some_and(|limit| leaked > limit) { exit::CHECK_FAILED } else { exit::OK })
}

/// The selected program and its mem.prof; the one that ran last, if none is named.
fn find(args: &LeaksArgs) -> Result<(String, PathBuf)> {
    let manifest = args.manifest_path.as_deref().and_then(|path| std::path::absolute(path).ok());
    let folder = manifest.as_deref().and_then(Path::parent);
    let home = match (&args.target_dir, folder) {
        (Some(dir), _) => Some(dir.join("memprof")),
        (None, Some(folder)) => last_run::home_of(folder),
        (None, None) => last_run::home(),
    };
    let none = || Error::other("no program has been run here; run one with `cargo memprof --bin NAME`");
    let programs = programs_below(&home.ok_or_else(none)?.join("profiles"));
    let Some(wanted) = &args.name else { return programs.into_iter().next().ok_or_else(none) };
    let all: Vec<&str> = programs.iter().map(|(name, _)| name.as_str()).collect();
    match (names::find(&all, wanted).as_slice(), all.as_slice()) {
        ([name], _) => Ok(programs[all.iter().position(|one| one == name).unwrap_or(0)].clone()),
        (_, []) => Err(none()),
        ([], all) => Err(Error::nothing_measured(format!(
            "no program `{wanted}` has been run here; there are: {}",
            all.join(", ")
        ))),
        (several, _) => Err(Error::usage(format!("`{wanted}` means several programs: {}", several.join(", ")))),
    }
}

/// PACKAGE/KIND/NAME of each program with profiles, the latest first, and where its mem.prof lies.
fn programs_below(profiles: &Path) -> Vec<(String, PathBuf)> {
    let folders = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let kinds = folders(profiles).into_iter().flat_map(|package| {
        ["bin", "example", "test"].map(|kind| package.join(kind)).into_iter().filter(|path| path.is_dir())
    });
    let mut found = Vec::new();
    // A program of memprof.toml may have a case of its own below.
    let with_cases = |folder: PathBuf| std::iter::once(folder.clone()).chain(folders(&folder));
    for folder in kinds.flat_map(|kind| folders(&kind)).flat_map(with_cases) {
        let (mem, timeline) = (folder.join("mem.prof"), folder.join("timeline.json"));
        // A benchmark has no timeline.
        let (Ok(written), true) = (mem.metadata().and_then(|of| of.modified()), timeline.exists()) else { continue };
        let name = folder.strip_prefix(profiles).unwrap_or(&folder).to_string_lossy().into_owned();
        found.push((std::cmp::Reverse(written), name, mem));
    }
    found.sort();
    found.into_iter().map(|(_, name, mem)| (name, mem)).collect()
}

fn text(name: &str, leaks: &[Leak], args: &LeaksArgs) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    writeln!(out, "{name}").ok();
    for keeper in [Keeper::Leak, Keeper::Static, Keeper::Std] {
        let (blocks, size) = leaks::sum(leaks, keeper);
        let (blocks, size) = (number(blocks.max(0) as u64), bytes(size.max(0) as u64));
        writeln!(out, "{size} in {blocks} blocks {}", keeper.words()).ok();
        if keeper != Keeper::Leak && !args.verbose {
            continue;
        }
        for leak in leaks.iter().filter(|leak| leak.keeper == keeper).take(args.top) {
            let (size, blocks) = (bytes(leak.bytes.max(0) as u64), number(leak.blocks.max(0) as u64));
            writeln!(out, "  {size} in {blocks} blocks").ok();
            for frame in &leak.frames {
                writeln!(out, "      {} ({}:{})", frame.function, frame.file, frame.line).ok();
            }
        }
    }
    out
}
