//! Tables for a comment on a pull request: GitHub's Markdown, with the difference itself beside the ratio.

use super::analysis::{Cell, Row, Table, Tables};
use crate::benchstat::scale::{Scale, scaled};
use crate::benchstat::unit::Class;
use crate::go::float::signed_percent;
use crate::results::notation::markdown as escaped;

/// All tables, each below the keys that differ from the table before.
pub fn render(tables: &Tables) -> String {
    let mut text = String::new();
    for (index, table) in tables.tables.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let keys: Vec<_> = tables.heading(index).into_iter().filter(|line| !line.is_empty()).collect();
        if !keys.is_empty() {
            text.push_str(&format!("{}\n\n", escaped(&keys.join(", "))));
        }
        render_table(table, &mut text);
    }
    text
}

fn render_table(table: &Table, text: &mut String) {
    let class = Class::of(&table.unit);
    let mut footnotes: Vec<String> = Vec::new();
    let names: Vec<String> = table.columns.iter().map(|keys| keys.join(" ")).collect();
    let mut head = vec![table.unit.clone()];
    for (index, name) in names.iter().enumerate() {
        head.push(name.clone());
        if index > 0 {
            head.push(format!("vs {}", names[0]));
        }
    }
    line(&head, text);
    let align = std::iter::once("---").chain(std::iter::repeat_n("---:", head.len() - 1));
    text.push_str(&format!("| {} |\n", align.collect::<Vec<_>>().join(" | ")));
    for row in &table.rows {
        line(&cells(row, class, &mut footnotes), text);
    }
    if table.rows.len() > 1 {
        let mut cells = vec!["geomean".to_owned()];
        for (index, mean) in table.means.iter().enumerate() {
            cells.push(mean.center.map(|center| scaled(center, class)).unwrap_or_default());
            if index > 0 {
                cells.push(mean.ratio.map_or("?".to_owned(), |ratio| signed_percent((ratio - 1.0) * 100.0)));
            }
            mean.warnings.iter().for_each(|warning| note(warning, &mut footnotes));
        }
        line(&cells, text);
    }
    if !footnotes.is_empty() {
        text.push_str(&format!("\n{}\n", escaped(&footnotes.join("; "))));
    }
}

fn cells(row: &Row, class: Class, footnotes: &mut Vec<String>) -> Vec<String> {
    let scale = row.scale(class);
    let mut cells = vec![row.label.clone()];
    for (index, cell) in row.cells.iter().enumerate() {
        let measured = |cell: &Cell| format!("{} ± {}", scale.format(cell.summary.center), cell.summary.range());
        cells.push(cell.as_ref().map(measured).unwrap_or_default());
        if index > 0 {
            cells.push(cell.as_ref().and_then(|cell| difference(cell, &scale)).unwrap_or_default());
        }
        let warnings = cell.iter().flat_map(|cell| {
            let of_comparison = cell.comparison.iter().flat_map(|comparison| &comparison.warning);
            cell.mixture.iter().chain(&cell.summary.warning).chain(of_comparison)
        });
        warnings.for_each(|warning| note(warning, footnotes));
    }
    cells
}

/// `−29.16% (−5.000) p=0.002 n=6`: the size of a proven difference.
fn difference(cell: &Cell, scale: &Scale) -> Option<String> {
    let comparison = cell.comparison.as_ref()?;
    let (old, new) = comparison.centers;
    let amount = match comparison.differs && old != new {
        true => format!(" ({}{})", if new > old { "+" } else { "" }, scale.format(new - old)),
        false => String::new(),
    };
    Some(format!("{}{amount} {}", comparison.delta(), comparison.evidence()))
}

fn line(cells: &[String], text: &mut String) {
    let cells: Vec<_> = cells.iter().map(|cell| escaped(cell)).collect();
    text.push_str(&format!("| {} |\n", cells.join(" | ")));
}

/// Each once.
fn note(warning: &str, footnotes: &mut Vec<String>) {
    if !footnotes.iter().any(|known| known == warning) {
        footnotes.push(warning.to_owned());
    }
}
