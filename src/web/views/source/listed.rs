//! The report's source lines: the heaviest of the user's own functions, with the numbers of `list`.

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::{LineKind, ListedFunction, ListedLine, Listing, dotted, missing, source_line};
use crate::pprof::profile::arithmetic::percentage;
use crate::pprof::profile::{Function, Text, path};
use crate::pprof::reports::list::{Routine, routines};
use crate::pprof::reports::report::Report;
use crate::pprof::reports::sources::Sources;
use crate::web::views::short_names::{Origin, origin};

/// Functions shown, and lines of all of them.
const MOST_FUNCTIONS: usize = 40;
const MOST_LINES: usize = 1200;

/// The user's own functions, the heaviest first; if there are none, the heaviest of all. `report` is prepared for
/// `list`.
pub fn own_functions(report: &mut Report) -> Result<Listing, String> {
    let mut all = routines(report)?;
    all.retain(|routine| !routine.file.is_empty());
    let once = cum_once(report);
    for routine in &mut all {
        let key = (routine.name.as_str().into(), routine.file.clone());
        routine.cum = once.get(&key).copied().unwrap_or(routine.cum);
    }
    let is_own = |routine: &Routine| origin(&routine.name, &routine.file) == Origin::Own;
    if all.iter().any(is_own) {
        all.retain(is_own);
    }
    all.sort_by_key(|routine| std::cmp::Reverse((routine.cum.unsigned_abs(), routine.flat.unsigned_abs())));
    let mut sources = Sources::new(&report.choices.source_path, &report.choices.trim_path)?.careful();
    let mut lines = 0;
    let mut functions = Vec::new();
    for routine in all.into_iter().take(MOST_FUNCTIONS) {
        let function = listed(report, routine, &mut sources);
        lines += function.lines.len();
        if lines > MOST_LINES && !functions.is_empty() {
            break;
        }
        functions.push(function);
    }
    Ok(Listing { total_text: report.value(report.total), missing: missing(&functions, &sources), functions })
}

impl Listing {
    /// For the report, which has many of them: what a function looks like apart from its values, so that it is shared,
    /// and values only of lines that cost something. `columnListing` in templates/web/source.js is its reader.
    pub fn in_columns(&self) -> Value {
        let shape = |function: &ListedFunction| {
            let mut before = 0;
            let step =
                |line: &ListedLine| line.number.wrapping_sub(std::mem::replace(&mut before, line.number)).to_string();
            json!({
                "name": function.name,
                "file": function.file,
                "steps": function.lines.iter().map(step).collect::<Vec<_>>().join(" "),
                "texts": function.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
            })
        };
        // The lines with values, in the order of `functions`: place, flat, cum.
        let costs = |function: &ListedFunction| {
            let lines = function.lines.iter().enumerate().filter(|(_, line)| line.kind != LineKind::Plain);
            lines.flat_map(|(at, line)| [at as i64, line.flat, line.cum]).collect::<Vec<_>>()
        };
        json!({
            "functions": self.functions.iter().map(shape).collect::<Vec<_>>(),
            "recursive": self.functions.iter().map(ListedFunction::twice).collect::<Vec<_>>(),
            "costs": self.functions.iter().map(costs).collect::<Vec<_>>(),
            "missing": self.missing,
        })
    }
}

impl ListedFunction {
    /// The part of its lines' sum that counts samples again that pass it twice.
    fn twice(&self) -> i64 {
        self.lines.iter().fold(0i64, |sum, line| sum.wrapping_add(line.cum)).wrapping_sub(self.cum)
    }
}

fn listed(report: &Report, routine: Routine, sources: &mut Sources) -> ListedFunction {
    let length = sources.lines(&routine.file).map_or(0, <[String]>::len);
    let (start, end) = routine.shown;
    let readable = start..=end.min(i64::try_from(length).unwrap_or(i64::MAX));
    let mut numbers: Vec<i64> = readable.collect();
    // Lines with samples are listed even if their text cannot be read.
    numbers
        .extend(routine.lines.keys().filter(|line| numbers.binary_search(line).is_err()).copied().collect::<Vec<_>>());
    numbers.sort_unstable();
    let line = |number: i64| {
        let values = routine.lines.get(&number);
        let (flat, cum) = values.copied().unwrap_or_default();
        let unknown = || if number == 0 { "<unknown line>" } else { "???" }.to_owned();
        ListedLine {
            number,
            kind: if values.is_some() { LineKind::Sampled } else { LineKind::Plain },
            flat,
            cum,
            flat_text: dotted(report, flat),
            cum_text: dotted(report, cum),
            text: source_line(sources, &routine.file, number).unwrap_or_else(unknown),
            inlined: Vec::new(),
        }
    };
    let lines = numbers.into_iter().map(line).collect();
    ListedFunction {
        flat_text: report.value(routine.flat),
        cum_text: report.value(routine.cum),
        percent: percentage(routine.cum, report.total),
        name: routine.name,
        file: routine.file,
        flat: routine.flat,
        cum: routine.cum,
        lines,
    }
}

/// For each function, by name and file, the sum of the samples that pass it; each sample counts once however often it
/// passes.
fn cum_once(report: &Report) -> FxHashMap<(Text, String), i64> {
    let profile = &report.profile;
    let mut numbers: FxHashMap<(Text, String), usize> = FxHashMap::default();
    let number = |function: &Function| {
        let next = numbers.len();
        *numbers.entry((function.name.clone(), path::clean(&function.filename))).or_insert(next)
    };
    let of_function: Vec<usize> = profile.functions.iter().map(number).collect();
    // The sum for each function, and the last sample that passed it.
    let mut sums = vec![(0i64, usize::MAX); numbers.len()];
    for (at, sample) in profile.samples.iter().enumerate() {
        let value = report.sample_value(&sample.values);
        for line in sample.locations.iter().flat_map(|index| &profile.locations[*index as usize].lines) {
            let (sum, last) = &mut sums[of_function[line.function as usize]];
            if std::mem::replace(last, at) != at {
                *sum = sum.wrapping_add(value);
            }
        }
    }
    numbers.into_iter().map(|(key, number)| (key, sums[number].0)).collect()
}
