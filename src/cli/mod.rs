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
    let command = args.first().and_then(|word| command(word.to_str()?));
    match command {
        Some(command) => command(&args[1..]),
        None => run::run(args),
    }
}

type Command = fn(&[OsString]) -> Result<u8>;

const COMMANDS: [(&str, Command); 11] = [
    ("check", check::run),
    ("compare", compare::run),
    ("completions", packaging::completions),
    ("explain", explain::run),
    ("init", init::run),
    ("list", run::list),
    ("man", packaging::man),
    ("merge", merge::run),
    ("pprof", pprof::run),
    ("report", report::run),
    ("run", run::run),
];

fn command(word: &str) -> Option<Command> {
    COMMANDS.iter().find(|(name, _)| *name == word).map(|(_, command)| *command)
}

/// For who puts a command behind its options.
fn is_command(word: &str) -> bool {
    command(word).is_some()
}
