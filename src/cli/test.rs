//! `cargo memprof test`: the tests, and what each allocates.

use std::ffi::OsString;

use crate::formats::json;
use crate::go::flags;
use crate::measure::Interrupt;
use crate::results::lines::{Line, Run, RunFinished};
use crate::session::writer::started;
use crate::test_runs::options::TestArgs;
use crate::test_runs::report;
use crate::test_runs::session::TestSession;
use crate::{Result, console, exit, fs};

pub fn run(words: &[OsString]) -> Result<u8> {
    let args = TestArgs::read(&flags::to_two_dashes(words, &flags::long_names::<TestArgs>()))?;
    let interrupt = Interrupt::listen()?;
    let session = interrupt.explains(TestSession::open(&args, interrupt.clone()))?;
    let mut output = Output::begin(&session)?;
    match run_into(&mut output, session) {
        Ok(false) => output.line(&Line::RunFinished(output.run.end())).map(|()| exit::OK),
        Ok(true) => output.finish(),
        Err(error) => {
            output.line(&Line::RunFinished(RunFinished {
                success: false,
                error: Some(error.line()),
                ..output.run.end()
            }))?;
            Err(error)
        }
    }
}

/// False if nothing was to be run.
fn run_into(output: &mut Output, mut session: TestSession) -> Result<bool> {
    let build = session.build()?;
    if session.args.build.no_run {
        return Ok(false);
    }
    let listing = session.list(&build)?;
    if session.args.output.list || session.args.harness.list {
        let names: String = session.names(&listing).map(|name| format!("{name}\n")).collect();
        console::print(&names)?;
        return Ok(false);
    }
    session.run(&build, &listing, &mut |test| {
        output.line(&Line::TestFinished(Box::new(test.clone())))?;
        output.run.tests.push(test);
        Ok(())
    })?;
    Ok(true)
}

/// Where the results go.
struct Output {
    home: std::path::PathBuf,
    is_json: bool,
    /// The future text of results.jsonl.
    lines: String,
    run: Run,
}

impl Output {
    fn begin(session: &TestSession) -> Result<Output> {
        let args = session.args;
        let started = started(args.profile(), &session.place.root, &session.config);
        let run = Run { started: started.clone(), ..Run::default() };
        let is_json = args.is_json() && !args.output.list && !args.harness.list;
        let mut output = Output { home: session.place.home.clone(), is_json, lines: String::new(), run };
        output.line(&Line::RunStarted(started))?;
        Ok(output)
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        let text = json::line(line);
        self.lines.push_str(&text);
        if self.is_json { console::print(&text) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<u8> {
        let end = self.run.end();
        let failed = end.failed;
        self.line(&Line::RunFinished(end))?;
        fs::replace(&self.home.join("results.jsonl"), self.lines.as_bytes())?;
        if !self.is_json {
            console::print(&report::table(&self.run.tests))?;
        }
        if failed > 0 {
            let tests = if failed == 1 { "test" } else { "tests" };
            console::error(&format!("{failed} of {} {tests} failed", self.run.tests.len()));
            return Ok(exit::BENCH_FAILED);
        }
        Ok(exit::OK)
    }
}
