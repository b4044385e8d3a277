//! The last run's results, found without asking cargo: `pprof` answers in milliseconds.

use std::path::{Path, PathBuf};

use super::owner;
use crate::results::lines::{Line, Profiles, Run};
use crate::results::names;
use crate::{Error, Result, fs};

/// `<target dir>/memprof`: below CARGO_TARGET_DIR, or in the nearest `target` of this folder and those above it.
pub fn home() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("CARGO_TARGET_DIR").or_else(|| std::env::var_os("CARGO_BUILD_TARGET_DIR")) {
        return Some(Path::new(&dir).join("memprof"));
    }
    home_of(&std::env::current_dir().ok()?)
}

/// The same for `folder`, without looking at the environment.
pub fn home_of(folder: &Path) -> Option<PathBuf> {
    let configured = cargo_config2::Config::load_with_cwd(folder).ok().and_then(|config| config.build.target_dir);
    if let Some(dir) = configured {
        return Some(dir.join("memprof"));
    }
    folder.ancestors().map(|dir| dir.join("target").join("memprof")).find(|home| home.is_dir())
}

/// The last run, if there is one.
fn last_run() -> Option<Run> {
    Run::parse(&last_results()?).ok()
}

fn last_results() -> Option<String> {
    fs::read_text(home()?.join("results.jsonl")).ok()
}

/// The profiles of the benchmarks, tests and programs in a run's results, by name.
fn profiles(run: &Run, results: &str) -> Vec<(String, Profiles)> {
    let programs = results.lines().filter(|line| line.contains("program-finished"));
    let programs = programs.filter_map(|line| match serde_json::from_str(line) {
        Ok(Line::ProgramFinished(finished)) => Some((finished.name, finished.profiles)),
        _ => None,
    });
    let benchmarks = run.finished.iter().map(|finished| (finished.name.clone(), finished.profiles.clone()));
    let tests = run.tests.iter().map(|test| (test.name.clone(), test.profiles.clone()));
    benchmarks.chain(tests).chain(programs).collect()
}

/// A message that the last run is of another workspace, if it is.
fn foreign(run: &Run) -> Option<Error> {
    let root = owner::foreign_to_here(&run.started, None)?;
    Some(Error::usage(format!("this is not the workspace of the last run: {}", owner::described(root))))
}

/// A name, and the kind of profile behind it. An id may end like a kind as well.
fn with_kind<'a>(name: &'a str, all: &[&str]) -> (&'a str, &'a str) {
    match name.rsplit_once(':') {
        Some((rest, kind @ ("cpu" | "mem" | "block"))) if names::find(all, name).is_empty() => (rest, kind),
        _ => (name, "mem"),
    }
}

/// The profile that `name` means: any unambiguous suffix of the full name of a benchmark, a test or a program, with `:cpu`,
/// `:block` or `:mem` behind it. `None` if none has that name.
pub fn profile(name: &str) -> Option<Result<PathBuf>> {
    let results = last_results()?;
    let run = Run::parse(&results).ok()?;
    let profiles = profiles(&run, &results);
    let all: Vec<&str> = profiles.iter().map(|(name, _)| name.as_str()).collect();
    let (name, kind) = with_kind(name, &all);
    let mut found = names::find(&all, name);
    found.dedup();
    if !found.is_empty()
        && let Some(error) = foreign(&run)
    {
        return Some(Err(error));
    }
    match found[..] {
        [] => None,
        [one] => {
            // The last of several measurements wrote the profile.
            let profiles = profiles.iter().rev().find(|(name, _)| name == one).map(|(_, profiles)| profiles)?;
            let path = match kind {
                "cpu" => &profiles.cpu,
                "block" => &profiles.block,
                _ => &profiles.mem,
            };
            Some(match path {
                Some(path) => Ok(PathBuf::from(path)),
                None if kind == "block" => {
                    Err(Error::usage(format!("{one} has no block.prof; --blockprofile FILE makes one")))
                }
                None if kind == "mem" && run.tests.iter().any(|test| test.name == *one) => {
                    Err(Error::usage(format!("{one} has no mem.prof; `cargo memprof test --profiles` makes one")))
                }
                None if run.tests.iter().any(|test| test.name == *one) => {
                    Err(Error::usage(format!("{one} has no {kind}.prof; tests have mem.prof only")))
                }
                None => Err(Error::usage(format!("{one} has no {kind}.prof; it was measured with --no-profiles"))),
            })
        }
        _ => Some(Err(Error::usage(format!("{name} may be any of: {}", names::one_line(&found.join(", ")))))),
    }
}

/// The benchmark of a profile that was asked for as `source`: by a benchmark's name, or as a file where runs keep them.
pub fn benchmark_of(source: &str) -> Option<String> {
    let path = Path::new(source);
    if !path.exists() {
        return profile(source)?.is_ok().then(|| source.to_owned());
    }
    let path = std::path::absolute(path).ok()?;
    let folder = path.parent()?.to_str()?;
    let (_, name) = folder.split_once("/memprof/profiles/")?;
    // Without the package, as the table has it.
    Some(name.split_once('/').map_or(name, |(_, name)| name).to_owned())
}

/// A hint if `name` is neither a file nor a benchmark: the benchmarks and tests of the last run. `None` if there was no run, or
/// if the name can only be meant as a file.
pub fn other_names(name: &str) -> Option<String> {
    const MOST: usize = 5;
    if Path::new(name).exists() || name.ends_with(".prof") || name.ends_with(".gz") || profile(name).is_some() {
        return None;
    }
    let run = last_run()?;
    if let Some(root) = owner::foreign_to_here(&run.started, None) {
        return Some(format!("nor can the last run be looked at: {}", owner::described(root)));
    }
    let benchmarks = run.finished.iter().map(|finished| finished.name.as_str());
    let what = if run.finished.is_empty() { "test" } else { "benchmark" };
    let mut all: Vec<&str> = benchmarks.chain(run.tests.iter().map(|test| test.name.as_str())).collect();
    all.dedup();
    let (first, rest) = all.split_at(all.len().min(MOST));
    let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
    let first = names::one_line(&first.join(", ")).into_owned();
    (!all.is_empty()).then(|| format!("nor is it a {what} of the last run, which has {first}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_end_like_a_kind() {
        let all = ["p/t/a", "p/t/a:cpu"];
        let parts = ["a", "a:mem", "a:cpu", "a:cpu:cpu", "a:none"].map(|name| with_kind(name, &all));
        assert_eq!(parts, [("a", "mem"), ("a", "mem"), ("a:cpu", "mem"), ("a:cpu", "cpu"), ("a:none", "mem")]);
    }

    #[test]
    fn a_profile_says_whose_it_is_by_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("target/memprof/profiles/p/pool/write/a");
        std::fs::create_dir_all(&place).unwrap();
        let path = place.join("mem.prof");
        std::fs::write(&path, "").unwrap();
        assert_eq!(benchmark_of(path.to_str().unwrap()).as_deref(), Some("pool/write/a"));
        assert_eq!(benchmark_of(folder.path().to_str().unwrap()), None);
        assert_eq!(benchmark_of("http://localhost:1/debug/pprof/heap"), None);
    }
}
