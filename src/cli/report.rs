//! `cargo memprof report`: one page of the last run, as a file or in a browser; or the same as text.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::web;
use crate::console;
use crate::go::flags;
use crate::history::{self, FOLDER, History};
use crate::results::groups;
use crate::results::lines::{Base, Line, Run};
use crate::results::program;
use crate::session::{baseline, last_run, owner};
use crate::web::pages::{Report, file, terminal};
use crate::{Error, Result, exit, fs};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof report",
    bin_name = "cargo memprof report",
    about = "Write the last run as one self-contained HTML page: table, samples, flame graphs, source lines, differences",
    after_help = "The page needs neither network nor server: keep it as an artifact, send it, open it from disk. Its path is printed \
                  on stdout.",
    args_override_self = true
)]
pub struct ReportArgs {
    /// Open it in a browser
    #[arg(long)]
    open: bool,
    /// Write the page to FILE (`-` for stdout) instead of report.html beside results.jsonl
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print it for a terminal: the table, the samples as a line, the sites that allocate most
    #[arg(long, conflicts_with_all = ["open", "output", "http"])]
    text: bool,
    /// Compare the rows of each group to this one instead of the group's first
    #[arg(long, value_name = "VARIANT")]
    against: Option<String>,
    /// Compare with kept results
    #[arg(long, value_name = "NAME|FILE")]
    baseline: Option<String>,
    /// Show the kept runs in DIR and below it as history, instead of those in memprof/history
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// Serve it, with pprof's pages of every profile, instead of writing a file
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["open", "output"])]
    http: Option<String>,
    /// Do not open a browser for --http
    #[arg(long, alias = "no_browser", requires = "http")]
    no_browser: bool,
    /// Read the run in DIR/memprof
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Read the last run of the package or workspace of this Cargo.toml
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &flags::long_names::<ReportArgs>());
    let args = ReportArgs::parse_from(std::iter::once(OsString::from("cargo memprof report")).chain(args));
    let listening = args.http.as_deref().map(web::listen).transpose()?;
    if let Some(path) = &args.output {
        fs::check_output(path)?;
    }
    let home = home(&args)?;
    let report = load(&args, &home)?;
    if args.text {
        console::print(&terminal(&report, &root(&home)))?;
        return Ok(exit::OK);
    }
    if let Some(listening) = listening {
        web::serve_run(report, listening, !args.no_browser, &|| false)?;
        return Ok(exit::OK);
    }
    let document = file(&report).map_err(|error| Error::other(format!("cannot make the report: {error}")))?;
    if args.output.as_deref().is_some_and(is_stdout) {
        console::print(&document)?;
        return Ok(exit::OK);
    }
    let path = args.output.clone().unwrap_or_else(|| home.join("report.html"));
    fs::write_output(&path, document.as_bytes())?;
    let path = std::path::absolute(&path).unwrap_or(path);
    console::print(&format!("{}\n", path.display()))?;
    if args.open
        && let Err(error) = crate::web::server::browser::open(&path.to_string_lossy())
    {
        console::warn(&error);
    }
    Ok(exit::OK)
}

/// On stdout the page itself is printed, and not its path.
fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// `<target dir>/memprof` of the selected run.
fn home(args: &ReportArgs) -> Result<PathBuf> {
    let found = match (&args.target_dir, &args.manifest_path) {
        (Some(dir), _) => Some(dir.join("memprof")),
        (None, Some(manifest)) => {
            let manifest = std::path::absolute(manifest).map_err(|e| Error::usage(format!("--manifest-path: {e}")))?;
            manifest.parent().and_then(last_run::home_of)
        }
        (None, None) => last_run::home(),
    };
    found.ok_or_else(no_run)
}

fn no_run() -> Error {
    Error::usage(
        "there is no run to report on; make one with `cargo memprof`, or say where it is with --target-dir or --manifest-path",
    )
}

fn load(args: &ReportArgs, home: &Path) -> Result<Report> {
    let path = home.join("results.jsonl");
    let text = fs::read_text(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => no_run(),
        _ => Error::other(format!("cannot read {}: {error}", path.display())),
    })?;
    let mut run = Run::parse(&text).map_err(|error| Error::other(format!("{}: {error}", path.display())))?;
    if let Some(root) = owner::foreign_to_here(&run.started, args.manifest_path.as_deref()) {
        let what = owner::described(root);
        return Err(Error::usage(format!("{}: {what}; run `cargo memprof` here first", path.display())));
    }
    let base = match &args.baseline {
        Some(label) => Some(Base {
            label: label.clone(),
            run: baseline::read(label, home, run.started.workspace.as_ref().map_or(Path::new(""), Path::new))?,
            root: PathBuf::new(),
        }),
        None => None,
    };
    if let Some(variant) = args.against.as_deref().filter(|variant| !groups::has_variant(&run.finished, variant)) {
        console::warn(&format!("--against {variant}: no group has such a row"));
    }
    let programs = programs(&text);
    // A run of programs has pages of its own.
    if !args.text && run.finished.iter().all(|one| programs.iter().any(|program| program.name == one.name)) {
        run.finished.clear();
    }
    let mut report = Report::new(run, args.against.clone(), base);
    report.programs = programs;
    let kept = home.join(FOLDER);
    Ok(match args.history.as_deref().or_else(|| kept.is_dir().then_some(&*kept)) {
        Some(folder) => report.with_history(History::new(history::read(folder)?)),
        None => report,
    })
}

/// The whole programs of a run.
fn programs(text: &str) -> Vec<program::Finished> {
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter_map(|line| if let Line::ProgramFinished(finished) = line { Some(*finished) } else { None }).collect()
}

/// Shown paths are relative to the folder above the target directory, if it is a package's.
fn root(home: &Path) -> PathBuf {
    let home = std::path::absolute(home).unwrap_or_else(|_| home.to_owned());
    let above = home.ancestors().nth(2).filter(|folder| folder.join("Cargo.toml").is_file());
    above.map(Path::to_owned).or_else(|| std::env::current_dir().ok()).unwrap_or_default()
}
