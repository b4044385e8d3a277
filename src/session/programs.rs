//! The programs that `check` runs beside the benches: those of memprof.toml, or those that the command line names.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Session;
use super::recount::{Counts, ROUNDS, ROUNDS_OF_RANGES};
use super::writer::Writer;
use crate::programs::build::{self, Ready, SelectArgs};
use crate::programs::run::{self, Apart, Options};
use crate::programs::target::{self, Kind};
use crate::programs::{finished, profiles};
use crate::project::CargoOptions;
use crate::project::settings::{Meant, Program};
use crate::results::lines::{Failed, FailureKind, Finished};
use crate::results::program::Exit;
use crate::results::sites::sites;
use crate::{Error, Result, console};

/// A program that is to be run, as often as it takes.
pub struct Case {
    ready: Ready,
    args: Vec<OsString>,
    stdin: Option<PathBuf>,
}

impl Case {
    pub fn name(&self) -> String {
        self.ready.program.name()
    }
}

/// The programs of this configuration.
pub fn declared(programs: &[Program]) -> Result<Vec<(Meant, &Program)>> {
    let mut declared: Vec<(Meant, &Program)> = Vec::new();
    for program in programs {
        let meant = program.meant().map_err(Error::project)?;
        if declared.iter().any(|(other, _)| *other == meant) {
            let target = format!("{}/{}", meant.kind.name(), meant.target);
            return Err(Error::project(format!(
                "two [[program]] of {target} have one name; give each a `name` of its own"
            )));
        }
        declared.push((meant, program));
    }
    Ok(declared)
}

/// The programs that a command line names.
pub fn named(names: &[(Kind, String)], args: &[String]) -> Vec<Program> {
    let program = |(kind, name): &(Kind, String)| Program {
        name: None,
        target: Some(format!("{}/{name}", kind.name())),
        args: args.to_vec(),
        stdin: None,
    };
    names.iter().map(program).collect()
}

impl Session<'_> {
    /// Builds those that are selected, in the order of `programs`.
    pub fn build_programs(&mut self, programs: &[Program]) -> Result<Vec<Case>> {
        let mut cases = Vec::new();
        for (meant, program) in declared(programs)? {
            let id = std::iter::once(meant.target.as_str()).chain(meant.case.as_deref()).collect::<Vec<_>>().join("/");
            let package = meant.package.iter().cloned().collect::<Vec<_>>();
            let mut options = self.args.cargo_options();
            if !package.is_empty() {
                options.package = package;
            }
            let mut place = target::find(&options, &self.config, &[(meant.kind, meant.target.clone())])?;
            let found = &mut place.programs[0];
            found.case = meant.case.as_ref().map_or(String::new(), |case| format!("/{case}"));
            let (targets, selection) = (&self.workspace.targets, &self.selection);
            if !selection.wants(targets, &found.package, meant.kind.name(), &id) || self.args.select.lib {
                continue;
            }
            let ready = self.build_program(&place, &options)?;
            let stdin = program.stdin.as_ref().map(|file| self.workspace.root.join(file));
            // Before anything is measured.
            if let Some(file) = &stdin {
                run::input(file)?;
            }
            cases.push(Case { ready, args: program.args.iter().map(OsString::from).collect(), stdin });
        }
        Ok(cases)
    }

    fn build_program(&mut self, place: &target::Place, options: &CargoOptions) -> Result<Ready> {
        let select = SelectArgs {
            cargo: options.clone(),
            profile: self.args.select.profile.clone(),
            dev: false,
            release: false,
            build: self.args.select.build.clone(),
        };
        build::build_one(place, &self.config, &select, &self.scratch, &self.interrupt)
    }

    /// Runs a program once; without `profiles`, for its numbers only.
    fn run_program(&mut self, case: &Case, profiles: bool) -> Result<std::result::Result<Run, Failed>> {
        let options = Options {
            arguments: case.args.clone(),
            cpu_hz: if profiles { self.args.measure.cpu_rate } else { 0 },
            stacks: profiles,
            stacks_limit: crate::programs::options::STACKS,
            apart: Some(Apart {
                stdin: case.stdin.clone(),
                folder: self.workspace.root.clone(),
                timeout: self.args.measure.timeout,
            }),
            ..Options::default()
        };
        let ended = run::run(&case.ready, &options, &mut self.tables, &self.scratch)?;
        self.interrupt.check()?;
        let finished = finished::finished(&case.ready.program, &case.args, &ended, false);
        let (kind, why) = match finished.exit {
            _ if ended.is_late => (FailureKind::TimedOut, "took longer than --timeout".to_owned()),
            Exit::Code(0) => return Ok(Ok(Run { finished, ended })),
            Exit::Code(code) => (FailureKind::Crashed, format!("ended with exit code {code}")),
            Exit::Signal(signal) => (FailureKind::Crashed, format!("was killed by signal {signal}")),
            Exit::Unknown => (FailureKind::Crashed, "ended without notice".to_owned()),
        };
        Ok(Err(Failed {
            name: finished.name.clone(),
            package: finished.package,
            target: finished.kind,
            id: finished.name.splitn(3, '/').nth(2).unwrap_or_default().to_owned(),
            kind,
            error: format!("the program {why}"),
        }))
    }
}

/// A run that ended well.
struct Run {
    finished: crate::results::program::Finished,
    ended: run::Ended,
}

impl Writer<'_> {
    /// Runs the programs, and takes their results.
    pub fn measure_programs(&mut self, session: &mut Session, cases: &[Case]) -> Result<()> {
        let with_profiles = !session.args.measure.no_profiles;
        for case in cases {
            session.progress.says(&format!("running {}", case.name()));
            let run = session.run_program(case, with_profiles)?;
            session.progress.pause();
            let Run { mut finished, ended } = match run {
                Ok(run) => run,
                Err(failed) => {
                    self.failed(failed);
                    continue;
                }
            };
            if with_profiles {
                let made = profiles::make(&ended, false);
                let (home, root) = (&session.workspace.home, &session.workspace.root);
                for error in crate::programs::files::write(&made, &ended, home, &[None; 3], &mut finished) {
                    self.trouble(error);
                }
                self.sites.insert(finished.name.clone(), sites(&made.mem, root, 1));
            }
            if !finished.memory.exact {
                console::warn(&format!("{}: some events were lost, its counts are not exact", finished.name));
            }
            self.take(finished.into());
        }
        self.flush();
        Ok(())
    }

    /// Runs programs again whose counts `counts` doubts, as [`Session::recount`] counts benchmarks again.
    pub fn recount_programs(&mut self, session: &mut Session, cases: &[Case], counts: &mut dyn Counts) -> Result<()> {
        for round in 0..ROUNDS_OF_RANGES {
            let doubted = counts.in_doubt(round >= ROUNDS);
            let failed: Vec<String> = self.run.failed.iter().map(|failed| failed.name.clone()).collect();
            for case in cases.iter().filter(|case| doubted.contains(&case.name()) && !failed.contains(&case.name())) {
                match session.run_program(case, false)? {
                    Ok(run) => {
                        let again = Finished::from(run.finished);
                        counts.add(&again.name, &again.memory);
                        self.recounts.entry(again.name).or_default().push(again.memory);
                    }
                    Err(failed) => self.failed(failed),
                }
            }
        }
        Ok(())
    }
}
