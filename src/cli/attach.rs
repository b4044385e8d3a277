//! `cargo memprof attach PID [--http HOST:PORT | unix:PATH]`: Go's /debug/pprof beside a program that runs already.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::sync::Arc;

use clap::Parser;

use crate::go::flags;
use crate::live::attach;
use crate::live::control::State;
use crate::live::listen::{Listening, Place};
use crate::live::serving;
use crate::measure::Interrupt;
use crate::{Error, Result, exit, os};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof attach",
    bin_name = "cargo memprof attach",
    about = "Serve the profiles of a program that runs already, made by `cargo memprof build`"
)]
pub struct AttachArgs {
    /// Join the process of this number, or the one that runs a program of this name
    #[arg(value_name = "PID")]
    process: String,
    /// Serve at this address: HOST:PORT, :PORT or unix:PATH
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6060")]
    http: String,
    /// Go on in the background: the program starts the tool so
    #[arg(long, hide = true)]
    in_background: bool,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &flags::long_names::<AttachArgs>());
    let args = AttachArgs::parse_from(std::iter::once(OsString::from("cargo memprof attach")).chain(args));
    if args.in_background {
        return in_background(&args);
    }
    let listening = Listening::on(&Place::parse(&args.http)?)?;
    let interrupt = Interrupt::listen()?;
    let reader = Arc::new(attach::attach(attach::find(&args.process)?)?);
    let mut is_over = |pause| {
        std::thread::sleep(pause);
        interrupt.came() || reader.state() == State::Lost
    };
    serving::serve(&reader.clone(), listening, &mut is_over)?;
    interrupt.check()?;
    Ok(exit::OK)
}

/// Starts the same again and is gone: the program that has started this process need not wait for the other.
fn in_background(args: &AttachArgs) -> Result<u8> {
    let own = std::env::current_exe().map_err(|e| Error::with("cannot find this executable", e))?;
    let mut command = Command::new(own);
    command.args(["attach", &args.process, "--http", &args.http]).stdin(Stdio::null());
    os::in_own_group(&mut command).spawn().map_err(|e| Error::run(&command, e))?;
    Ok(exit::OK)
}
