//! `cargo memprof history`: what `--keep` kept, over commits.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use regex::Regex;
use serde_json::json;

use super::web;
use crate::go::flags;
use crate::history::{self, FOLDER, History, Series};
use crate::session::last_run;
use crate::web::pages;
use crate::{Error, Result, console, exit, fs};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof history",
    bin_name = "cargo memprof history",
    about = "Show the results that --keep kept, over commits, and the commits at which they changed",
    after_help = "Kept runs are small files in a folder: keep it as an artifact or in a cache of your CI. Folders are merged by \
                  copying, or by naming several with --from.",
    args_override_self = true
)]
pub struct HistoryArgs {
    /// Show only benchmarks whose name matches one of these regular expressions
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Show this revision and what came after it
    #[arg(long, value_name = "REV")]
    since: Option<String>,
    /// Read the kept runs in DIR and below it, instead of target/memprof/history; may be given several times
    #[arg(long, value_name = "DIR")]
    from: Vec<PathBuf>,
    /// Print in this format
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    message_format: Format,
    /// Short for --message-format json
    #[arg(long)]
    json: bool,
    /// Write it as one self-contained HTML page to FILE (`-` for stdout)
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    output: Option<PathBuf>,
    /// Serve that page instead
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["output", "json"])]
    http: Option<String>,
    /// Do not open a browser for --http
    #[arg(long, alias = "no_browser", requires = "http")]
    no_browser: bool,
    /// Read DIR/memprof/history
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Read the history of the package or workspace of this Cargo.toml
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &flags::long_names::<HistoryArgs>());
    let args = HistoryArgs::parse_from(std::iter::once(OsString::from("cargo memprof history")).chain(args));
    if let Some(path) = &args.output {
        fs::check_output(path)?;
    }
    let listening = args.http.as_deref().map(web::listen).transpose()?;
    let filters =
        args.filters.iter().map(|filter| Regex::new(filter).map_err(|e| Error::usage(format!("{filter}: {e}"))));
    let filters = filters.collect::<Result<Vec<Regex>>>()?;
    let history = load(&args)?.only(|name| filters.is_empty() || filters.iter().any(|filter| filter.is_match(name)));
    if history.series.is_empty() {
        return Err(Error::nothing_measured("no kept benchmark matches"));
    }
    if let Some(listening) = listening {
        web::serve_history(history, listening, !args.no_browser)?;
        return Ok(exit::OK);
    }
    if let Some(path) = &args.output {
        let page = pages::history::page(&history);
        if path == Path::new("-") {
            console::print(&page)?;
        } else {
            fs::write_output(path, page.as_bytes())?;
        }
        return Ok(exit::OK);
    }
    if args.json || args.message_format == Format::Json {
        console::print(&history.series.iter().map(|series| line(&history, series)).collect::<String>())?;
    } else {
        console::print(&history::text(&history))?;
    }
    Ok(exit::OK)
}

fn load(args: &HistoryArgs) -> Result<History> {
    let folder = args.manifest_path.as_deref().and_then(Path::parent);
    let folder = folder.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let home = match (&args.target_dir, folder) {
        (Some(dir), _) => Some(dir.join("memprof")),
        (None, Some(folder)) => std::path::absolute(folder).ok().and_then(|folder| last_run::home_of(&folder)),
        (None, None) => last_run::home(),
    };
    let from = match args.from.is_empty() {
        true => home.into_iter().map(|home| home.join(FOLDER)).filter(|folder| folder.is_dir()).collect(),
        false => args.from.clone(),
    };
    let mut kept = Vec::new();
    for folder in &from {
        kept.extend(history::read(folder)?);
    }
    if let Some(revision) = &args.since {
        kept = history::since(kept, revision, folder.unwrap_or(Path::new(".")))?;
    }
    if kept.is_empty() {
        return Err(Error::usage(
            "nothing is kept here; `cargo memprof --keep` keeps a run's results, --from DIR reads others",
        ));
    }
    Ok(History::new(kept))
}

/// One benchmark as a line of JSON; a point carries its commit.
fn line(history: &History, series: &Series) -> String {
    let commit = |index: usize| json!(history.commits[index]);
    let points = series.points.iter().map(|point| {
        let mut value = json!(point);
        value["commit"] = commit(point.commit);
        value
    });
    let steps = series.steps.iter().map(|step| {
        let mut value = json!(step);
        value["commit"] = commit(step.commit);
        value
    });
    format!(
        "{}\n",
        json!({ "reason": "history", "name": series.name, "points": points.collect::<Vec<_>>(), "steps": steps.collect::<Vec<_>>() })
    )
}
