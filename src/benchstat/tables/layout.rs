//! Lays out cells in columns of a fixed-width font: each column as wide as it must be, including cells over several
//! columns.
//!
//! If a wide cell needs more room than its columns have, the columns that may stretch share it evenly. The rules are
//! those of benchstat's texttab, down to the spaces of a cell that does not fit.

use std::borrow::Cow;

use crate::results::names::one_line;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Center,
    Right,
}

#[derive(Debug)]
struct Cell {
    row: usize,
    column: usize,
    span: usize,
    text: String,
    /// Of the text, in characters.
    width: i64,
    margin: &'static str,
    align: Align,
}

#[derive(Debug, Default)]
pub struct Layout {
    cells: Vec<Cell>,
    columns: usize,
    /// Columns that do not stretch.
    shrinking: Vec<bool>,
    row: usize,
    column: usize,
}

impl Layout {
    /// Begins a row.
    pub fn row(&mut self) {
        if !self.cells.is_empty() {
            self.row += 1;
        }
        self.column = 0;
    }

    /// Goes on at `column`, counted from 0.
    pub fn skip_to(&mut self, column: usize) {
        debug_assert!(column >= self.column, "columns go from left to right");
        self.column = column;
    }

    /// The column where the next cell goes.
    pub fn column(&self) -> usize {
        self.column
    }

    /// A cell over one column with a space before it, none in the first column.
    pub fn cell(&mut self, text: impl Into<String>, align: Align) {
        let text = text.into();
        let margin = if self.column == 0 || text.is_empty() { "" } else { " " };
        self.span(1, text, align, margin);
    }

    /// A cell over `span` columns, with `margin` before it.
    pub fn span(&mut self, span: usize, text: impl Into<String>, align: Align, margin: &'static str) {
        let mut text = text.into();
        if let Cow::Owned(escaped) = one_line(&text) {
            text = escaped;
        }
        self.cells.push(Cell { row: self.row, column: self.column, span, width: width(&text), text, margin, align });
        self.column += span;
        self.columns = self.columns.max(self.column);
    }

    /// Keeps a column as narrow as its own cells allow.
    pub fn shrink(&mut self, column: usize) {
        if self.shrinking.len() <= column {
            self.shrinking.resize(column + 1, false);
        }
        self.shrinking[column] = true;
    }

    /// Appends the table to `output`.
    pub fn write(&self, output: &mut String) {
        let mut margins = vec![0; self.columns];
        for cell in &self.cells {
            margins[cell.column] = width(cell.margin).max(margins[cell.column]);
        }
        let mut offsets = vec![0];
        for width in self.widths(&margins) {
            offsets.push(offsets[offsets.len() - 1] + width);
        }
        let (mut row, mut offset) = (0, 0i64);
        for cell in &self.cells {
            // Invisible cells leave no spaces at the end of a line.
            if cell.text.trim().is_empty() && cell.margin.trim().is_empty() {
                continue;
            }
            while row < cell.row {
                output.push('\n');
                (row, offset) = (row + 1, 0);
            }
            let margin = margins[cell.column];
            let spaces = offsets[cell.column] - offset;
            pad(output, spaces);
            pad(output, margin - width(cell.margin));
            output.push_str(cell.margin);
            offset += spaces + margin;
            let room = offsets[cell.column + cell.span] - offsets[cell.column] - margin;
            offset += cell.align.write(output, cell, room);
        }
        if !self.cells.is_empty() {
            output.push('\n');
        }
    }

    /// The width of each column, its left margin included.
    fn widths(&self, margins: &[i64]) -> Vec<i64> {
        let mut widths = vec![0; self.columns];
        let mut by_span: Vec<_> = self.cells.iter().collect();
        by_span.sort_by_key(|cell| cell.span);
        for cell in by_span {
            let needed = cell.width + margins[cell.column];
            if cell.span == 1 {
                widths[cell.column] = needed.max(widths[cell.column]);
            } else if widths[cell.column..cell.column + cell.span].iter().sum::<i64>() < needed {
                self.stretch(&mut widths, cell, needed);
            }
        }
        widths
    }

    /// Makes room for `cell`: the widest column first, so that the others share its excess over the average.
    fn stretch(&self, widths: &mut [i64], cell: &Cell, mut needed: i64) {
        let columns = cell.column..cell.column + cell.span;
        let (fixed, mut stretching): (Vec<_>, Vec<_>) =
            columns.partition(|column| self.shrinking.get(*column).copied().unwrap_or(false));
        needed -= fixed.iter().map(|column| widths[*column]).sum::<i64>();
        stretching.sort_by_key(|column| std::cmp::Reverse(widths[*column]));
        for (index, column) in stretching.iter().enumerate() {
            let left = (stretching.len() - index) as i64;
            // Rounded towards zero, like Go's integers.
            widths[*column] = widths[*column].max((needed + left - 1) / left);
            needed -= widths[*column];
        }
    }
}

impl Align {
    /// Appends the cell's text, aligned in `room`, and returns the number of characters appended.
    fn write(self, output: &mut String, cell: &Cell, room: i64) -> i64 {
        let free = match self {
            Align::Left => 0,
            Align::Center => (room - cell.width) / 2,
            Align::Right => (room.abs() - cell.width).max(0),
        };
        pad(output, free);
        output.push_str(&cell.text);
        free.abs() + cell.width
    }
}

/// The number of characters.
fn width(text: &str) -> i64 {
    text.chars().count() as i64
}

/// Appends spaces; a negative number appends as many as its absolute value (Go's `%*s` with a negative width).
fn pad(output: &mut String, spaces: i64) {
    output.extend(std::iter::repeat_n(' ', spaces.unsigned_abs() as usize));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_share_the_room_of_a_wide_cell() {
        let mut layout = Layout::default();
        layout.row();
        layout.skip_to(1);
        layout.span(2, "a wide header", Align::Center, " │ ");
        layout.row();
        layout.cell("label", Align::Left);
        layout.cell("1", Align::Right);
        layout.cell("22", Align::Right);
        layout.row();
        layout.cell("", Align::Left);
        let mut text = String::new();
        layout.write(&mut text);
        assert_eq!(text, "      │ a wide header\nlabel       1      22\n");
    }

    #[test]
    fn nothing_is_nothing() {
        let mut text = String::new();
        Layout::default().write(&mut text);
        assert_eq!(text, "");
    }
}
