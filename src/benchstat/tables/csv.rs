//! Tables for programs: comma-separated values with all their digits. Warnings are separate, each with the name that
//! spreadsheets give to its cell.

use super::analysis::{Cell, Mean, Table, Tables};
use crate::go::float::{shortest, signed_percent};

/// Columns of the file: the label, then for each column of the table center and range, and after the first one delta
/// and p.
const LABEL: usize = 1;
const CENTER: usize = 2;
const DELTA: usize = 2;

/// The file and the warnings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Csv {
    pub data: String,
    pub warnings: String,
}

pub fn render(tables: &Tables) -> Csv {
    let mut writer = Writer::default();
    for (index, table) in tables.tables.iter().enumerate() {
        for line in tables.heading(index) {
            writer.field(line);
            writer.end_row();
        }
        render_table(table, &mut writer);
    }
    writer.csv
}

fn render_table(table: &Table, writer: &mut Writer) {
    let end = start(table.columns.len());
    let levels = table.columns.first().map_or(0, Vec::len);
    for level in 0..levels {
        for (index, column) in table.columns.iter().enumerate() {
            writer.skip_to(start(index));
            writer.field(column[level].as_str());
        }
        writer.skip_to(end);
        writer.end_row();
    }
    for index in 0..table.columns.len() {
        writer.skip_to(start(index));
        writer.field(table.unit.as_str());
        writer.field("CI");
        if index > 0 {
            writer.field("vs base");
            writer.field("P");
        }
    }
    writer.end_row();
    for row in &table.rows {
        writer.field(row.label.as_str());
        for (index, cell) in row.cells.iter().enumerate() {
            if let Some(cell) = cell {
                writer.skip_to(start(index));
                measurement(cell, writer);
            }
        }
        writer.end_row();
    }
    writer.field("geomean");
    for (index, mean) in table.means.iter().enumerate() {
        bottom(index, mean, writer);
    }
    writer.skip_to(end);
    writer.end_row();
}

fn measurement(cell: &Cell, writer: &mut Writer) {
    cell.mixture.iter().chain(&cell.summary.warning).for_each(|warning| writer.warn(warning));
    writer.field(shortest(cell.summary.center));
    writer.field(cell.summary.range());
    if let Some(comparison) = &cell.comparison {
        comparison.warning.iter().for_each(|warning| writer.warn(warning));
        writer.field(comparison.delta());
        writer.field(comparison.evidence());
    }
}

fn bottom(index: usize, mean: &Mean, writer: &mut Writer) {
    writer.skip_to(start(index));
    mean.warnings.iter().for_each(|warning| writer.warn(warning));
    if let Some(center) = mean.center {
        writer.field(shortest(center));
    }
    if index > 0 {
        writer.skip_to(start(index) + CENTER);
        writer.field(mean.ratio.map_or("?".to_owned(), |ratio| signed_percent((ratio - 1.0) * 100.0)));
    }
}

/// The first field of the table's column `index`.
fn start(index: usize) -> usize {
    if index == 0 { LABEL } else { LABEL + CENTER + (index - 1) * (CENTER + DELTA) }
}

/// Writes fields into rows.
#[derive(Default)]
struct Writer {
    csv: Csv,
    /// Fields written to the row at hand.
    fields: usize,
    /// Rows written.
    rows: usize,
}

impl Writer {
    fn field(&mut self, text: impl AsRef<str>) {
        if self.fields > 0 {
            self.csv.data.push(',');
        }
        self.fields += 1;
        push_quoted(&mut self.csv.data, text.as_ref());
    }

    /// Empty fields up to number `field`.
    fn skip_to(&mut self, field: usize) {
        while self.fields < field {
            self.field("");
        }
    }

    fn end_row(&mut self) {
        self.csv.data.push('\n');
        (self.fields, self.rows) = (0, self.rows + 1);
    }

    /// Adds a warning about the next field.
    fn warn(&mut self, warning: &str) {
        let place = format!("{}{}: {warning}\n", letters(self.fields), self.rows + 1);
        self.csv.warnings.push_str(&place);
    }
}

/// The letters of a spreadsheet's column, counted from 0. Like benchstat's, they are right up to Z; after it comes BA.
fn letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + (column % 26) as u8));
        column /= 26;
        if column == 0 {
            return letters.iter().rev().collect();
        }
    }
}

/// Quotes a field if it needs quotes.
fn push_quoted(data: &mut String, field: &str) {
    let special = field == "\\." || field.contains(['"', ',', '\r', '\n']) || field.starts_with(char::is_whitespace);
    if special {
        data.push('"');
        data.push_str(&field.replace('"', "\"\""));
        data.push('"');
    } else {
        data.push_str(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_where_they_are_needed() {
        let quoted = |field: &str| {
            let mut data = String::new();
            push_quoted(&mut data, field);
            data
        };
        assert_eq!(quoted("plain text"), "plain text");
        assert_eq!(quoted(""), "");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted(" a\"b"), "\" a\"\"b\"");
    }

    #[test]
    fn names_of_columns() {
        assert_eq!([0, 1, 25, 26, 27].map(letters), ["A", "B", "Z", "BA", "BB"]);
    }
}
