//! Decides which blocks are one hash table. A table grows by a new block that takes the old one's place; but any block
//! that is dropped right after a larger one was allocated looks alike. A step is a table's only at a line that put
//! something into a table, not at one that made it.

use std::collections::BTreeMap;

use super::operation::{Container, Operation};
use crate::records::{Growth, Piece, Span, Succession};

/// The history of one group's tables, counted where each began.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub growth: Growth,
    /// The groups at which they grew, and how often.
    pub grew_at: BTreeMap<usize, u64>,
}

/// By the numbers of the groups: the operation of each, and the group that each stack belongs to.
pub(super) struct Groups<'a> {
    pub operations: &'a [Operation],
    pub of_stack: &'a [Option<usize>],
}

impl Groups<'_> {
    fn operation(&self, stack: usize) -> Option<Operation> {
        Some(self.operations[self.of_stack[stack]?])
    }

    /// Whether a block of the second stack may be the next block of a table of the first one.
    fn steps(&self, from: usize, to: usize) -> bool {
        use Container::{HashMap, HashSet};
        let grows =
            |operation| matches!(operation, Operation::Grow(HashMap | HashSet) | Operation::Collect(HashMap | HashSet));
        self.operation(from).is_some_and(Operation::is_table) && self.operation(to).is_some_and(grows)
    }

    /// Adds the tables of `succession` to those of each group.
    pub fn split(&self, succession: &Succession, tables: &mut [Tables]) {
        let mut open: Option<Open> = None;
        for piece in &succession.pieces {
            let goes_on = open.as_ref().is_some_and(|open| self.steps(open.last, piece.stack));
            if !goes_on {
                self.close(open.take(), tables);
            }
            let times = succession.times;
            if self.steps(piece.stack, piece.stack) || piece.blocks == times {
                open.get_or_insert_with(|| Open::new(piece.stack)).add(piece, times);
            } else {
                // Each is a table of its own; only the last may go on.
                let earlier = Piece {
                    blocks: piece.blocks - times,
                    bytes: piece.bytes - piece.last_bytes,
                    last_bytes: piece.bytes - piece.last_bytes,
                    least_last: piece.least,
                    ..*piece
                };
                let mut alone = Open::new(piece.stack);
                alone.add(&earlier, earlier.blocks);
                self.close(Some(alone), tables);
                let last = Piece { blocks: times, bytes: piece.last_bytes, least: piece.least_last, ..*piece };
                open.get_or_insert_with(|| Open::new(piece.stack)).add(&last, times);
            }
        }
        self.close(open, tables);
    }

    fn close(&self, open: Option<Open>, tables: &mut [Tables]) {
        let Some(open) = open else { return };
        if let Some(group) = self.of_stack[open.first] {
            tables[group].growth.join(&open.growth);
            for (stack, steps) in open.grew_at {
                if let Some(at) = self.of_stack[stack] {
                    *tables[group].grew_at.entry(at).or_default() += steps;
                }
            }
        }
    }

    /// How many tables, or other blocks, of each group lived at once; `None` where no span is known.
    pub fn living(&self, spans: &[Span]) -> Vec<Option<u64>> {
        // Group and first block of each span's chain.
        let mut begun: Vec<(Option<usize>, u32)> = Vec::with_capacity(spans.len());
        let mut goes_on = vec![false; spans.len()];
        for span in spans {
            let before = span.follows.filter(|&before| self.steps(spans[before].stack, span.stack));
            begun.push(before.map_or((self.of_stack[span.stack], span.begun), |before| begun[before]));
            if let Some(before) = before {
                goes_on[before] = true;
            }
        }
        let mut events: Vec<(u32, i64, usize)> = Vec::new();
        for ((span, goes_on), (group, begun)) in spans.iter().zip(goes_on).zip(begun) {
            if let (Some(group), false) = (group, goes_on) {
                events.extend([(begun, 1, group), (span.ended, -1, group)]);
            }
        }
        events.sort_unstable();
        let mut living = vec![0i64; self.operations.len()];
        let mut most = vec![None; self.operations.len()];
        for (_, change, group) in events {
            living[group] += change;
            most[group] = Some(most[group].unwrap_or(0).max(living[group].max(0) as u64));
        }
        most
    }
}

/// Tables that are still growing.
struct Open {
    first: usize,
    last: usize,
    growth: Growth,
    grew_at: BTreeMap<usize, u64>,
}

impl Open {
    fn new(stack: usize) -> Open {
        Open { first: stack, last: stack, growth: Growth::default(), grew_at: BTreeMap::new() }
    }

