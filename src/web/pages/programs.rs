//! The details of a whole program: its profiles, and its timeline in columns.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::details::profile;
use crate::pprof::profile::read;
use crate::programs::leaks::{self, Keeper};
use crate::results::program::{Finished, TEMPORARIES};
use crate::web::views::{origin, short_names};

/// As timeline.json has it.
#[derive(Deserialize)]
struct Timeline {
    wall_ns: u64,
    threads: BTreeMap<String, String>,
    sites: Vec<Vec<String>>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    at_ns: u64,
    live_bytes: u64,
    allocs: u64,
    #[serde(default)]
    threads: Vec<(u32, u64)>,
    #[serde(default)]
    sites: Vec<(u64, u64)>,
}

pub fn program(finished: &Finished) -> Value {
    let of = |path: &Option<String>| path.as_ref().map_or(Value::Null, |path| profile(Path::new(path), None));
    let temporaries = finished.profiles.mem.as_ref().map(|mem| Path::new(mem).with_file_name(TEMPORARIES));
    json!({
        "mem": of(&finished.profiles.mem),
        "cpu": of(&finished.profiles.cpu),
        "temporary": temporaries.filter(|path| path.is_file()).map(|path| profile(&path, None)),
        "leaks": finished.profiles.mem.as_ref().and_then(|mem| kept(Path::new(mem))),
        "timeline": finished.timeline.as_ref().map(|path| timeline(Path::new(path))),
    })
}

/// Blocks and bytes that were never freed, by what keeps them.
fn kept(mem: &Path) -> Option<Value> {
    let leaks = leaks::leaks(&read(&std::fs::read(mem).ok()?).ok()?);
    let keepers =
        [Keeper::Leak, Keeper::Static, Keeper::Std].map(|keeper| (keeper.words(), leaks::sum(&leaks, keeper)));
    let there = keepers.into_iter().filter(|(_, (blocks, _))| *blocks != 0);
    Some(there.map(|(keeper, (blocks, bytes))| json!({ "keeper": keeper, "blocks": blocks, "bytes": bytes })).collect())
}

fn timeline(path: &Path) -> Value {
    let read = std::fs::read(path).map_err(|error| error.to_string());
    let read = read.and_then(|bytes| serde_json::from_slice::<Timeline>(&bytes).map_err(|error| error.to_string()));
    let timeline = match read {
        Ok(timeline) => timeline,
        Err(error) => return json!({ "error": format!("{}: {error}", path.display()) }),
    };
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sources = Vec::new();
    let sites: Vec<Vec<usize>> = timeline
        .sites
        .iter()
        .map(|stack| {
            let number = |frame| {
                *known.entry(frame).or_insert_with(|| {
                    sources.push(source(frame));
                    sources.len() - 1
                })
            };
            stack.iter().map(String::as_str).map(number).collect()
        })
        .collect();
    let column = |of: fn(&Step) -> u64| timeline.steps.iter().map(of).collect::<Vec<_>>();
    let threads = timeline.threads.iter().map(|(id, name)| {
        let number: u32 = id.parse().unwrap_or_default();
        let cpu = |step: &Step| step.threads.iter().find(|(thread, _)| *thread == number).map(|(_, ns)| *ns);
        json!({ "id": number, "name": name, "cpu": timeline.steps.iter().map(cpu).collect::<Vec<_>>() })
    });
    json!({
        "wall": timeline.wall_ns,
        "at": column(|step| step.at_ns),
        "live": column(|step| step.live_bytes),
        "allocs": column(|step| step.allocs),
        "threads": threads.collect::<Vec<_>>(),
        "sources": sources,
        "sites": sites,
        "held": timeline.steps.iter().map(|step| &step.sites).collect::<Vec<_>>(),
    })
}

/// `function (file:line)` as a frame of a flame graph.
fn source(frame: &str) -> Value {
    let (name, place) = frame.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")).unwrap_or((frame, ""));
    let file = place.rsplit_once(':').map_or(place, |(file, _)| file);
    json!({ "name": name, "file": place, "unique": frame, "inlined": false, "display": short_names(name), "origin": origin(name, file) })
}
