//! Merges the rules of all functions into one sorted table.
//!
//! Functions come in the linker's order, may leave gaps, and in damaged files overlap. The table has one row wherever
//! the rule changes, so that a look-up is "the last row at or before pc".

use std::ops::Range;

use super::{Row, Rule};

/// Rules collected function by function; addresses as in the file.
#[derive(Default)]
pub(super) struct Spans {
    spans: Vec<Span>,
    changes: Vec<(u64, Rule)>,
}

/// The code of one function (or PLT entry) and where its rules lie in `changes`.
struct Span {
    code: Range<u64>,
    changes: Range<usize>,
}

impl Spans {
    /// Begins a function; the changes that follow belong to it. Skips empty ranges.
    pub fn begin(&mut self, code: Range<u64>) {
        self.spans.push(Span { code, changes: self.changes.len()..self.changes.len() });
    }

    /// From `address` on, `rule` holds in the function begun last.
    pub fn change(&mut self, address: u64, rule: Rule) {
        self.changes.push((address, rule));
        if let Some(span) = self.spans.last_mut() {
            span.changes.end = self.changes.len();
        }
    }

    /// Sorts the functions by address; call it before [`Spans::covers`].
    pub fn sort(&mut self) {
        self.spans.retain(|span| !span.code.is_empty());
        self.spans.sort_by_key(|span| span.code.start);
    }

    /// Whether a function begun before the last [`Spans::sort`] holds `address`.
    pub fn covers(&self, address: u64) -> bool {
        let after = self.spans.partition_point(|span| span.code.start <= address);
        after > 0 && self.spans[after - 1].code.contains(&address)
    }

    /// The rows of the module whose executable segments span `text`. If functions overlap, the later start wins.
    pub fn into_rows(mut self, text: &Range<u64>) -> Vec<Row> {
        self.sort();
        self.spans.retain(|span| text.start <= span.code.start && span.code.end <= text.end);
        let mut rows = Rows { base: text.start, rows: Vec::with_capacity(self.changes.len()) };
        for (index, span) in self.spans.iter().enumerate() {
            let next = self.spans.get(index + 1).map_or(u64::MAX, |next| next.code.start);
            let end = span.code.end.min(next);
            rows.push(span.code.start, Rule::UNKNOWN);
            for &(address, rule) in &self.changes[span.changes.clone()] {
                if address < end {
                    rows.push(address.max(span.code.start), rule);
                }
            }
            if end < next {
                rows.push(end, Rule::UNKNOWN);
            }
        }
        rows.rows.shrink_to_fit();
        rows.rows
    }
}

struct Rows {
    base: u64,
    rows: Vec<Row>,
}

impl Rows {
    /// Keeps the rows strictly ascending and without repeated rules; of two at one address, the later one wins.
    fn push(&mut self, address: u64, rule: Rule) {
        let Ok(pc) = u32::try_from(address - self.base) else { return };
        while self.rows.last().is_some_and(|last| last.pc >= pc) {
            self.rows.pop();
        }
        if self.rows.last().map_or(Rule::UNKNOWN, |last| last.rule) != rule {
            self.rows.push(Row { pc, rule });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Base;
    use super::*;

    const TEXT: Range<u64> = 0x1000..0x2000;

    fn rule(offset: u64) -> Rule {
        Rule::frame(Base::Sp, offset, None)
    }

    type Function<'a> = (Range<u64>, &'a [(u64, Rule)]);

    fn rows(functions: &[Function]) -> Vec<(u32, Rule)> {
        let mut spans = Spans::default();
        for (code, changes) in functions {
            spans.begin(code.clone());
            changes.iter().for_each(|&(address, rule)| spans.change(address, rule));
        }
        spans.into_rows(&TEXT).into_iter().map(|row| (row.pc, row.rule)).collect()
    }

    #[test]
    fn functions_are_sorted_and_gaps_are_unknown() {
        let table =
            rows(&[(0x1100..0x1110, &[(0x1100, rule(8)), (0x1104, rule(16))]), (0x1000..0x1010, &[(0x1000, rule(8))])]);
        assert_eq!(
            table,
            [(0, rule(8)), (0x10, Rule::UNKNOWN), (0x100, rule(8)), (0x104, rule(16)), (0x110, Rule::UNKNOWN)]
        );
    }

    #[test]
    fn equal_neighbours_are_one_row() {
        let table =
            rows(&[(0x1000..0x1010, &[(0x1000, rule(8)), (0x1004, rule(8))]), (0x1010..0x1020, &[(0x1010, rule(8))])]);
        assert_eq!(table, [(0, rule(8)), (0x20, Rule::UNKNOWN)]);
    }

    #[test]
    fn the_later_change_at_one_address_holds() {
        let table = rows(&[(0x1000..0x1010, &[(0x1000, rule(8)), (0x1004, rule(16)), (0x1004, rule(8))])]);
        assert_eq!(table, [(0, rule(8)), (0x10, Rule::UNKNOWN)]);
    }

    #[test]
    fn overlaps_yield_to_the_later_start_and_strangers_are_left_out() {
        let table = rows(&[
            (0x1000..0x1100, &[(0x1000, rule(8)), (0x1080, rule(24))]),
            (0x1040..0x1050, &[(0x1040, rule(16))]),
            (0x1050..0x1050, &[(0x1050, rule(32))]),
            (0x0..0x1000, &[(0x0, rule(40))]),
            (0x1fff..0x2001, &[(0x1fff, rule(40))]),
        ]);
        assert_eq!(table, [(0, rule(8)), (0x40, rule(16)), (0x50, Rule::UNKNOWN)]);
    }

    #[test]
    fn covers_asks_the_sorted_functions() {
        let mut spans = Spans::default();
        spans.begin(0x1100..0x1110);
        spans.begin(0x1000..0x1010);
        spans.sort();
        assert!(spans.covers(0x1000) && spans.covers(0x110f));
        assert!(!spans.covers(0xfff) && !spans.covers(0x1010) && !spans.covers(0x1110));
    }
}
