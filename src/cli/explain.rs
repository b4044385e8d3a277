//! `cargo memprof explain`: why each benchmark allocates, and what would stop it.
//!
//! What is asked for is measured anew, with the lives of all blocks and without any timing; the explanation is kept beside
//! mem.prof, for `--last-run` and for whoever shows it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::console;
use crate::explain::{self, Change, Explanation, PROFILE, SIDECAR, Surroundings};
use crate::formats::json;
use crate::go::flags;
use crate::measure::{self, Explained};
use crate::pprof::profile::{self, Profile};
use crate::results::lines::{Failed, Run};
use crate::results::names;
use crate::session::Session;
use crate::session::baseline::{self, Base};
use crate::session::options::RunArgs;
use crate::{Error, Result, exit, fs};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof explain",
    bin_name = "cargo memprof explain",
    about = "Why each benchmark allocates, and what would stop it",
    after_help = EXPLAIN,
    args_override_self = true
)]
pub struct ExplainArgs {
    /// Run nothing: show what was explained last
    #[arg(long)]
    pub last_run: bool,
    /// Which functions allocate more or less than in kept results
    #[arg(long, value_name = "NAME|FILE|git:REV")]
    pub diff: Option<String>,
    #[command(flatten)]
    pub run: RunArgs,
}

const EXPLAIN: &str = "\
Each benchmark is run again, counted and not timed, and each of its blocks is followed: how it was asked for, how it grew, who
freed it and when. What is said comes from that and from the functions between your line and the allocator; a remedy stands
only where all of its evidence was seen, with the change that it would make, per operation. The explanation is kept as
explain.json beside mem.prof until the benchmark is measured again.

-v names every site, with its functions down to the allocator. --message-format is human or json.";

/// One line of the output; the first kind is what the sidecar holds, too.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    Explain(Box<Explanation>),
    ExplainDiff { name: String, changes: Vec<Change> },
    BenchmarkFailed(Failed),
}

pub fn run(words: &[OsString]) -> Result<u8> {
    let words = flags::to_two_dashes(words, &flags::long_names::<ExplainArgs>());
    let args = ExplainArgs::parse_from(std::iter::once(OsString::from("cargo memprof explain")).chain(words.clone()));
    if !matches!(args.run.format().name(), "human" | "json") {
        return Err(Error::usage("explain speaks --message-format human and json only"));
    }
    let mut session = Session::open(&args.run)?;
    let base = baseline::load(args.diff.as_ref(), &words, &session)?;
    let all = if args.last_run { last_run(&session, args.diff.is_some())? } else { measured(&mut session)? };
    if all.is_empty() {
        // Where nothing had matched there would have been an error before.
        let message = "nothing to explain; why is noted above".to_owned();
        return Err(Error::nothing_measured(message));
    }
    let short = short_names(all.iter().flatten().map(|one| one.explanation.name.as_str()));
    let shown = Shown { session: &session, base, short };
    let mut failures = 0;
    for (index, one) in all.into_iter().enumerate() {
        match one {
            Ok(one) => shown.one(&one, index)?,
            Err(failed) => {
                failures += 1;
                console::error(&format!("{}: {}", failed.name, failed.error));
                shown.line(&Line::BenchmarkFailed(failed))?;
            }
        }
    }
    Ok(if failures == 0 { exit::OK } else { exit::BENCH_FAILED })
}

/// The shortest unambiguous names, by full name.
fn short_names<'a>(full: impl Iterator<Item = &'a str>) -> HashMap<String, String> {
    let full: Vec<&str> = full.collect();
    let ids: Vec<&str> = full.iter().map(|name| name.splitn(3, '/').nth(2).unwrap_or(name)).collect();
    full.iter().map(|name| (*name).to_owned()).zip(names::shortest(&full, &ids)).collect()
}

/// An explanation, with the profile that a baseline's is compared to.
struct One {
    explanation: Explanation,
    profile: Profile,
    iterations: u64,
}

type Outcome = std::result::Result<One, Failed>;

