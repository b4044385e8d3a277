//! `cargo memprof --bin NAME | --example NAME | --test NAME [OPTIONS] [-- ARGS]`: a whole program, once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser as _;

use crate::console;
use crate::formats::json;
use crate::go::flags;
use crate::measure::{Interrupt, Scratch, Tables};
use crate::programs::build::{self, Ready};
use crate::programs::children;
use crate::programs::files;
use crate::programs::finished::finished as finished_run;
use crate::programs::leaks::{self, Keeper};
use crate::programs::options::{OutputArgs, ProgramArgs};
use crate::programs::profiles;
use crate::programs::recorded;
use crate::programs::run;
use crate::programs::summary;
use crate::programs::target::{self, Place};
use crate::programs::trace::collect::{self, Span};
use crate::programs::trace::firefox;
use crate::project::CargoConfig;
use crate::results::lines::{Finished, Line, Run, RunFinished};
use crate::results::program;
use crate::session::baseline::{self, Base};
use crate::session::writer::started;
use crate::{Error, Result, exit, fs, os};

/// Whether the arguments name a program.
pub fn is_meant(args: &[OsString]) -> bool {
    let words = args.iter().map_while(|arg| arg.to_str().filter(|arg| *arg != "--"));
    words.filter_map(|word| word.strip_prefix('-')).any(|word| {
        let word = word.strip_prefix('-').unwrap_or(word);
        matches!(word.split('=').next(), Some("bin" | "example" | "test"))
    })
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &flags::long_names::<ProgramArgs>());
    let args = ProgramArgs::parse_from(std::iter::once(OsString::from("cargo memprof")).chain(args));
    console::set_color(args.select.build.color.as_deref());
    let files = Files::new(&args.output)?;
    let options = &args.select.cargo;
    let config = CargoConfig::load(options)?;
    config.needs_stacks("a whole program")?;
    let place = target::find(options, &config, &args.named.names())?;
    let base = args.output.baseline.as_deref().map(|label| base(label, &place)).transpose()?;
    let scratch = Scratch::make(&place.home)?;
    for program in &place.programs {
        let folder = files::folder(&place.home, &program.name());
        fs::create_dir_all(&folder)?;
        check_writable(&folder.join("mem.prof"))?;
    }
    let interrupt = Interrupt::listen()?;
    let ready = build::build(&place, &config, &args.select, &scratch, &interrupt)?;
    let mut tables = Tables::default();
    let started = started(args.select.profile(), &place.root, &config);
    let mut all = Run { started, finished: Vec::new(), tests: Vec::new(), failed: Vec::new(), checks: Vec::new() };
    let (mut code, mut troubles) = (exit::OK, Vec::new());
    for program in &ready {
        match one(program, &args, &place, &files, &mut tables, &scratch, &mut troubles) {
            Ok((finished, its_code)) => {
                for finished in finished.into_iter().map(Finished::from) {
                    if let (Some(base), false) = (&base, args.select.build.quiet) {
                        eprint!("{}", summary::since(&finished, base));
                    }
                    all.finished.push(finished);
                }
                code = if code == exit::OK { its_code } else { code };
            }
            Err(error) if all.finished.is_empty() => return Err(error),
            // The results of earlier programs are kept.
            Err(error) => {
                troubles.push(error);
                break;
            }
        }
    }
    let success = code == exit::OK && troubles.is_empty();
    let error = troubles.first().map(Error::line);
    let mut lines = all.lines();
    lines.pop();
    lines.push(Line::RunFinished(RunFinished { success, benchmarks: 0, tests: None, failed: 0, error }));
    let text: String = lines.iter().map(json::line).collect();
    troubles.extend(fs::replace(&place.home.join("results.jsonl"), text.as_bytes()).err());
    if let Some(file) = &files.json {
        troubles.extend(fs::write_output(file, text.as_bytes()).err());
    }
    if let Some(name) = &args.output.save_baseline {
        troubles.extend(baseline::save(name, &place.home, &place.root, &all, &BTreeMap::new()).err());
    }
    // The program's own exit code takes precedence over errors of writing the files.
    let decides = (code == exit::OK && !troubles.is_empty()).then(|| troubles.remove(0));
    troubles.iter().for_each(|error| console::error(&error.line()));
    decides.map_or(Ok(code), Err)
}

/// The run that `--baseline` names, before anything runs.
fn base(label: &str, place: &Place) -> Result<Base> {
    if label.starts_with("git:") {
        let message =
            "--baseline git:REV is for benches; run the program in a worktree of REV with --save-baseline FILE";
        return Err(Error::usage(message));
    }
    let run = baseline::read(label, &place.home, &place.root)?;
    Ok(Base { label: label.to_owned(), run, root: place.root.clone() })
}

