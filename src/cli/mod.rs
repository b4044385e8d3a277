//! The command line: one file a command.

mod args;
mod baseline;
mod check;
mod compare;
mod duration;
mod explain;
mod go_flags;
mod init;
mod last_run;
mod merge;
mod output;
mod packaging;
mod partition;
mod pprof;
mod prepare;
mod progress;
mod report;
mod revision;
mod run;
pub mod shell;
mod web;

use std::ffi::OsString;

use crate::Result;

/// Runs the command that `args` (without the executable's name) asks for; the exit code where nothing went wrong enough to be
/// an [`crate::Error`].
pub fn run(args: Vec<OsString>) -> Result<u8> {
    // cargo puts the subcommand's own name in front.
    let args = match args.first() {
        Some(first) if first == "memprof" => &args[1..],
        _ => &args[..],
    };
    match args.first().and_then(|word| word.to_str()) {
        Some("pprof") => pprof::run(&args[1..]),
        Some("compare") => compare::run(&args[1..]),
        Some("check") => check::run(&args[1..]),
        Some("merge") => merge::run(&args[1..]),
        Some("init") => init::run(&args[1..]),
        Some("completions") => packaging::completions(&args[1..]),
        Some("man") => packaging::man(&args[1..]),
        Some("list") => run::list(&args[1..]),
        Some("run") => run::run(&args[1..]),
        Some("report") => report::run(&args[1..]),
        Some("explain") => explain::run(&args[1..]),
        _ => run::run(args),
    }
}

/// The commands, for who puts one behind its options.
const COMMANDS: [&str; 11] =
    ["check", "compare", "completions", "explain", "init", "list", "man", "merge", "pprof", "report", "run"];
