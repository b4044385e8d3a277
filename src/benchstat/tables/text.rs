//! Tables for people: benchstat's text, with footnotes.

use std::collections::HashMap;
use std::thread;

use super::analysis::{Cell, Mean, Table, Tables};
use super::layout::{Align, Layout};
use crate::benchstat::scale::scaled;
use crate::benchstat::unit::Class;
use crate::go::float::signed_percent;

/// Columns of the layout: the label, then for each column of the table center, ± and footnotes, and after the first
/// one delta, evidence and footnotes.
const LABEL: usize = 1;
const CENTER: usize = 3;
const DELTA: usize = 3;

/// Between columns of the table, in the lines of the header.
const RULE: &str = " │ ";

/// All tables, each under the keys that differ from the table before.
pub fn render(tables: &Tables) -> String {
    let rendered = render_tables(&tables.tables);
    let mut text = String::new();
    for (index, table) in rendered.iter().enumerate() {
        for line in tables.heading(index) {
            text.push_str(&line);
            text.push('\n');
        }
        text.push_str(table);
    }
    text
}

/// Lays out the tables in parallel, a share for each processor: they are independent, and large ones are slow.
fn render_tables(tables: &[Table]) -> Vec<String> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let share = tables.len().div_ceil(processors).max(1);
    let render_all = |tables: &[Table]| tables.iter().map(render_table).collect::<Vec<_>>();
    let mut shares = tables.chunks(share);
    let own = shares.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> = shares.map(|share| scope.spawn(move || render_all(share))).collect();
        let mut rendered = render_all(own);
        for other in others {
            rendered.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        rendered
    })
}

fn render_table(table: &Table) -> String {
    let mut text = String::new();
    let mut layout = Layout::default();
    let mut footnotes = Footnotes::default();
    header(table, &mut layout);
    let class = Class::of(&table.unit);
    for row in &table.rows {
        layout.row();
        layout.cell(row.label.as_str(), Align::Left);
        let scale = row.scale(class);
        for (index, cell) in row.cells.iter().enumerate() {
            if let Some(cell) = cell {
                layout.skip_to(start(index));
                layout.cell(scale.format(cell.summary.center), Align::Right);
                measurement(cell, &mut layout, &mut footnotes);
            }
        }
    }
    if table.rows.len() > 1 {
        layout.row();
        layout.cell("geomean", Align::Left);
        for (index, mean) in table.means.iter().enumerate() {
            bottom(index, mean, class, &mut layout, &mut footnotes);
        }
    }
    layout.write(&mut text);
    footnotes.write(&mut text);
    text
}

/// The text after the center of a cell.
fn measurement(cell: &Cell, layout: &mut Layout, footnotes: &mut Footnotes) {
    // ± is a margin, so that the signs line up and the range can be aligned to the right.
    layout.span(1, cell.summary.range(), Align::Right, " ± ");
    layout.cell(footnotes.refer(cell.mixture.iter().chain(&cell.summary.warning).map(String::as_str)), Align::Left);
    if let Some(comparison) = &cell.comparison {
        layout.cell(comparison.delta(), Align::Right);
        layout.cell(format!("({})", comparison.evidence()), Align::Left);
        layout.cell(footnotes.refer(comparison.warning.as_deref().into_iter()), Align::Left);
    }
}

/// A column's cells of the last row.
fn bottom(index: usize, mean: &Mean, class: Class, layout: &mut Layout, footnotes: &mut Footnotes) {
    if let Some(center) = mean.center {
        layout.skip_to(start(index));
        layout.cell(scaled(center, class), Align::Right);
    }
    if index > 0 {
        layout.skip_to(start(index) + CENTER);
        match mean.ratio {
            Some(ratio) => layout.cell(signed_percent((ratio - 1.0) * 100.0), Align::Right),
            None => layout.cell("?", Align::Left),
        }
    }
    layout.skip_to(start(index + 1) - 1);
    layout.cell(footnotes.refer(mean.warnings.iter().copied()), Align::Left);
}

/// The values of the column's keys, equal neighbours under one heading, and the line with the unit.
fn header(table: &Table, layout: &mut Layout) {
    let columns = &table.columns;
    let edge = start(columns.len() + 1);
    let levels = columns.first().map_or(0, Vec::len);
    for level in 0..levels {
        layout.row();
        let mut first = 0;
        while first < columns.len() {
            let same = |column: &&Vec<String>| column[..=level] == columns[first][..=level];
            let next = first + columns[first..].iter().take_while(same).count();
            layout.skip_to(start(first));
            layout.span(start(next) - start(first), columns[first][level].as_str(), Align::Center, RULE);
            first = next;
        }
        layout.skip_to(edge);
        layout.span(1, "", Align::Left, " │");
    }
    layout.row();
    for index in 0..columns.len() {
        let left = start(index);
        layout.skip_to(left);
        layout.span(CENTER, table.unit.as_str(), Align::Center, RULE);
        if index > 0 {
            layout.span(DELTA, "vs base", Align::Left, "  ");
        }
        // Only the outermost columns stretch.
        for column in left + 1..layout.column() {
            layout.shrink(column);
        }
    }
    layout.skip_to(edge);
    layout.span(1, "", Align::Left, " │");
}

/// The layout's first column of the table's column `index`.
fn start(index: usize) -> usize {
    if index == 0 { LABEL } else { LABEL + CENTER + (index - 1) * (CENTER + DELTA) }
}

/// Warnings below a table, each once.
#[derive(Default)]
struct Footnotes {
    texts: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Footnotes {
    /// The numbers of these warnings.
    fn refer<'w>(&mut self, warnings: impl Iterator<Item = &'w str>) -> String {
        let mut references = Vec::new();
        for warning in warnings {
            let number = match self.numbers.get(warning) {
                Some(number) => *number,
                None => {
                    self.texts.push(warning.to_owned());
                    self.numbers.insert(warning.to_owned(), self.texts.len());
                    self.texts.len()
                }
            };
            references.push(superscript(number));
        }
        references.join(" ")
    }

    fn write(&self, text: &mut String) {
        for (index, warning) in self.texts.iter().enumerate() {
            text.push_str(&superscript(index + 1));
            text.push(' ');
            text.push_str(warning);
            text.push('\n');
        }
    }
}

fn superscript(number: usize) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().bytes().map(|digit| DIGITS[usize::from(digit - b'0')]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn footnotes_are_numbered_once() {
        let mut footnotes = Footnotes::default();
        assert_eq!(footnotes.refer(["a", "b"].into_iter()), "¹ ²");
        assert_eq!(footnotes.refer(["b"].into_iter()), "²");
        assert_eq!(footnotes.refer([].into_iter()), "");
        let mut text = String::new();
        footnotes.write(&mut text);
        assert_eq!(text, "¹ a\n² b\n");
        assert_eq!(superscript(120), "¹²⁰");
    }
}
