//! Decides by its name whether cargo called it, as rustc wrapper or as runner of benches, or a person.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use cargo_memprof::{Error, Result, cli, console, inject, measure, os};

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    let name = if args.is_empty() { OsString::new() } else { args.remove(0) };
    match Path::new(&name).file_stem().and_then(OsStr::to_str) {
        Some(inject::WRAPPER_NAME) => for_cargo(inject::run_wrapper(&args)),
        Some(measure::RUNNER_NAME) => for_cargo(measure::run_runner(&args)),
        _ => for_person(args),
    }
}

fn for_cargo(result: Result<i32>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: cargo-memprof: {}", error.line());
            ExitCode::from(1)
        }
    }
}

fn for_person(args: Vec<OsString>) -> ExitCode {
    // A file beyond the user's limit (ulimit -f) is an error of writing it, not the end.
    os::outlive_the_file_limit();
    match cli::run(args) {
        Ok(code) => ExitCode::from(code),
        Err(Error::Interrupted) => {
            // Dies of the signal, as any interrupted process.
            os::die_of(os::SIGINT);
            ExitCode::from(130)
        }
        Err(error) => {
            console::error(&error.line());
            ExitCode::from(error.exit_code())
        }
    }
}
