//! The report for a terminal: the table, the samples of each benchmark as a line, and the sites that allocate most.

use std::fmt::Write as _;

use crate::formats::{Format as _, Human, View};
use crate::results::lines::Finished;
use crate::results::names::one_line;
use crate::results::notation::{nanoseconds, per_op, sparkline};
use crate::results::sites::sites_where;
use crate::web::pages::contents::{Report, profile_path};
use crate::web::views::{Origin, origin};

/// The number of sites shown for each benchmark.
const SITES: usize = 5;
/// Bars in a line; the numbers also have to fit into its 80 columns.
const MOST_BARS: usize = 40;

/// The whole text; paths below `root` are shown relative to it.
pub fn terminal(report: &Report, root: &std::path::Path) -> String {
    let view = View { memory: true, against: report.against.clone(), base: report.base.clone(), root: root.to_owned() };
    let mut out = Human.render(&report.run, &view);
    for (row, short) in report.rows.iter().zip(&report.short) {
        let _ = writeln!(out, "\n{}", one_line(short));
        if let Some(line) = samples(row) {
            let _ = writeln!(out, "  {line}");
        }
        sites(row, root, &mut out);
    }
    out
}

/// `▁▂█▁  3,640 to 4,011 ns/op, 100 samples`: the samples in the order in which they were taken.
fn samples(row: &Finished) -> Option<String> {
    row.time.ns_per_op?;
    let values: Vec<f64> =
        row.time.samples.iter().map(|sample| sample.nanoseconds / sample.iterations.max(1) as f64).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    if values.is_empty() {
        return None;
    }
    let count = values.len();
    Some(format!(
        "{}  {} to {} ns/op, {count} {}",
        sparkline(&condensed(values)),
        nanoseconds(least),
        nanoseconds(most),
        if count == 1 { "sample" } else { "samples" }
    ))
}

/// At most [`MOST_BARS`] values: the medians of stretches of equal length.
fn condensed(values: Vec<f64>) -> Vec<f64> {
    let bars = values.len().min(MOST_BARS);
    let stretch = |bar: usize| {
        let mut stretch = values[bar * values.len() / bars..(bar + 1) * values.len() / bars].to_vec();
        stretch.sort_by(f64::total_cmp);
        stretch[stretch.len() / 2]
    };
    (0..bars).map(stretch).collect()
}

fn sites(row: &Finished, root: &std::path::Path, out: &mut String) {
    let Some(path) = profile_path(row, "mem") else { return };
    let read = std::fs::read(path).map_err(|error| error.to_string());
    let profile = match read.and_then(|bytes| crate::pprof::profile::read(&bytes).map_err(|error| error.to_string())) {
        Ok(profile) => profile,
        Err(error) => {
            let _ = writeln!(out, "  no sites: {}: {error}", path.display());
            return;
        }
    };
    let is_own = |file: &str| origin("", file) == Origin::Own && !file.is_empty();
    let mut all = sites_where(&profile, is_own, row.memory.iterations);
    // As everywhere else on a page, the largest memory cost comes first.
    all.sort_by(|a, b| b.bytes_per_op.total_cmp(&a.bytes_per_op).then(b.allocs_per_op.total_cmp(&a.allocs_per_op)));
    let (calls, bytes): (Vec<String>, Vec<String>) =
        all.iter().take(SITES).map(|site| (per_op(site.allocs_per_op), per_op(site.bytes_per_op))).unzip();
    let width = |cells: &[String]| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    let (wide, wider) = (width(&calls), width(&bytes));
    for ((site, calls), bytes) in all.iter().zip(&calls).zip(&bytes) {
        let file = std::path::Path::new(&site.file);
        let file = file.strip_prefix(root).unwrap_or(file).display();
        let _ = writeln!(
            out,
            "  {calls:>wide$} allocs/op  {bytes:>wider$} B/op  {}  {file}:{}",
            one_line(&site.function),
            site.line
        );
    }
    if all.len() > SITES {
        let _ = writeln!(out, "  … and {} more", all.len() - SITES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_run_from_the_least_to_the_most() {
        assert_eq!(sparkline(&[1.0, 8.0, 4.5]), "▁█▅");
        assert_eq!(sparkline(&[3.0, 3.0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        let few = condensed(many);
        assert_eq!((few.len(), few[0], few[39]), (MOST_BARS, 12.0, 987.0));
        assert_eq!(condensed(vec![2.0, 1.0]), [2.0, 1.0]);
    }
}
