//! `cargo memprof [run]` and `cargo memprof list`.

use std::ffi::OsString;

use clap::Parser as _;

use super::{is_command, web};
use crate::console;
use crate::go::flags;
use crate::results::names;
use crate::session::Session;
use crate::session::baseline::{self, Base};
use crate::session::options::RunArgs;
use crate::session::recount::ToBeSaved;
use crate::session::writer::Writer;
use crate::web::pages::Report;
use crate::web::server::Listening;
use crate::{Error, Result, exit};

/// Parses the arguments of `run` and `list`; clap itself answers --help and complains.
fn parse(args: &[OsString]) -> RunArgs {
    let args = flags::to_two_dashes(args, &flags::long_names::<RunArgs>());
    RunArgs::parse_from(std::iter::once(OsString::from("cargo memprof")).chain(args))
}

/// `cargo memprof list`.
pub fn list(args: &[OsString]) -> Result<u8> {
    let args = parse(args);
    let mut session = Session::open(&args)?;
    let build = session.build()?;
    let listing = session.list(&build)?;
    let listed = listing.suites.iter().flat_map(|suite| &suite.benchmarks);
    console::print(&listed.map(|one| format!("{}\n", names::one_line(&one.name))).collect::<String>())?;
    for failed in &listing.failed {
        console::error(&format!("{}: {}", failed.name, failed.error));
    }
    Ok(if listing.failed.is_empty() { exit::OK } else { exit::BENCH_FAILED })
}

/// `cargo memprof [run]`.
pub fn run(words: &[OsString]) -> Result<u8> {
    let args = parse(words);
    if let Some(command) = args.filters.iter().find(|filter| is_command(filter)) {
        let message = format!(
            "`{command}` is a command, and stands in front: `cargo memprof {command} …`; as a filter it is `({command})`"
        );
        return Err(Error::usage(message));
    }
    // Reported before anything is measured, if the port is taken.
    let listening = args.output.http.as_deref().map(web::listen).transpose()?;
    let mut session = Session::open(&args)?;
    let mut writer = Writer::new(&session)?;
    match measure_into(&mut writer, words, &mut session) {
        Ok(_) if args.select.no_run => {
            writer.end_without_results(None);
            Ok(exit::OK)
        }
        Ok(base) => match listening {
            Some(listening) => finish_and_serve(writer, base, listening, &session),
            None => writer.finish(),
        },
        // The results measured before it are kept.
        Err(error) if !writer.run.finished.is_empty() && !matches!(error, Error::Interrupted) => {
            writer.finish_after(error)
        }
        Err(error) => {
            writer.end_without_results(Some(&error));
            Err(error)
        }
    }
}

/// The pages of the run that has ended, until Ctrl-C.
fn finish_and_serve(mut writer: Writer, base: Option<Base>, listening: Listening, session: &Session) -> Result<u8> {
    let output = &session.args.output;
    writer.flush();
    let report = Report::new(writer.run.clone(), output.against.clone(), base);
    let code = writer.finish()?;
    web::serve_run(report, listening, !output.no_browser, &|| session.interrupt.came())?;
    session.interrupt.check()?;
    Ok(code)
}

/// Builds and, unless --no-run is given, measures; returns the run that it is compared with.
fn measure_into(writer: &mut Writer, words: &[OsString], session: &mut Session) -> Result<Option<Base>> {
    let output = &session.args.output;
    let base = baseline::load(output.baseline.as_ref(), words, session)?;
    let build = session.build()?;
    if session.args.select.no_run {
        for executable in &build.executables {
            console::note(&format!("built {} and {}", executable.timed.display(), executable.counted.display()));
        }
        return Ok(base);
    }
    if let Some(base) = &base {
        session.counted_iterations = base.counted_iterations();
        writer.compare_with(base);
        baseline::warn_of_differences(&base.label, &base.run.started, &writer.run.started);
    }
    let listing = session.list(&build)?;
    writer.measure(session, &listing)?;
    if session.args.measure.recheck {
        writer.recheck(session, &listing)?;
    }
    if output.save_baseline.is_some() {
        let mut counts = ToBeSaved::new(&writer.run.finished);
        session.recount(&listing, &mut counts, writer)?;
    }
    session.progress.pause();
    Ok(base)
}
