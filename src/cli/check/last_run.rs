//! `check --last-run`: the results of the last run, or of `merge`, judged again. Nothing is built.

use std::collections::BTreeMap;
use std::path::Path;

use crate::check::{self, Measured};
use crate::console;
use crate::git::{head_commit, short_commit};
use crate::pprof::profile;
use crate::results::check::PlacedSite;
use crate::results::lines::{Failed, Run};
use crate::results::sites::sites;
use crate::session::writer::Writer;
use crate::session::{Session, owner};
use crate::{Error, Result, fs};

/// The results. Those of another commit say nothing about this one.
pub fn read(session: &Session) -> Result<Run> {
    let path = session.workspace.home.join("results.jsonl");
    let nothing = |why: String| Error::nothing_measured(format!("no last run: {}: {why}", path.display()));
    let text = fs::read_text(&path).map_err(|e| nothing(e.to_string()))?;
    let run = Run::parse(&text).map_err(nothing)?;
    if let Some(root) = owner::foreign(&run.started, &session.workspace.root) {
        return Err(nothing(format!("{}; run it again", owner::described(root))));
    }
    match (&run.started.commit, head_commit(&session.workspace.root)) {
        (Some(was), Some(now)) if *was != now => Err(nothing(format!(
            "it is of commit {}, and this is {}; run it again",
            short_commit(was),
            short_commit(&now)
        ))),
        _ => Ok(run),
    }
}

/// Gives `writer` the selected results of the last run.
pub fn taken_again(last: Run, session: &Session, writer: &mut Writer) -> Result<BTreeMap<String, Measured>> {
    let workspace = &session.workspace;
    let wants = |package: &str, target: &str, id: &str| {
        workspace.selects_target(package, target) && session.selection.wants(&workspace.targets, package, target, id)
    };
    writer.sites = sites_of(&last, &workspace.root);
    last.finished.into_iter().filter(|one| wants(&one.package, &one.target, &one.id)).for_each(|one| writer.take(one));
    writer.flush();
    let (of_targets, of_benchmarks): (Vec<Failed>, Vec<Failed>) =
        last.failed.into_iter().partition(|one| one.id.is_empty());
    for failed in of_benchmarks.into_iter().filter(|one| wants(&one.package, &one.target, &one.id)) {
        writer.failed(failed);
    }
    let any = !writer.run.finished.is_empty() || !writer.run.failed.is_empty();
    for failed in of_targets.into_iter().filter(|one| workspace.selects_target(&one.package, &one.target)) {
        let target = workspace.targets.iter().find(|one| one.package == failed.package && one.name == failed.target);
        // As in the run itself: a failed target that was not asked for is only a warning.
        if any && target.is_some_and(|target| !session.selection.may_mean(target)) {
            console::warn(&format!("{}: {}", failed.name, failed.error));
        } else {
            writer.failed(failed);
        }
    }
    let mut today = check::measured(&writer.run.finished, &writer.sites);
    check::widen(&mut today, &last.checks);
    Ok(today)
}

/// The sites of a finished run, from its profiles; none if they no longer exist.
pub fn sites_of(run: &Run, root: &Path) -> BTreeMap<String, Vec<PlacedSite>> {
    let of = |path: &str| profile::read(&std::fs::read(path).ok()?).ok();
    let sites = run.finished.iter().filter_map(|finished| {
        let profile = of(finished.profiles.mem.as_deref()?)?;
        Some((finished.name.clone(), sites(&profile, root, finished.memory.iterations)))
    });
    sites.collect()
}
