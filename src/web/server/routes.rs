//! pprof's pages for one profile: turns a request into the page's data.

use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::query::{self, Query};
use crate::pprof::front::arguments::Invocation;
use crate::pprof::front::command;
use crate::pprof::front::config::Config;
use crate::pprof::front::fetch::Loaded;
use crate::pprof::front::generate::{prepare, render};
use crate::pprof::graph::{NodeInfo, location_infos};
use crate::pprof::reports::report::Report;
use crate::web::views::{flame, graph, source, top};

/// Rows of the table.
const TOP_ROWS: i64 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Flamegraph,
    Graph,
    Top,
    Peek,
    Source,
    Disasm,
}

impl Page {
    pub const ALL: [Page; 6] = [Page::Flamegraph, Page::Graph, Page::Top, Page::Peek, Page::Source, Page::Disasm];

    /// Its name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Page::Flamegraph => "flamegraph",
            Page::Graph => "graph",
            Page::Top => "top",
            Page::Peek => "peek",
            Page::Source => "source",
            Page::Disasm => "disasm",
        }
    }

    /// The command whose report it shows, with an argument from `f` for some.
    fn invocation(self, query: &Query) -> Option<Invocation> {
        let (name, has_argument) = match self {
            Page::Flamegraph | Page::Graph => ("svg", false),
            Page::Top => ("top", false),
            Page::Peek => ("peek", true),
            Page::Source => ("weblist", true),
            Page::Disasm => ("disasm", true),
        };
        let argument = has_argument.then(|| query.get("f").to_owned());
        Some(Invocation { command: command::find(name)?, argument })
    }
}

/// A page's content.
#[derive(Debug)]
pub struct Shown {
    /// The main executable's name.
    pub file: String,
    /// File and sample type.
    pub title: String,
    /// Values have been divided by the iterations.
    pub per_op: bool,
    /// The sample type on show.
    pub sample_type: String,
    /// The details box, line by line.
    pub legend: Vec<String>,
    /// Warnings about a request that was answered all the same.
    pub errors: Vec<String>,
    /// The view, as JSON: tens of megabytes, so it is serialised only once.
    pub data: Box<RawValue>,
}

fn raw(view: &impl Serialize) -> Result<Box<RawValue>, String> {
    to_raw_value(view).map_err(|error| error.to_string())
}

/// The most callers and callees that peek may list; far more than anybody reads.
const MAX_EDGES: usize = 2_000_000;

/// An error if peek would list more, for example for all functions of a profile with millions of stacks.
fn expect_readable(report: &Report) -> Result<(), String> {
    let apart = report.frames_apart();
    if apart <= MAX_EDGES / 2 {
        return Ok(());
    }
    let infos = location_infos(&report.profile);
    let is_match =
        |info: &&NodeInfo| report.choices.symbol.as_ref().is_none_or(|symbol| symbol.matches(&info.printable));
    let matched = infos.iter().flatten().filter(is_match).count();
    // Each frame is called and calls; matching frames are assumed to occur as often as others.
    let edges = 2.0 * apart as f64 * matched as f64 / infos.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    if edges > MAX_EDGES as f64 {
        return Err(format!("{matched} frames match, with more callers and callees than a page can hold; match fewer"));
    }
    Ok(())
}

/// Answers `query` for `page`; the error is the message for the client.
pub fn show(page: Page, loaded: Loaded, base: &Config, query: &Query) -> Result<Shown, String> {
    let mut config = base.clone();
    query::apply(query, &mut config)?;
    match page {
        Page::Top => config.nodecount = TOP_ROWS,
        Page::Peek => config.granularity = "lines".into(),
        Page::Flamegraph => {
            config.call_tree = true;
            config.trim = false;
            if config.granularity.is_empty() {
                config.granularity = "filefunctions".into();
            }
        }
        Page::Graph | Page::Source | Page::Disasm => {}
    }
    let invocation = page.invocation(query).ok_or("there is no such report")?;
    let mut errors = Vec::new();
    let mut report = prepare(loaded, &invocation, &config, &mut |error| errors.push(error.to_owned()))?;
    let (data, legend) = match page {
        Page::Top => {
            let (table, legend) = top::top(&mut report);
            (raw(&table)?, legend)
        }
        Page::Flamegraph => (raw(&flame::flame(&report))?, report.labels_of_all()),
        Page::Graph => {
            let (picture, legend) = graph::picture(&mut report)?;
            (raw(&picture)?, legend)
        }
        Page::Peek => {
            expect_readable(&report)?;
            let text =
                String::from_utf8_lossy(&render(&mut report, &mut |error| errors.push(error.to_owned()))?).into_owned();
            (raw(&json!({ "text": text }))?, report.profile_labels())
        }
        Page::Source => (raw(&source::listing(&report)?)?, report.profile_labels()),
        Page::Disasm => {
            // The first line is pprof's message when it finds no instructions; the second line is ours.
            return Err(format!(
                "no matches found for regexp {}\nthere is no disassembler here; the source page shows the lines",
                query.get("f")
            ));
        }
    };
    let title = &report.choices.title;
    let file = if title.is_empty() { "unknown" } else { title };
    let kind = &report.choices.sample_type;
    let sample_type = report
        .profile
        .sample_types
        .get(report.choices.value_index)
        .map(|kind| kind.kind.to_string())
        .unwrap_or_default();
    let short = |text: &str| text.chars().take(300).collect::<String>();
    let title = short(&format!("{file} {kind}"));
    let (file, per_op) = (short(file), report.choices.fixed_point != 0.0);
    Ok(Shown { file, title, per_op, sample_type, legend, errors, data })
}