    /// Each of this many tables goes through `piece`.
    fn add(&mut self, piece: &Piece, times: u64) {
        let growth = &mut self.growth;
        let before = growth.steps;
        growth.blocks = times;
        growth.calls += piece.blocks;
        growth.steps = growth.calls - times;
        growth.grown = if growth.steps > 0 { times } else { 0 };
        growth.bytes += piece.bytes;
        (growth.last_bytes, growth.least_last, growth.most_last) =
            (piece.last_bytes, piece.least_last, piece.most_last);
        if growth.steps > before {
            *self.grew_at.entry(piece.stack).or_default() += growth.steps - before;
        }
        self.last = piece.stack;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROW: Operation = Operation::Grow(Container::HashMap);
    const CAPACITY: Operation = Operation::Capacity(Container::HashMap);
    const TEXT: Operation = Operation::Capacity(Container::String);

    /// One block.
    fn piece(stack: usize, size: u64) -> Piece {
        Piece { stack, blocks: 1, bytes: size, last_bytes: size, least: size, least_last: size, most_last: size }
    }

    /// Blocks, steps, bytes and the last bytes of each group, whose operations these are; stack and group have one number.
    fn split(operations: &[Operation], pieces: &[Piece]) -> Vec<(u64, u64, u64, u64)> {
        let of_stack: Vec<Option<usize>> = (0..operations.len()).map(Some).collect();
        let mut tables: Vec<Tables> = operations.iter().map(|_| Tables::default()).collect();
        let groups = Groups { operations, of_stack: &of_stack };
        groups.split(&Succession { times: 1, pieces: pieces.to_vec() }, &mut tables);
        let figures = |growth: &Growth| (growth.blocks, growth.steps, growth.bytes, growth.last_bytes);
        tables.iter().map(|tables| figures(&tables.growth)).collect()
    }

    #[test]
    fn a_table_grows_by_what_is_put_into_it() {
        let grown = Piece { blocks: 2, bytes: 504, last_bytes: 336, most_last: 336, least_last: 336, ..piece(1, 168) };
        assert_eq!(split(&[CAPACITY, GROW], &[piece(0, 84), grown]), [(1, 2, 588, 336), (0, 0, 0, 0)]);
        assert_eq!(split(&[GROW], &[Piece { stack: 0, ..grown }]), [(1, 1, 504, 336)]);
    }

    /// A map is filled, the answer's text is made, the map is dropped.
    #[test]
    fn a_table_does_not_become_the_text_that_is_made_before_its_end() {
        assert_eq!(split(&[CAPACITY, TEXT], &[piece(0, 84), piece(1, 256)]), [(1, 0, 84, 84), (1, 0, 256, 256)]);
        let after_growth = [piece(0, 84), piece(1, 168), piece(2, 1000)];
        let expected = [(1, 1, 252, 168), (0, 0, 0, 0), (1, 0, 1000, 1000)];
        assert_eq!(split(&[CAPACITY, GROW, TEXT], &after_growth), expected);
        // Nor does a text become a table.
        let text_first = [piece(0, 8), piece(1, 84)];
        assert_eq!(split(&[TEXT, GROW], &text_first), [(1, 0, 8, 8), (1, 0, 84, 84)]);
    }

    /// `next = HashMap::with_capacity(2 * n); current = next`, three times; the last one grows.
    #[test]
    fn tables_that_are_made_one_after_the_other_are_several() {
        let made =
            Piece { blocks: 3, bytes: 700, last_bytes: 400, least: 100, least_last: 400, most_last: 400, stack: 0 };
        assert_eq!(split(&[CAPACITY, GROW], &[made, piece(1, 800)]), [(3, 1, 1500, 1100), (0, 0, 0, 0)]);
    }

    #[test]
    fn a_table_that_took_the_place_of_another_was_never_beside_it() {
        let span = |stack, follows, begun, ended| Span { stack, follows, begun, ended };
        let spans = [span(0, None, 0, 2), span(0, Some(0), 1, 5), span(1, Some(1), 4, 9)];
        let of_stack = [Some(0), Some(1)];
        let living = |operations: &[Operation]| Groups { operations, of_stack: &of_stack }.living(&spans);
        assert_eq!(living(&[GROW, TEXT]), [Some(1), Some(1)]);
        assert_eq!(living(&[CAPACITY, TEXT]), [Some(2), Some(1)]);
        assert_eq!(living(&[GROW, GROW]), [Some(1), None]);
    }
}
