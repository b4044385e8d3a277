//! Lays out columns like Go's text/tabwriter: a cell ends at a tab, a column is as wide as its widest cell among
//! neighbouring lines that have it, plus one. Text after the last tab of a line belongs to no column.

/// Lays out `text`, flush right, with blanks.
pub fn aligned_right(text: &str) -> String {
    aligned(text, |out, cell, width| {
        out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        out.push_str(cell);
    })
}

/// Lays out `text`, flush left, with tabs.
pub fn aligned_by_tabs(text: &str) -> String {
    const TAB: usize = 8;
    aligned(text, |out, cell, width| {
        out.push_str(cell);
        let padding = width.next_multiple_of(TAB).saturating_sub(cell.chars().count());
        out.extend(std::iter::repeat_n('\t', padding.div_ceil(TAB)));
    })
}

fn aligned(text: &str, put: impl Fn(&mut String, &str, usize)) -> String {
    let lines: Vec<Vec<&str>> =
        text.strip_suffix('\n').unwrap_or(text).split('\n').map(|line| line.split('\t').collect()).collect();
    let mut out = String::with_capacity(text.len() * 2);
    if text.is_empty() {
        return out;
    }
    let widths = column_widths(&lines);
    for (cells, widths) in lines.iter().zip(widths) {
        for (cell, width) in cells.iter().zip(&widths) {
            put(&mut out, cell, *width);
        }
        out.push_str(cells.last().copied().unwrap_or_default());
        out.push('\n');
    }
    out
}

/// The widths of each line's cells.
fn column_widths(lines: &[Vec<&str>]) -> Vec<Vec<usize>> {
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len() - 1]).collect();
    let columns = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut start = 0;
        while start < lines.len() {
            let length = widths[start..].iter().take_while(|widths| widths.len() > column).count();
            let widest =
                lines[start..start + length].iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
            widths[start..start + length].iter_mut().for_each(|widths| widths[column] = widest + 1);
            start += length.max(1);
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_lines_share_their_widths() {
        let text = "key:\t Total\n \t12 (x):\t a\n \t3:\t b\n\nk:\t T\n";
        assert_eq!(aligned_right(text), " key: Total\n      12 (x): a\n           3: b\n\n k: T\n");
    }

    #[test]
    fn tabs_reach_the_next_multiple_of_eight() {
        let text = "head: 1\n#\t0x1\tshort\ta:1\n#\t0x123456\tseventeen letters\tb:2\n\n#\t0x1\tshort\tc:3\n";
        let expected = "head: 1\n#\t0x1\t\tshort\t\t\ta:1\n#\t0x123456\tseventeen letters\tb:2\n\n#\t0x1\tshort\tc:3\n";
        assert_eq!(aligned_by_tabs(text), expected);
    }
}
