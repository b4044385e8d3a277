//! The rows as lines of text, as wide as a terminal.

use super::{Row, Sort};
use crate::programs::summary::number;

/// Columns before the name, and the blanks between them.
const WIDTHS: [usize; 4] = [15, 11, 13, 11];

/// A heading and a line a row, at most `width` characters each; the column that rows are sorted by has a mark.
pub fn lines(rows: &[Row], sort: Sort, heading: &str, width: usize) -> Vec<String> {
    let titles = Sort::ALL.map(|column| match column == sort {
        true => format!("▾{}", column.name()),
        false => column.name().to_owned(),
    });
    let mut lines = vec![line(&titles, heading, width)];
    lines.extend(rows.iter().map(|row| {
        let cells = [
            number(row.live_bytes.max(0) as u64),
            number(row.live_blocks.max(0) as u64),
            number(row.bytes.round() as u64),
            number(row.allocs.round() as u64),
        ];
        line(&cells, &row.name, width)
    }));
    lines
}

fn line(cells: &[String; 4], name: &str, width: usize) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(WIDTHS) {
        line.push_str(&format!("{cell:>width$} "));
    }
    line.push(' ');
    // Control characters of a name would act on the terminal.
    line.extend(name.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }));
    cut(&line, width)
}

/// At most `width` characters, with a mark where something is missing.
pub fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let mut cut: String = line.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_terminal_s_width() {
        let row = Row {
            name: "p::a\x1b[2J (main.rs:3)".into(),
            live_bytes: 1_234_567,
            live_blocks: 12,
            bytes: 99.6,
            allocs: 0.4,
        };
        let lines = lines(&[row], Sort::Bytes, "site", 200);
        assert_eq!(lines[0], "         live B      blocks          ▾B/s    allocs/s  site");
        assert_eq!(lines[1], "      1,234,567          12           100           0  p::a\u{fffd}[2J (main.rs:3)");
        for width in 0..60 {
            assert!(lines.iter().all(|line| cut(line, width).chars().count() <= width), "{width}");
        }
        assert_eq!(cut("abcd", 3), "ab…");
    }
}
