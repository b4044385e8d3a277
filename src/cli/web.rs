//! `-http`: the server as the commands start it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::Value;

use crate::console;
use crate::history::History;
use crate::pprof::front::config::Config;
use crate::web::pages::{Report, details, history, overview};
use crate::web::server::Address;
use crate::web::server::listen::{Listening, Options, serve};
use crate::web::server::saved::Saved;
use crate::web::server::site::{Mount, Overview, Site, Source};
use crate::{Error, Result};

/// Takes the port, before the slow work starts.
pub fn listen(address: &str) -> Result<Listening> {
    let address = Address::parse(address).map_err(Error::usage)?;
    Listening::on(address).map_err(Error::other)
}

/// Serves all benchmarks of a run until `is_over`.
pub fn serve_run(report: Report, listening: Listening, browser: bool, is_over: &dyn Fn() -> bool) -> Result<()> {
    let mut mounts = Vec::new();
    let programs = report.programs.iter().map(|program| (&program.profiles, &program.name));
    for (number, (of, name)) in
        report.rows.iter().map(|row| &row.profiles).zip(&report.short).chain(programs).enumerate()
    {
        let profiles = [("memory", "mem", &of.mem), ("CPU", "cpu", &of.cpu)];
        let there: Vec<_> =
            profiles.into_iter().filter_map(|(name, kind, path)| Some((name, kind, path.as_ref()?))).collect();
        let siblings: Vec<(String, String)> =
            there.iter().map(|(name, kind, _)| ((*name).to_owned(), prefix(number, kind))).collect();
        for (_, kind, path) in there {
            mounts.push(Mount {
                prefix: prefix(number, kind),
                profile: Source::File(PathBuf::from(path)),
                config: Config::default(),
                name: name.clone(),
                siblings: siblings.clone(),
            });
        }
    }
    let run = RunPages { report, made: Mutex::default() };
    serve_pages(Box::new(run), mounts, listening, browser, is_over)
}

/// Serves the history until it is interrupted.
pub fn serve_history(history: History, listening: Listening, browser: bool) -> Result<()> {
    serve_pages(Box::new(HistoryPage(history)), Vec::new(), listening, browser, &|| false)
}

fn serve_pages(
    overview: Box<dyn Overview>,
    mounts: Vec<Mount>,
    listening: Listening,
    browser: bool,
    is_over: &dyn Fn() -> bool,
) -> Result<()> {
    let site = Site::of_run(overview, mounts, Saved::of_user());
    let options = Options { browser, is_over, say: &mut |text| console::note(text) };
    serve(site, listening, options).map_err(Error::other)
}

fn prefix(number: usize, kind: &str) -> String {
    format!("/p/{number}/{kind}")
}

/// Benchmarks whose data is kept: going back and forth is quick, and memory is bounded.
const KEPT: usize = 8;

struct RunPages {
    report: Report,
    made: Mutex<HashMap<usize, Value>>,
}

impl Overview for RunPages {
    fn title(&self) -> String {
        self.report.title()
    }

    fn run(&self) -> Value {
        let pages = |number: usize, kind: &str| {
            let rows = &self.report.rows;
            let profiles = match rows.get(number) {
                Some(row) => &row.profiles,
                None => &self.report.programs[number - rows.len()].profiles,
            };
            let path = if kind == "cpu" { &profiles.cpu } else { &profiles.mem };
            path.as_ref().map(|_| format!("{}/ui/flamegraph", prefix(number, kind).trim_start_matches('/')))
        };
        overview(&self.report, &pages)
    }

    fn benchmark(&self, number: usize) -> Option<Value> {
        if number >= self.report.rows.len() + self.report.programs.len() {
            return None;
        }
        if let Some(known) = self.made.lock().ok().and_then(|made| made.get(&number).cloned()) {
            return Some(known);
        }
        let value = details(&self.report, number);
        // A missing profile may come back, so a failed answer is not kept.
        let is_whole = ["mem", "cpu"].iter().all(|kind| value[kind]["error"].is_null());
        if is_whole && let Ok(mut made) = self.made.lock() {
            if made.len() >= KEPT {
                made.clear();
            }
            made.insert(number, value.clone());
        }
        Some(value)
    }
}

struct HistoryPage(History);

impl Overview for HistoryPage {
    fn title(&self) -> String {
        history::TITLE.to_owned()
    }

    fn island(&self) -> &'static str {
        history::ISLAND
    }

    fn run(&self) -> Value {
        history::data(&self.0)
    }

    fn benchmark(&self, _: usize) -> Option<Value> {
        None
    }
}
