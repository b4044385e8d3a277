#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    match cargo_memprof::cli::run(std::env::args_os().skip(1).collect()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.code)
        }
    }
}
