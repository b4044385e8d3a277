//! The command line: one file a command.

mod compare;
mod pprof;

use std::ffi::OsString;

use crate::{Error, Result};

/// Runs the command that `args` (without the executable's name) asks for; the exit code where nothing went wrong enough to be an [`Error`].
pub fn run(args: Vec<OsString>) -> Result<u8> {
    // cargo puts the subcommand's own name in front.
    let args = match args.first() {
        Some(first) if first == "memprof" => &args[1..],
        _ => &args[..],
    };
    match args.first().and_then(|word| word.to_str()) {
        Some("pprof") => pprof::run(&args[1..]),
        Some("compare") => compare::run(&args[1..]),
        _ => Err(Error::usage("unknown command")),
    }
}
