//! `cargo memprof merge`: the results and profiles of several machines, joined in this target directory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::console;
use crate::formats::json;
use crate::git::short_commit;
use crate::go::flags;
use crate::results::lines::{Finished, Profiles, Run, RunStarted};
use crate::results::names;
use crate::session::{baseline, last_run};
use crate::{Error, Result, exit, fs};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof merge",
    bin_name = "cargo memprof merge",
    about = "Join the results and profiles of several machines; `check --last-run` and `pprof` then see them as one run"
)]
pub struct MergeArgs {
    /// Folders with results.jsonl and profiles/, each a copy of a machine's target/memprof
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    /// Join them in DIR/memprof
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &["target-dir".to_owned()]);
    let args = MergeArgs::parse_from(std::iter::once(OsString::from("cargo memprof merge")).chain(args));
    let home = match &args.target_dir {
        Some(dir) => dir.join("memprof"),
        None => last_run::home().unwrap_or_else(|| Path::new("target").join("memprof")),
    };
    let home = std::path::absolute(&home).map_err(|e| Error::usage(format!("--target-dir: {e}")))?;
    refuse_twice(&args.dirs)?;
    let parts = args.dirs.iter().map(|dir| read(dir)).collect::<Result<Vec<_>>>()?;
    let joined = join(&args.dirs, parts)?;
    let mut run = joined.run;
    for (finished, from) in run.finished.iter_mut().zip(&joined.from) {
        place_profiles(finished, from, &home)?;
    }
    fs::replace(&home.join("results.jsonl"), json::lines(&run).as_bytes())?;
    console::note(&format!(
        "{} of {}, joined in {}",
        counted(run.finished.len(), "benchmark"),
        counted(args.dirs.len(), "machine"),
        home.join("results.jsonl").display()
    ));
    Ok(if run.end().failed == 0 { exit::OK } else { exit::BENCH_FAILED })
}

/// `1 machine`, `2 machines`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Merging one part twice leaves another one out.
fn refuse_twice(dirs: &[PathBuf]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for dir in dirs {
        let real = dir.canonicalize().unwrap_or_else(|_| dir.clone());
        if let Some(first) = seen.insert(real, dir) {
            return Err(Error::usage(format!("{} and {} are the same folder", first.display(), dir.display())));
        }
    }
    Ok(())
}

/// The results in `dir`, or in the `memprof` folder below it.
fn read(dir: &Path) -> Result<Run> {
    let path = [dir.join("results.jsonl"), dir.join("memprof").join("results.jsonl")];
    let path = path.iter().find(|path| path.is_file()).unwrap_or(&path[0]);
    let bad = |what: String| Error::usage(format!("{}: {what}", path.display()));
    let text = fs::read_text(path).map_err(|e| bad(e.to_string()))?;
    Run::parse(&text).map_err(bad)
}

/// All results as one run, and for each finished benchmark the folder it comes from.
struct Joined {
    run: Run,
    from: Vec<PathBuf>,
}

/// In the order of declaration, whatever the order of the folders. Parts of one run are of one commit and have no benchmark in
/// common; anything else is refused.
fn join(dirs: &[PathBuf], parts: Vec<Run>) -> Result<Joined> {
    // The folders of their workspaces mean nothing here.
    let started = RunStarted { workspace: None, ..parts[0].started.clone() };
    let commits = || parts.iter().zip(dirs).filter_map(|(part, dir)| Some((part.started.commit.as_deref()?, dir)));
    if let Some((first, first_dir)) = commits().next()
        && let Some((other, dir)) = commits().find(|(commit, _)| *commit != first)
    {
        return Err(Error::usage(format!(
            "{} is of commit {}, and {} of {}; merge what was measured of one",
            first_dir.display(),
            short_commit(first),
            dir.display(),
            short_commit(other)
        )));
    }
    let (mut checks, mut tests) = (Vec::new(), Vec::new());
    let (mut finished, mut failed): (Vec<(Finished, PathBuf)>, _) = (Vec::new(), BTreeMap::new());
    let mut owner: BTreeMap<String, (usize, Finished)> = BTreeMap::new();
    for (index, part) in parts.into_iter().enumerate() {
        baseline::warn_of_differences(&dirs[index].display().to_string(), &part.started, &started);
        for one in part.finished {
            let first = owner.entry(one.name.clone()).or_insert_with(|| (index, one.clone()));
            let counts = |one: &Finished| (one.memory.allocs_per_op, one.memory.bytes_per_op);
            if first.0 != index {
                let how = if counts(&first.1) == counts(&one) { "" } else { ", with different counts" };
                return Err(Error::usage(format!(
                    "{} is in {} and in {}{how}; merge one of them only",
                    one.name,
                    dirs[first.0].display(),
                    dirs[index].display()
                )));
            }
            finished.push((one, dirs[index].clone()));
        }
        // They have the counts of more processes than the results.
        checks.extend(part.checks);
        tests.extend(part.tests);
        failed.extend(part.failed.into_iter().map(|one| (one.name.clone(), one)));
    }
    // Targets are measured by package and name.
    let place = |one: &Finished| (one.package.clone(), one.target.clone(), one.position.unwrap_or(usize::MAX));
    finished.sort_by_key(|(one, _)| place(one));
    let (finished, from) = finished.into_iter().unzip();
    let failed = failed.into_values().collect();
    Ok(Joined { run: Run { started, finished, failed, tests, checks }, from })
}

