//! The table of functions.

use serde::Serialize;

use crate::pprof::reports::report::Report;
use crate::pprof::reports::text;

#[derive(Debug, Serialize)]
pub struct Top {
    /// The whole that percentages refer to.
    pub total: i64,
    /// [`Top::total`] as text.
    pub total_text: String,
    /// Largest flat value first.
    pub rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    /// `(inline)`, `(partial-inline)` or nothing.
    pub inline: &'static str,
    pub flat: i64,
    pub cum: i64,
    pub flat_text: String,
    pub cum_text: String,
}

/// The table, and the header's lines.
pub fn top(report: &mut Report) -> (Top, Vec<String>) {
    let (rows, legend) = text::rows(report);
    let row = |row: text::Row| Row {
        flat_text: report.value(row.flat),
        cum_text: report.value(row.cum),
        name: row.name,
        inline: row.inline,
        flat: row.flat,
        cum: row.cum,
    };
    let rows = rows.into_iter().map(row).collect();
    (Top { total: report.total, total_text: report.value(report.total), rows }, legend)
}
