//! The details of one benchmark: its profiles, and their differences from other benchmarks.
//!
//! All counting happens here, with the same code that answers `pprof`; the script only draws. To add a view of a
//! benchmark, add a key to [`details`], and an entry to `VIEWS` in templates/web/report_page.js.

use std::path::Path;

use serde_json::{Value, json};

use super::programs::program;
use crate::explain::{BLOCKS, Blocks, Explanation, SIDECAR};
use crate::pprof::front::arguments::Invocation;
use crate::pprof::front::command;
use crate::pprof::front::config::Config;
use crate::pprof::front::fetch::{Loaded, difference, load_file};
use crate::pprof::front::generate::prepare;
use crate::pprof::reports::report::Report as PreparedReport;
use crate::results::groups::Compared;
use crate::web::pages::contents::{Report, profile_path};
use crate::web::views::blocks::Classes;
use crate::web::views::{flame, source, top};

/// Rows of a table of functions; the script, which makes most of them, knows it, too.
const TOP_ROWS: i64 = 100;

/// Everything about benchmark `number`; programs follow the benchmarks. A profile that cannot be read is replaced by its
/// error.
pub fn details(report: &Report, number: usize) -> Value {
    if let Some(number) = number.checked_sub(report.rows.len()) {
        return program(&report.programs[number]);
    }
    let row = &report.rows[number];
    let one = |kind: &str| profile_path(row, kind).map_or(Value::Null, |path| profile(path, None));
    let mut differences = Vec::new();
    let mut compare = |label: &str, other: &crate::results::lines::Finished| {
        let pair = |kind: &str| match (profile_path(row, kind), profile_path(other, kind)) {
            // A later run may have overwritten it.
            (Some(path), Some(base)) if path != base => profile(path, Some(base)),
            _ => Value::Null,
        };
        let (mem, cpu) = (pair("mem"), pair("cpu"));
        if !mem.is_null() || !cpu.is_null() {
            differences.push(json!({ "label": label, "mem": mem, "cpu": cpu }));
        }
    };
    if let (Some(base), Some(before)) = (&report.base, report.base_row(&row.name)) {
        compare(&base.label, before);
    }
    if let Compared::With(reference) = report.compared[number] {
        compare(&report.short[reference], &report.rows[reference]);
    }
    json!({ "mem": one("mem"), "cpu": one("cpu"), "differences": differences, "why": profile_path(row, "mem").map(why),
            "blocks": profile_path(row, "mem").map(blocks) })
}

/// The findings of `explain`, which are stored beside mem.prof until the next run; null if it was not run.
fn why(mem: &Path) -> Value {
    let path = mem.with_file_name(SIDECAR);
    let Ok(text) = std::fs::read_to_string(&path) else { return Value::Null };
    let Ok(found) = serde_json::from_str::<Explanation>(&text) else {
        return json!({ "error": format!("{} is of another version; `cargo memprof explain` makes it anew", path.display()) });
    };
    json!(found)
}

/// Sizes and lives of the blocks, kept as the findings are.
fn blocks(mem: &Path) -> Value {
    let path = mem.with_file_name(BLOCKS);
    let Ok(text) = std::fs::read_to_string(&path) else { return Value::Null };
    let Ok(found) = serde_json::from_str::<Blocks>(&text) else { return Value::Null };
    let classes = Classes::of(&found);
    let types = classes.types().len();
    let loaded = Loaded { profile: classes.profile(&found), iterations: None, compared: false, per_op: false };
    let flame = prepared(&loaded, "svg", None, "0", &as_flame_graph).map(|report| flame::flame_of_all(&report));
    match flame {
        Ok(flame) if types > 0 => classes.view(&found, json!(flame)),
        _ => Value::Null,
    }
}

fn as_flame_graph(config: &mut Config) {
    config.call_tree = true;
    config.trim = false;
    config.granularity = "filefunctions".into();
}

/// The report that the command `name` shows of the profile's sample type `kind`.
fn prepared(
    loaded: &Loaded,
    name: &str,
    argument: Option<&str>,
    kind: &str,
    change: &dyn Fn(&mut Config),
) -> Result<PreparedReport, String> {
    let mut config = Config { sample_index: kind.to_owned(), ..Config::default() };
    change(&mut config);
    let command = command::find(name).ok_or("there is no such report")?;
    let invocation = Invocation { command, argument: argument.map(str::to_owned) };
    prepare(loaded.clone(), &invocation, &config, &mut |_| ())
}

pub(super) fn profile(path: &Path, base: Option<&Path>) -> Value {
    let shown = || {
        let loaded = load_file(path)?;
        let Some(base) = base else { return views(&loaded, None) };
        let base = load_file(base)?;
        let iterations = [&loaded, &base].map(|loaded| loaded.iterations.unwrap_or(1));
        views(&difference(loaded, base)?, Some(iterations))
    };
    shown().unwrap_or_else(|error: String| json!({ "error": error }))
}

/// The flame graph with all sample types, and for each of them the source lines. The script makes the tables of functions
/// from the flame graph, unless that lacks frames. `compared`: the iterations of both sides of a difference.
fn views(loaded: &Loaded, compared: Option<[u64; 2]>) -> Result<Value, String> {
    let types: Vec<String> = loaded.profile.sample_types.iter().map(|kind| kind.kind.to_string()).collect();
    let default = match &*loaded.profile.default_sample_type {
        "" => types.last().cloned().unwrap_or_default(),
        kind => kind.to_owned(),
    };
    let flame = prepared(loaded, "svg", None, &default, &as_flame_graph)?;
    let legend = flame.profile_labels();
    let flame = match compared {
        Some(iterations) => flame::difference(&flame, iterations),
        None => flame::flame_of_all(&flame),
    };
    // Frames without names have a row in the table, and no box in the flame graph.
    let is_named = loaded.profile.locations.iter().all(|location| !location.lines.is_empty())
        && loaded.profile.functions.iter().all(|function| !function.name.is_empty());
    // By number, because two types may have the same name.
    let (mut tables, mut listings) = (vec![Value::Null; types.len()], vec![Value::Null; types.len()]);
    for at in 0..types.len() {
        let index = at.to_string();
        if flame.left_out > 0 || !is_named {
            let mut table = prepared(loaded, "top", None, &index, &|config| {
                config.nodecount = TOP_ROWS;
                // Keep small changes, because they may be the important ones.
                config.nodefraction *= f64::from(u8::from(compared.is_none()));
            })?;
            tables[at] = json!(top::top(&mut table).0);
        }
        let mut listed = prepared(loaded, "list", Some(""), &index, &|_| ())?;
        if listed.total != 0 {
            listings[at] = source::own_functions(&mut listed).map_or(Value::Null, |listing| listing.in_columns());
        }
    }
    Ok(json!({
        "types": types,
        "default": default,
        "iterations": loaded.iterations.filter(|_| !loaded.compared),
        "per_op": loaded.per_op,
        "legend": legend,
        "flame": flame,
        "tops": tables,
        "listings": listings,
    }))
}