/// Copies a benchmark's profiles from the folder of its machine, and returns their new paths.
fn place_profiles(finished: &mut Finished, from: &Path, home: &Path) -> Result<()> {
    let place = Path::new("profiles").join(names::safe_path(&finished.name));
    let memprof = from.join("memprof");
    let from = if from.join("results.jsonl").is_file() { from } else { &memprof };
    let Profiles { mem, cpu, block, dhat } = &mut finished.profiles;
    for (file, path) in [("mem.prof", mem), ("cpu.prof", cpu), ("block.prof", block), ("dhat-heap.json", dhat)] {
        let source = from.join(&place).join(file);
        // Another machine's path means nothing here.
        *path = None;
        if source.is_file() {
            let at = home.join(&place).join(file);
            if source.canonicalize().ok() != at.canonicalize().ok() || !at.exists() {
                fs::copy(&source, &at)?;
            }
            *path = Some(at.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::lines::Failed;
    use crate::results::sample::finished;

    fn part(finished: Vec<Finished>) -> Run {
        let text = |text: &str| text.to_owned();
        let started = RunStarted {
            format_version: 1,
            tool: text("0.1.0"),
            rustc: text("1.95.0"),
            target: text("t"),
            profile: text("bench"),
            cpu: text("c"),
            commit: None,
            workspace: None,
        };
        Run { started, finished, ..Run::default() }
    }

    fn joined(parts: Vec<Run>) -> Result<Vec<String>> {
        let dirs: Vec<PathBuf> = (0..parts.len()).map(|i| PathBuf::from(format!("m{i}"))).collect();
        let Joined { run, from } = join(&dirs, parts)?;
        Ok(run.finished.iter().zip(from).map(|(one, from)| format!("{} {}", one.name, from.display())).collect())
    }

    #[test]
    fn parts_are_joined_by_name() {
        let a = || finished("p/t/a", 1.0, 8.0, true);
        let parts = vec![part(vec![finished("p/t/c", 1.0, 8.0, true)]), part(vec![a(), a()])];
        assert_eq!(joined(parts).unwrap(), ["p/t/c m0", "p/t/a m1", "p/t/a m1"]);
    }

    #[test]
    fn the_order_is_that_of_declaration() {
        let at = |name: &str, position| Finished { position: Some(position), ..finished(name, 1.0, 8.0, true) };
        let one = || part(vec![at("p/t/g/b", 1), at("p/u/x", 3)]);
        let two = || part(vec![at("p/t/g/z", 0), at("p/t/g/a", 2)]);
        let names = |parts| -> Vec<String> {
            joined(parts).unwrap().iter().map(|text| text.split(' ').next().unwrap().to_owned()).collect()
        };
        assert_eq!(names(vec![one(), two()]), ["p/t/g/z", "p/t/g/b", "p/t/g/a", "p/u/x"]);
        assert_eq!(names(vec![two(), one()]), names(vec![one(), two()]));
    }

    #[test]
    fn what_is_no_part_of_one_run_is_refused() {
        let of = |commit: Option<&str>| {
            let mut part = part(Vec::new());
            part.started.commit = commit.map(str::to_owned);
            part
        };
        assert!(joined(vec![of(Some("a")), of(None), of(Some("a"))]).is_ok());
        let error = joined(vec![of(None), of(Some("a")), of(Some("b"))]).unwrap_err();
        assert_eq!(error.to_string(), "m1 is of commit a, and m2 of b; merge what was measured of one");
        let folder = std::env::temp_dir();
        assert!(
            refuse_twice(&[folder.clone(), folder.join(".")]).unwrap_err().to_string().ends_with("the same folder")
        );
        assert!(refuse_twice(&[folder.clone(), folder.join("m1")]).is_ok());
    }

    #[test]
    fn one_machine_is_no_plural() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "machine")), ["0 machines", "1 machine", "2 machines"]);
    }

    #[test]
    fn a_benchmark_is_in_one_part() {
        let with = |allocs| part(vec![finished("p/t/a", allocs, 8.0, true)]);
        let error = joined(vec![with(1.0), with(1.0)]).unwrap_err();
        assert_eq!(error.to_string(), "p/t/a is in m0 and in m1; merge one of them only");
        let error = joined(vec![with(1.0), with(2.0)]).unwrap_err();
        assert_eq!(error.to_string(), "p/t/a is in m0 and in m1, with different counts; merge one of them only");
        assert_eq!(error.exit_code(), exit::USAGE);
    }

    #[test]
    fn what_failed_somewhere_failed() {
        let mut one = part(Vec::new());
        let text = || String::new();
        one.failed.push(Failed {
            name: "p/t/a".to_owned(),
            package: text(),
            target: text(),
            id: text(),
            kind: Default::default(),
            error: text(),
        });
        let joined = join(&[PathBuf::new(), PathBuf::new()], vec![part(Vec::new()), one]).unwrap();
        assert_eq!(joined.run.failed.len(), 1);
    }
}
