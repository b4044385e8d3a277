//! What a run leaves: lines and table on stdout, profiles, results.jsonl. Files appear under their names when they are whole.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::args::RunArgs;
use super::shell;
use crate::export::{json, table};
use crate::measure::{NOT_LINKED, ProfilePair};
use crate::profile::{self, Profile};
use crate::result::model::{FORMAT_VERSION, Failed, Finished, Line, RunFinished, RunStarted};
use crate::result::names;
use crate::workspace::{CargoConfig, Workspace};
use crate::{Error, Result, exit};

/// Takes results as they come.
pub struct Writer<'a> {
    args: &'a RunArgs,
    home: PathBuf,
    lines: String,
    finished: Vec<Finished>,
    failed: Vec<Failed>,
    /// --memprofile and --cpuprofile, and what goes into them.
    mem_file: Option<PathBuf>,
    cpu_file: Option<PathBuf>,
    all_mem: Vec<Profile>,
    all_cpu: Vec<Profile>,
}

impl<'a> Writer<'a> {
    pub fn new(args: &'a RunArgs, workspace: &Workspace, config: &CargoConfig) -> Result<Writer<'a>> {
        let mut writer = Writer {
            args,
            home: workspace.home.clone(),
            lines: String::new(),
            finished: Vec::new(),
            failed: Vec::new(),
            mem_file: combined_file(args, args.measure.memprofile.as_ref())?,
            cpu_file: combined_file(args, args.measure.cpuprofile.as_ref())?,
            all_mem: Vec::new(),
            all_cpu: Vec::new(),
        };
        writer.line(&Line::RunStarted(started(args, workspace, config)));
        Ok(writer)
    }

    fn line(&mut self, line: &Line) {
        let text = json::line(line);
        if self.args.json() {
            shell::print(&text);
        }
        self.lines.push_str(&text);
    }

    pub fn finished(&mut self, mut finished: Finished, profiles: ProfilePair) -> Result<()> {
        let dir = self.home.join("profiles").join(names::safe_path(&finished.name));
        for (file, profile, path, all, wanted) in [
            ("mem.prof", profiles.mem, &mut finished.profiles.mem, &mut self.all_mem, &self.mem_file),
            ("cpu.prof", profiles.cpu, &mut finished.profiles.cpu, &mut self.all_cpu, &self.cpu_file),
        ] {
            let Some(mut profile) = profile else { continue };
            std::fs::create_dir_all(&dir).map_err(|e| cannot_write(&dir, &e))?;
            let at = dir.join(file);
            write_whole(&at, &profile::write(&profile))?;
            *path = Some(at.to_string_lossy().into_owned());
            if wanted.is_some() {
                profile.set_label("benchmark", &finished.name);
                all.push(profile);
            }
        }
        self.line(&Line::BenchmarkFinished(Box::new(finished.clone())));
        self.finished.push(finished);
        Ok(())
    }

    pub fn failed(&mut self, failed: Failed) {
        // People find it in the table.
        if self.args.json() {
            shell::error(&format!("{}: {}", failed.name, failed.error));
        }
        self.line(&Line::BenchmarkFailed(failed.clone()));
        self.failed.push(failed);
    }

    /// Prints and writes what stands at the end; the exit code.
    pub fn finish(mut self) -> Result<u8> {
        self.line(&Line::RunFinished(RunFinished {
            success: self.failed.is_empty(),
            benchmarks: self.finished.len(),
            failed: self.failed.len(),
        }));
        let measure = &self.args.measure;
        if !self.args.json() {
            let against = self.args.output.against.clone();
            if let Some(variant) = against.as_deref().filter(|variant| !table::has_variant(&self.finished, variant)) {
                shell::warn(&format!(
                    "--against {variant}: no group has such a row (what is in no group is compared to nothing)"
                ));
            }
            let options = table::Options { memory: measure.benchmem, against };
            let mut text = table::render(&self.finished, &self.failed, &options);
            text.push('\n');
            shell::print(&text);
        }
        write_whole(&self.home.join("results.jsonl"), self.lines.as_bytes())?;
        for (at, profiles) in [(&self.mem_file, &self.all_mem), (&self.cpu_file, &self.all_cpu)] {
            if let Some(at) = at {
                write_whole(at, &profile::write(&together(profiles)?))?;
            }
        }
        let uncounted = self.failed.iter().any(|failed| failed.error == NOT_LINKED);
        Ok(match (self.failed.is_empty(), self.finished.is_empty() && uncounted) {
            (true, _) => exit::OK,
            (false, true) => exit::NOTHING_MEASURED,
            (false, false) => exit::BENCH_FAILED,
        })
    }
}

/// Where a profile of all benchmarks goes; said before anything is measured, where it cannot.
fn combined_file(args: &RunArgs, file: Option<&PathBuf>) -> Result<Option<PathBuf>> {
    let Some(file) = file else { return Ok(None) };
    let at = args.measure.outputdir.as_ref().map_or_else(|| file.clone(), |dir| dir.join(file));
    let folder = at.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            Err(Error::usage(format!("cannot write {}: there is no folder {}", at.display(), folder.display())))
        }
        _ => Ok(Some(at)),
    }
}

/// One profile of all; empty where there is none.
fn together(profiles: &[Profile]) -> Result<Profile> {
    match profiles {
        [] => Ok(Profile::default()),
        all => profile::merge(&all.iter().collect::<Vec<_>>()).map_err(Error::other),
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    Error::other(format!("cannot write {}: {error}", path.display()))
}

/// Under its name the file is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let write = || {
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(bytes)?;
        std::fs::rename(&draft, path)
    };
    write().map_err(|e| {
        let _ = std::fs::remove_file(&draft);
        cannot_write(path, &e)
    })
}

fn started(args: &RunArgs, workspace: &Workspace, config: &CargoConfig) -> RunStarted {
    let version = config.toolchain.version.lines().find_map(|line| line.strip_prefix("release: "));
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let commit = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(&workspace.root).output().ok();
    let commit =
        commit.filter(|out| out.status.success()).map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    RunStarted {
        format_version: FORMAT_VERSION,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: version.unwrap_or_default().to_owned(),
        target: config.platform.clone(),
        profile: args.select.profile.clone().unwrap_or_else(|| "bench".to_owned()),
        cpu: cpu.unwrap_or_default().to_owned(),
        commit,
    }
}