/// Runs a program and writes its files; returns its numbers, and the exit code.
fn one(
    ready: &Ready,
    args: &ProgramArgs,
    place: &Place,
    files: &Files,
    tables: &mut Tables,
    scratch: &Scratch,
    troubles: &mut Vec<Error>,
) -> Result<(Vec<program::Finished>, u8)> {
    let ended = run::run(ready, &args.run_options(), tables, scratch)?;
    let mut finished = finished_run(&ready.program, &args.arguments, &ended, args.record.peak);
    let mut made = (!args.record.no_profiles).then(|| profiles::make(&ended, args.output.blockprofile.is_some()));
    if let Some(made) = &mut made {
        profiles::state_accuracy(made, &finished, &place.root);
        troubles.extend(files::write(made, &ended, &place.home, &files.besides(), &mut finished));
    }
    if let Some(file) = &files.trace {
        troubles.extend(write_trace(file, &ended, &finished.target).err());
    }
    if !args.select.build.quiet {
        eprint!("{}", summary::text(&finished, made.as_ref(), args.record.temporary, &place.root));
    }
    let mut code = ended.code();
    if let (Some(limit), Some(made)) = (args.record.fail_on_leak, &made) {
        let leaked = leaks::sum(&leaks::leaks(&made.mem), Keeper::Leak).1;
        if u64::try_from(leaked).unwrap_or(0) > limit {
            let (leaked, limit) = (summary::bytes(leaked as u64), summary::bytes(limit));
            console::error(&format!("{}: {leaked} were never freed, more than {limit}", finished.name));
            code = exit::CHECK_FAILED;
        }
    }
    let mut all = vec![finished];
    for (number, child) in (1..).zip(&ended.children) {
        let program = children::named(&ready.program, number);
        let mut finished = finished_run(&program, &args.arguments, child, args.record.peak);
        finished.exit = program::Exit::Unknown;
        let made = (!args.record.no_profiles).then(|| profiles::make(child, false));
        if let Some(made) = &made {
            troubles.extend(files::write(made, child, &place.home, &[None; 3], &mut finished));
        }
        if !args.select.build.quiet {
            eprint!("{}", summary::text(&finished, made.as_ref(), args.record.temporary, &place.root));
        }
        all.push(finished);
    }
    Ok((all, code))
}

fn write_trace(file: &Path, ended: &run::Ended, program: &str) -> Result<()> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let begun_ms = since_epoch.saturating_sub(ended.wall).as_secs_f64() * 1e3;
    let span = Span { program, from: Duration::ZERO, duration: ended.wall, begun_ms };
    let header = ended.region.header();
    let modules = recorded::log(&ended.region, &header).modules;
    let (samples, waits) = (ended.samples.kept(&header, true), ended.waits.kept(&header, false));
    let trace = collect::trace(&ended.region, &modules, &ended.timeline, &samples, &waits, &span);
    fs::write_output(file, &firefox::file(&trace, file))
}

/// The files that the command line asks for.
struct Files {
    mem: Option<PathBuf>,
    cpu: Option<PathBuf>,
    block: Option<PathBuf>,
    trace: Option<PathBuf>,
    json: Option<PathBuf>,
}

impl Files {
    fn besides(&self) -> [Option<&Path>; 3] {
        [&self.mem, &self.cpu, &self.block].map(Option::as_deref)
    }

    /// # Errors
    /// One of them cannot be written: that is reported before anything is run.
    fn new(args: &OutputArgs) -> Result<Files> {
        let place = |file: &Option<PathBuf>| -> Result<Option<PathBuf>> {
            let Some(file) = file else { return Ok(None) };
            let at = args.outputdir.as_ref().map_or_else(|| file.clone(), |dir| dir.join(file));
            check_writable(&at)?;
            Ok(Some(at))
        };
        if let Some(file) = args.save_baseline.as_ref().filter(|name| !baseline::is_name(name)) {
            check_writable(Path::new(file))?;
        }
        let json = match (args.message_format.as_str(), &args.output, &args.json) {
            ("json", None, None) => {
                return Err(Error::usage("--message-format json needs -o FILE: stdout is the program's own"));
            }
            ("human", Some(_), _) => return Err(Error::usage("-o goes with --message-format json")),
            (_, output, json) => json.clone().or(output.clone()),
        };
        Ok(Files {
            mem: place(&args.memprofile)?,
            cpu: place(&args.cpuprofile)?,
            block: place(&args.blockprofile)?,
            trace: place(&args.trace)?,
            json: place(&json)?,
        })
    }
}

/// The file, or a draft beside it, can be written.
fn check_writable(path: &Path) -> Result<()> {
    fs::check_output(path)?;
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        // A device or a pipe is written to directly.
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    os::may_write_in(folder).map_err(|e| Error::file("write", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_before_the_dashes() {
        let is = |line: &str| is_meant(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(is("--bin x") && is("-q --bin=x -- a") && is("-example x") && is("--test"));
        assert!(!is("--bench x") && !is("x -- --bin y") && !is("--binx"));
    }
}
