//! `cargo memprof explain`: why each benchmark allocates, and what would stop it.
//!
//! The session records the selected benchmarks; this file prints the explanations, or their differences from a baseline.

use std::collections::HashMap;
use std::ffi::OsString;

use clap::Parser;
use serde::Serialize;

use super::{explain_program, program};
use crate::console;
use crate::explain::{self, Change, Explanation};
use crate::formats::json;
use crate::go::flags;
use crate::pprof::profile;
use crate::results::lines::Failed;
use crate::results::names;
use crate::session::Session;
use crate::session::baseline::{self, Base};
use crate::session::explanations::Explained;
use crate::session::options::RunArgs;
use crate::{Error, Result, exit, fs};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof explain",
    bin_name = "cargo memprof explain",
    about = "Say why each benchmark allocates, and what would stop it",
    after_help = EXPLAIN,
    args_override_self = true
)]
pub struct ExplainArgs {
    /// Show the last explanation again, and run nothing
    #[arg(long)]
    pub last_run: bool,
    /// Show which functions allocate more or less than in kept results
    #[arg(long, value_name = "NAME|FILE|git:REV")]
    pub diff: Option<String>,
    #[command(flatten)]
    pub run: RunArgs,
}

const EXPLAIN: &str = "\
Each benchmark runs again, counted and not timed, and each of its blocks is followed: how it was requested, how it grew, where
it was freed and when. The explanation rests on that and on the functions between your line and the allocator. A remedy is
shown only if all of its evidence was seen, with the change per operation that it would make. The explanation is kept as
explain.json beside mem.prof until the benchmark is measured again.

--bin NAME, --example NAME and --test NAME explain a whole program, per run (`cargo memprof explain --bin NAME --help`).

-v names every site, with its functions down to the allocator. --message-format is human or json.";

/// One line of the output.
#[derive(Debug, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    Explain(Box<Explanation>),
    ExplainDiff { name: String, changes: Vec<Change> },
    BenchmarkFailed(Failed),
}

pub fn run(words: &[OsString]) -> Result<u8> {
    if program::is_meant(words) {
        return explain_program::run(words);
    }
    let words = flags::to_two_dashes(words, &flags::long_names::<ExplainArgs>());
    let args = ExplainArgs::parse_from(std::iter::once(OsString::from("cargo memprof explain")).chain(words.clone()));
    if !matches!(args.run.format().name(), "human" | "json") {
        return Err(Error::usage("explain speaks --message-format human and json only"));
    }
    let mut session = Session::open(&args.run)?;
    let base = baseline::load(args.diff.as_ref(), &words, &mut session)?;
    let all = match args.last_run {
        true => session.explained_before(args.diff.is_some())?,
        false => session.explain()?,
    };
    if all.is_empty() {
        // If nothing had matched, there would have been an error before.
        let message = "nothing to explain; the notes above say why".to_owned();
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

/// The output.
struct Shown<'a> {
    session: &'a Session<'a>,
    base: Option<Base>,
    /// By full name.
    short: HashMap<String, String>,
}

impl Shown<'_> {
    /// The short name for people; JSON has the full one.
    fn short<'a>(&'a self, name: &'a str) -> &'a str {
        self.short.get(name).map_or(name, String::as_str)
    }

    fn line(&self, line: &Line) -> Result<()> {
        if self.session.args.format().is_stream() { console::print(&json::line(line)) } else { Ok(()) }
    }

    fn one(&self, one: &Explained, index: usize) -> Result<()> {
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
                    self.session.args.select.build.verbose > 0,
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

    /// `None` if the baseline has no such profile.
    fn changes(&self, one: &Explained, base: &Base) -> Result<Option<Vec<Change>>> {
        let was = base.run.finished.iter().rev().find(|finished| finished.name == one.explanation.name);
        let Some((was, path)) = was.and_then(|was| Some((was, was.profiles.mem.as_ref()?))) else { return Ok(None) };
        let profile = profile::read(&fs::read(path)?).map_err(|e| Error::other(format!("{path}: {e}")))?;
        let now = (&one.profile, one.iterations, &*self.session.workspace.root);
        Ok(Some(explain::diff((&profile, was.memory.iterations, &base.root), now)))
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
}
