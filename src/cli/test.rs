//! `cargo memprof test`: the tests, and what each allocates.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::check::tests::{TestGate, base};
use crate::formats::{View, json};
use crate::go::flags;
use crate::measure::Interrupt;
use crate::results::lines::{Base, Line, Run, RunFinished};
use crate::session::baseline;
use crate::session::writer::{print_whole, started};
use crate::test_runs::options::TestArgs;
use crate::test_runs::session::TestSession;
use crate::{Error, Result, console, exit, fs};

pub fn run(words: &[OsString]) -> Result<u8> {
    run_with(&TestArgs::read(&flags::to_two_dashes(words, &flags::long_names::<TestArgs>()))?)
}

pub fn run_with(args: &TestArgs) -> Result<u8> {
    let interrupt = Interrupt::listen()?;
    let session = interrupt.explains(TestSession::open(args, interrupt.clone()))?;
    let mut output = Output::begin(&session)?;
    match run_into(&mut output, session) {
        Ok(false) => output.end(None).map(|()| exit::OK),
        Ok(true) => output.finish(args),
        Err(error) => output.end(Some(&error)).and(Err(error)),
    }
}

/// False if nothing was to be run.
fn run_into(output: &mut Output, mut session: TestSession) -> Result<bool> {
    let args = session.args;
    let gate = match args.output.check {
        true => Some(TestGate::load(&session, output.base.as_ref())?),
        false => None,
    };
    let build = session.build()?;
    if args.build.no_run {
        return Ok(false);
    }
    let listing = session.list(&build)?;
    if args.lists() {
        let names: String = session.names(&listing).map(|name| format!("{name}\n")).collect();
        console::print(&names)?;
        return Ok(false);
    }
    session.run(&build, &listing, &mut |test| {
        output.line(&Line::TestFinished(Box::new(test.clone())))?;
        output.run.tests.push(test);
        Ok(())
    })?;
    if let Some(gate) = gate {
        let Run { started, tests, .. } = &output.run;
        let mut judged = gate.judge(&mut session, &build, &listing, tests, started)?;
        if args.output.accept {
            gate.accept(&mut judged, tests, started)?;
        }
        for check in judged.checks {
            output.line(&Line::Check(Box::new(check.clone())))?;
            output.run.checks.push(check);
        }
    }
    Ok(true)
}

/// Where the results go.
struct Output<'a> {
    home: PathBuf,
    root: PathBuf,
    args: &'a TestArgs,
    base: Option<Base>,
    /// The future text of results.jsonl.
    lines: String,
    run: Run,
}

impl<'a> Output<'a> {
    fn begin(session: &TestSession<'a>) -> Result<Output<'a>> {
        let (args, place) = (session.args, &session.place);
        let base = base(session)?;
        let started = started(args.profile(), &place.root, &session.config);
        let run = Run { started: started.clone(), ..Run::default() };
        let (home, root) = (place.home.clone(), place.root.clone());
        let mut output = Output { home, root, args, base, lines: String::new(), run };
        output.line(&Line::RunStarted(started))?;
        Ok(output)
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        let text = json::line(line);
        self.lines.push_str(&text);
        if self.args.format().is_stream() && !self.args.lists() { console::print(&text) } else { Ok(()) }
    }

    /// Ends the JSON if nothing was run, or the run could not go on; results.jsonl stays that of the run before.
    fn end(&mut self, error: Option<&Error>) -> Result<()> {
        let error = error.map(Error::line);
        self.line(&Line::RunFinished(RunFinished { success: error.is_none(), error, ..self.run.end() }))
    }

    fn finish(mut self, args: &TestArgs) -> Result<u8> {
        let end = self.run.end();
        self.line(&Line::RunFinished(end.clone()))?;
        fs::replace(&self.home.join("results.jsonl"), self.lines.as_bytes())?;
        if let Some(name) = &args.output.save_baseline {
            baseline::save(name, &self.home, &self.root, &self.run, &BTreeMap::new())?;
        }
        let view = View { base: self.base.clone(), root: self.root.clone(), ..View::default() };
        print_whole(args.format(), &self.run, &view)?;
        if end.failed > 0 {
            let tests = if self.run.tests.len() == 1 { "test" } else { "tests" };
            console::error(&format!("{} of {} {tests} failed", end.failed, self.run.tests.len()));
            return Ok(exit::BENCH_FAILED);
        }
        Ok(if end.success { exit::OK } else { exit::CHECK_FAILED })
    }
}