/// Measures what is selected.
fn measured(session: &mut Session) -> Result<Vec<Outcome>> {
    session.counted_iterations = iterations_of_last_run(session);
    let build = session.build()?;
    let listing = session.list(&build)?;
    let mut outcomes: Vec<Outcome> = listing.failed.iter().cloned().map(Err).collect();
    let sources = Sources::default();
    let read = |file: &str, line: u32| sources.line(file, line);
    let options = session.pass_options();
    session.progress.expect(listing.benchmarks() as u64);
    for suite in &listing.suites {
        if suite.whole_process {
            let target = suite.target();
            console::note(&format!(
                "{}/{}: not explained, for its operations cannot be told apart",
                target.package, target.name
            ));
            continue;
        }
        for outcome in measure::explain(suite, &mut session.measuring(&options))? {
            let around = Surroundings { root: session.workspace.root.clone(), source: &read };
            outcomes.push(match outcome {
                Ok(explained) => Ok(keep(explained, session, &around)?),
                Err(failed) => Err(failed),
            });
        }
    }
    session.progress.pause();
    session.interrupt.check()?;
    Ok(outcomes)
}

/// Explains, and keeps it for later.
fn keep(explained: Explained, session: &Session, around: &Surroundings) -> Result<One> {
    let Explained { name, memory, recording, profile } = explained;
    let explanation = explain::explain(&name, &memory, &recording, around);
    let at = sidecar(&session.workspace.home, &name);
    let line = json::line(&Line::Explain(Box::new(explanation.clone())));
    fs::replace(&at.with_file_name(PROFILE), &profile::write(&profile))?;
    fs::replace(&at, line.as_bytes())?;
    Ok(One { explanation, profile, iterations: memory.iterations })
}

fn sidecar(home: &Path, name: &str) -> PathBuf {
    home.join("profiles").join(names::safe_path(name)).join(SIDECAR)
}

/// As many as the last run counted: then the numbers are the same.
fn iterations_of_last_run(session: &Session) -> HashMap<String, u64> {
    let run = read_results(&session.workspace.home).unwrap_or_default();
    run.into_iter().map(|one| (one.name, one.memory.iterations)).collect()
}

fn read_results(home: &Path) -> Option<Vec<crate::results::lines::Finished>> {
    let text = std::fs::read_to_string(home.join("results.jsonl")).ok()?;
    Some(Run::parse(&text).ok()?.finished)
}

/// What was explained before, of the benchmarks that are asked for; with the profiles of it where they are needed.
fn last_run(session: &Session, profiles: bool) -> Result<Vec<Outcome>> {
    let home = &session.workspace.home;
    let mut files = Vec::new();
    find_sidecars(&home.join("profiles"), &mut files);
    sort_as_explained(&mut files);
    let mut outcomes = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file)?;
        let Ok(Line::Explain(explanation)) = serde_json::from_str(&text) else {
            console::warn(&format!("{} is of another version; `cargo memprof explain` makes it anew", file.display()));
            continue;
        };
        if !wanted(&explanation.name, session) {
            continue;
        }
        let profile = if profiles { kept_profile(&file.with_file_name(PROFILE))? } else { Profile::default() };
        let iterations = explanation.iterations;
        outcomes.push(Ok(One { explanation: *explanation, profile, iterations }));
    }
    if outcomes.is_empty() {
        let found = if files.is_empty() { "nothing was explained" } else { "nothing that is asked for was explained" };
        let message = format!("{found} since the last run; leave --last-run out to measure");
        return Err(Error::nothing_measured(message));
    }
    Ok(outcomes)
}

/// In the order in which they were written, which is the one that they were shown in.
fn sort_as_explained(files: &mut [PathBuf]) {
    let written = |file: &PathBuf| file.metadata().and_then(|about| about.modified()).ok();
    files.sort_by_cached_key(|file| (written(file), file.clone()));
}

/// The profile of what was explained before.
fn kept_profile(path: &Path) -> Result<Profile> {
    let wrong = |why: String| {
        Error::other(format!("cannot read {}: {why}; leave --last-run out to measure anew", path.display()))
    };
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    profile::read(&bytes).map_err(|error| wrong(error.to_string()))
}

