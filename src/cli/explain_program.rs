//! `cargo memprof explain --bin NAME | --example NAME | --test NAME [-- ARGS]`: why a program allocates.

use std::ffi::OsString;

use clap::Parser as _;

use crate::console;
use crate::explain::{self, Recording, Surroundings};
use crate::formats::json;
use crate::go::flags;
use crate::measure::{Interrupt, Scratch, Tables};
use crate::programs::finished::finished;
use crate::programs::options::ExplainArgs;
use crate::programs::run::{self, Options};
use crate::programs::{build, profiles, recorded, target};
use crate::project::CargoConfig;
use crate::records::Lives;
use crate::results::lines::Finished;
use crate::session::explanations::{self, Sources};
use crate::symbolize::Symbolizer;
use crate::{Result, exit};

pub fn run(words: &[OsString]) -> Result<u8> {
    let words = flags::to_two_dashes(words, &flags::long_names::<ExplainArgs>());
    let args = ExplainArgs::parse_from(std::iter::once(OsString::from("cargo memprof explain")).chain(words));
    let build = &args.select.build;
    console::set_color(build.color.as_deref());
    let config = CargoConfig::load(&args.select.cargo)?;
    config.needs_stacks("a whole program")?;
    let place = target::find(&args.select.cargo, &config, &args.named.names())?;
    let scratch = Scratch::make(&place.home)?;
    let interrupt = Interrupt::listen()?;
    let ready = build::build(&place, &config, &args.select, &scratch, &interrupt)?;
    let options = Options {
        arguments: args.arguments.clone(),
        stacks: true,
        stacks_limit: args.stacks_limit,
        lives: true,
        to_stderr: true,
        ..Options::default()
    };
    let (mut tables, mut code) = (Tables::default(), exit::OK);
    for program in &ready {
        let ended = run::run(program, &options, &mut tables, &scratch)?;
        let made = profiles::make(&ended, false);
        let program = Finished::from(finished(&program.program, &args.arguments, &ended, false));
        let header = ended.region.header();
        let log = recorded::log(&ended.region, &header);
        let stacks = recorded::stacks(&ended.region, &header).into_iter().map(|record| record.allocations);
        let lives = log.lives.unwrap_or_else(|| Lives { whole: false, ..Lives::default() });
        let mut symbolizer = Symbolizer::new(&log.modules);
        let recording = Recording::new(&mut symbolizer, 1, &stacks.collect::<Vec<_>>(), &lives);
        let recording = Recording { run: true, ..recording };
        let sources = Sources::default();
        let read = |file: &str, line: u32| sources.line(file, line);
        let around = Surroundings { root: place.root.clone(), source: &read };
        let explanation = explain::explain(&program.name, &program.memory, &recording, &around);
        explanations::write(&place.home, &place.root, &explanation, &made.mem)?;
        console::print(&match args.message_format.as_str() {
            "json" => json::line(&explanations::line(&explanation, &place.root)),
            _ => explain::text(&explanation, &explanation.name, &place.root, build.verbose > 0),
        })?;
        code = if code == exit::OK { ended.code() } else { code };
    }
    Ok(code)
}
