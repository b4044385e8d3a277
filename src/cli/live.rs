//! `cargo memprof live --bin NAME [--http HOST:PORT | unix:PATH] [-- ARGS]`: a program with Go's /debug/pprof beside it.

use std::ffi::OsString;
use std::sync::Arc;

use clap::Parser;

use crate::console;
use crate::go::flags;
use crate::live::listen::{Listening, Place};
use crate::live::reader::Reader;
use crate::live::serving;
use crate::measure::{Interrupt, Scratch, Tables};
use crate::programs::build::{self, SelectArgs};
use crate::programs::run;
use crate::programs::sampling::Sampling;
use crate::programs::target;
use crate::project::CargoConfig;
use crate::{Error, Result};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof live",
    bin_name = "cargo memprof live",
    about = "Run a program and serve its profiles at /debug/pprof, as Go programs do",
    after_help = "go tool pprof http://localhost:6060/debug/pprof/heap",
    args_override_self = true
)]
pub struct LiveArgs {
    /// Run this binary
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,
    /// Run this example
    #[arg(long, value_name = "NAME", conflicts_with = "bin")]
    example: Option<String>,
    /// Serve at this address: HOST:PORT, :PORT or unix:PATH
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6060")]
    http: String,
    /// Tell up to N stacks apart, and count the rest as one
    #[arg(long, value_name = "N", default_value_t = 1 << 20)]
    stacks_limit: usize,
    /// Record the stacks of all allocations (exact), or of one byte in SIZE; counters are exact in any case
    #[arg(long, value_name = "exact|SIZE", default_value = "exact")]
    sample: Sampling,
    /// Pass these arguments to the program
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
    #[command(flatten)]
    select: SelectArgs,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &flags::long_names::<LiveArgs>());
    let args = LiveArgs::parse_from(std::iter::once(OsString::from("cargo memprof live")).chain(args));
    console::set_color(args.select.build.color.as_deref());
    let named = target::only(args.bin.as_ref(), args.example.as_ref(), "live runs")?;
    if args.sample == Sampling::Auto {
        return Err(Error::usage("a live program is recorded in one way as long as it runs: --sample exact or a size"));
    }
    let listening = Listening::on(&Place::parse(&args.http)?)?;
    let options = &args.select.cargo;
    let config = CargoConfig::load(options)?;
    config.needs_stacks("live")?;
    let place = target::find(options, &config, &[named])?;
    let scratch = Scratch::make(&place.home)?;
    let interrupt = Interrupt::listen()?;
    let ready = build::build_one(&place, &config, &args.select, &scratch, &interrupt)?;
    let options = run::Options {
        arguments: args.arguments.clone(),
        block: true,
        live: true,
        stacks: true,
        stacks_limit: args.stacks_limit,
        sampling: args.sample,
        ..run::Options::default()
    };
    let mut started = run::start(&ready, &options, &mut Tables::default(), &scratch)?;
    let reader = Arc::new(Reader::new(started.region.again()?, started.pid));
    serving::serve(&reader, listening, &mut |pause| started.ended_within(pause).is_some())?;
    let status = started.reap()?;
    if !started.region.header().is_begun() {
        return Err(run::not_begun(&started.region, status, &ready));
    }
    Ok(run::code(status))
}