/// Whether a full name is asked for.
fn wanted(name: &str, session: &Session) -> bool {
    session.workspace.targets.iter().any(|target| {
        let id = name.strip_prefix(&format!("{}/{}/", target.package, target.name));
        id.is_some_and(|id| session.selection.wants(&session.workspace.targets, &target.package, &target.name, id))
    })
}

fn find_sidecars(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find_sidecars(&path, found);
        } else if path.ends_with(SIDECAR) {
            found.push(path);
        }
    }
}

/// The output.
struct Shown<'a> {
    session: &'a Session<'a>,
    base: Option<Base>,
    /// By full name.
    short: HashMap<String, String>,
}

impl Shown<'_> {
    /// What people call it; JSON has the full name.
    fn short<'a>(&'a self, name: &'a str) -> &'a str {
        self.short.get(name).map_or(name, String::as_str)
    }

    fn line(&self, line: &Line) -> Result<()> {
        if self.session.args.format().is_stream() { console::print(&json::line(line)) } else { Ok(()) }
    }

    fn one(&self, one: &One, index: usize) -> Result<()> {
        let human = !self.session.args.format().is_stream();
        if human && index > 0 {
            console::print("\n")?;
        }
        let root = &self.session.workspace.root;
        let Some(base) = &self.base else {
            if human {
                console::print(&explain::text(
                    &one.explanation,
                    self.short(&one.explanation.name),
                    root,
                    self.session.args.select.verbose > 0,
                ))?;
            }
            return self.line(&Line::Explain(Box::new(one.explanation.clone())));
        };
        let name = &one.explanation.name;
        let Some(changes) = self.changes(one, base)? else {
            console::warn(&format!("{name} is not in {}, or without a profile", base.label));
            return Ok(());
        };
        if human {
            console::print(&explain::diff_text(self.short(name), &base.label, &changes, root))?;
        }
        self.line(&Line::ExplainDiff { name: name.clone(), changes })
    }

    /// `None` where the baseline has no such profile.
    fn changes(&self, one: &One, base: &Base) -> Result<Option<Vec<Change>>> {
        let was = base.run.finished.iter().rev().find(|finished| finished.name == one.explanation.name);
        let Some((was, path)) = was.and_then(|was| Some((was, was.profiles.mem.as_ref()?))) else { return Ok(None) };
        let profile = profile::read(&fs::read(path)?).map_err(|e| Error::other(format!("{path}: {e}")))?;
        let now = (&one.profile, one.iterations, &*self.session.workspace.root);
        Ok(Some(explain::diff((&profile, was.memory.iterations, &base.root), now)))
    }
}

/// Lines of source files, each file read once.
#[derive(Default)]
struct Sources {
    files: std::cell::RefCell<HashMap<String, Option<Vec<String>>>>,
}

impl Sources {
    fn line(&self, file: &str, line: u32) -> Option<String> {
        let mut files = self.files.borrow_mut();
        let lines = files
            .entry(file.to_owned())
            .or_insert_with(|| Some(std::fs::read_to_string(file).ok()?.lines().map(str::to_owned).collect()));
        lines.as_ref()?.get((line as usize).checked_sub(1)?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the table, not those of results.jsonl.
    #[test]
    fn names_are_as_short_as_in_the_table() {
        let short = short_names(["p/a/wait/lock", "p/a/sum", "p/b/sum"].into_iter());
        assert_eq!((&*short["p/a/wait/lock"], &*short["p/a/sum"], &*short["p/b/sum"]), ("wait/lock", "a/sum", "b/sum"));
    }

    #[test]
    fn what_was_explained_before_comes_in_the_order_of_then() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, seconds: u64| {
            let path = folder.path().join(name);
            let file = std::fs::File::create(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
            path
        };
        let (last, first, middle) = (written("a", 30), written("b", 10), written("c", 20));
        let mut files = vec![last.clone(), first.clone(), middle.clone()];
        sort_as_explained(&mut files);
        assert_eq!(files, [first, middle, last]);
    }
}
