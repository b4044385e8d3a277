//! `cargo memprof trace [PID | URL] --seconds N -o FILE`: what a running program's threads do, for the Firefox Profiler.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::go::flags;
use crate::live::target::Target;
use crate::measure::Interrupt;
use crate::pprof::profile::gzip;
use crate::{Error, Result, exit, fs};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof trace",
    bin_name = "cargo memprof trace",
    about = "Record CPU samples, waits, allocations and memory of a running program over time",
    after_help = "Open the file at https://profiler.firefox.com. The program is one that `cargo memprof live` serves, or one that \
                  `cargo memprof build` made."
)]
pub struct TraceArgs {
    /// Trace the program at this address, the process of this number, or the one of this name
    #[arg(value_name = "PID|URL")]
    program: Option<String>,
    /// Trace for so many seconds; Ctrl-C ends it earlier for a process
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    seconds: f64,
    /// Write the trace to FILE; FILE.gz is compressed
    #[arg(short, long, value_name = "FILE", default_value = "trace.json.gz")]
    output: PathBuf,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    const LONGEST: f64 = 3600.0;
    let args = flags::to_two_dashes(args, &flags::long_names::<TraceArgs>());
    let args = TraceArgs::parse_from(std::iter::once(OsString::from("cargo memprof trace")).chain(args));
    if !(args.seconds > 0.0 && args.seconds <= LONGEST) {
        return Err(Error::usage(format!("--seconds must be more than 0, and at most {LONGEST}")));
    }
    fs::check_output(&args.output)?;
    let target = Target::find(args.program.as_deref())?;
    // A server that has not answered yet has nothing to write: there, Ctrl-C ends this process as any other.
    let interrupt = matches!(target, Target::Joined(_)).then(Interrupt::listen).transpose()?;
    let mut is_over = |pause: Duration| {
        std::thread::sleep(pause);
        interrupt.as_ref().is_some_and(Interrupt::came)
    };
    let mut bytes = target.trace(args.seconds, &mut is_over)?;
    if args.output.extension().is_some_and(|extension| extension == "gz") {
        bytes = gzip::compress(&bytes);
    }
    fs::write_output(&args.output, &bytes)?;
    eprintln!("{}: open it at https://profiler.firefox.com", args.output.display());
    Ok(exit::OK)
}
