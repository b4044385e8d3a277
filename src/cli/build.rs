//! `cargo memprof build --bin NAME [-o FILE]`: an executable to run elsewhere, which a tool can join while it runs.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

use crate::go::flags;
use crate::live::mark;
use crate::measure::{Interrupt, Scratch};
use crate::programs::build::{self, SelectArgs};
use crate::programs::target;
use crate::project::CargoConfig;
use crate::{Error, Result, console, exit, fs, os};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof build",
    bin_name = "cargo memprof build",
    about = "Build a program that only counts until `cargo memprof attach` joins it",
    after_help = "MEMPROF_HTTP=HOST:PORT or unix:PATH in its environment has it start cargo-memprof and serve by itself.",
    args_override_self = true
)]
pub struct MakeArgs {
    /// Build this binary
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,
    /// Build this example
    #[arg(long, value_name = "NAME", conflicts_with = "bin")]
    example: Option<String>,
    /// Write the executable to FILE; to its own name in this directory if not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    select: SelectArgs,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &flags::long_names::<MakeArgs>());
    let args = MakeArgs::parse_from(std::iter::once(OsString::from("cargo memprof build")).chain(args));
    console::set_color(args.select.build.color.as_deref());
    let named = target::only(args.bin.as_ref(), args.example.as_ref(), "build makes")?;
    let output = args.output.clone().unwrap_or_else(|| named.1.clone().into());
    if output.is_dir() {
        return Err(Error::usage(format!("{} is a directory; -o takes the name of a file", output.display())));
    }
    let options = &args.select.cargo;
    let config = CargoConfig::load(options)?;
    config.needs_stacks("build")?;
    let place = target::find(options, &config, &[named])?;
    let scratch = Scratch::make(&place.home)?;
    let interrupt = Interrupt::listen()?;
    let ready = build::build_one(&place, &config, &args.select, &scratch, &interrupt)?;
    let mut bytes = std::fs::read(&ready.executable).map_err(|e| Error::file("read", &ready.executable, e))?;
    let tool = std::env::current_exe().unwrap_or_default();
    mark::set(&mut bytes, &tool).map_err(|why| Error::nothing_measured(format!("{}: {why}", ready.program.name())))?;
    fs::replace(&output, &bytes)?;
    os::set_mode(&output, 0o755).map_err(|e| Error::file("make executable", &output, e))?;
    if !args.select.build.quiet {
        console::note(&format!("{} waits for `cargo memprof attach PID` once it runs", output.display()));
    }
    Ok(exit::OK)
}
