//! The command line: one file a command.

mod attach;
mod build;
mod check;
mod compare;
mod explain;
mod explain_program;
mod history;
mod init;
mod leaks;
mod live;
mod merge;
mod packaging;
mod pprof;
mod program;
mod report;
mod run;
mod test;
mod top;
mod trace;
mod web;

use std::ffi::OsString;

use crate::Result;

/// Runs the command that `args` (without the executable's name) asks for; the exit code if nothing went wrong enough to
/// be an [`crate::Error`].
pub fn run(args: Vec<OsString>) -> Result<u8> {
    // cargo puts the subcommand's own name in front.
    let args = match args.first() {
        Some(first) if first == "memprof" => &args[1..],
        _ => &args[..],
    };
    if let Some(args) = program_of(args) {
        return program::run(args);
    }
    let command = args.first().and_then(|word| command(word.to_str()?));
    match command {
        Some(command) => command(&args[1..]),
        None => run::run(args),
    }
}

/// The arguments without the word `run`, if they name a program.
fn program_of(args: &[OsString]) -> Option<&[OsString]> {
    let rest = match args.first() {
        Some(first) if first == "run" => &args[1..],
        Some(first) if first.to_str().is_some_and(is_command) => return None,
        _ => args,
    };
    program::is_meant(rest).then_some(rest)
}

type Command = fn(&[OsString]) -> Result<u8>;

const COMMANDS: [(&str, Command); 19] = [
    ("attach", attach::run),
    ("build", build::run),
    ("check", check::run),
    ("compare", compare::run),
    ("completions", packaging::completions),
    ("explain", explain::run),
    ("history", history::run),
    ("init", init::run),
    ("leaks", leaks::run),
    ("list", run::list),
    ("live", live::run),
    ("man", packaging::man),
    ("merge", merge::run),
    ("pprof", pprof::run),
    ("report", report::run),
    ("run", run::run),
    ("top", top::run),
    ("trace", trace::run),
    ("test", test::run),
];

fn command(word: &str) -> Option<Command> {
    COMMANDS.iter().find(|(name, _)| *name == word).map(|(_, command)| *command)
}

/// Detects a subcommand typed after options.
fn is_command(word: &str) -> bool {
    command(word).is_some()
}
