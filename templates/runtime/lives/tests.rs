use super::*;
use crate::growth::Growth;

fn event(kind: Kind, block: u64, size: u64, entry: u32) -> Event {
    Event { kind, block, size, entry, thread: 1 }
}

fn lives(events: &[Event]) -> Lives {
    let mut lives = Lives::default();
    lives.add(events, 1);
    lives
}

use Kind::*;

#[test]
fn a_buffer_that_grows_is_one_story() {
    let events = [
        event(Fresh, 16, 8, 1),
        event(Moved, 16, 8, 0),
        event(Resized, 32, 16, 2),
        event(Moved, 32, 16, 0),
        event(Resized, 32, 32, 2),
        event(Freed, 32, 32, 0),
    ];
    let lives = lives(&events);
    let began = &lives.stacks[&1];
    assert_eq!((began.fresh, began.freed, began.kept), (1, 1, 0));
    let grew =
        Growth { blocks: 1, grown: 1, steps: 2, calls: 3, bytes: 56, last_bytes: 32, least_last: 32, most_last: 32 };
    assert_eq!(began.grew, grew);
    assert_eq!(began.grew_at, BTreeMap::from([(2, 2)]));
    let grown = &lives.stacks[&2];
    assert_eq!((grown.grown, grown.fresh, grown.freed, grown.of_older), (2, 0, 0, 0));
    assert_eq!(grown.sizes, BTreeMap::from([(16, 1), (32, 1)]));
    assert_eq!((lives.peak_bytes, grown.peak_bytes, began.peak_bytes), (32, 32, 0));
}

#[test]
fn a_table_that_replaces_another_is_told_from_two_blocks() {
    let table =
        [event(Fresh, 16, 84, 1), event(Fresh, 512, 168, 1), event(Freed, 16, 84, 0), event(Freed, 512, 168, 0)];
    let of_table = lives(&table);
    let spans = [Span { entry: 1, follows: 0, begun: 0, ended: 2 }, Span { entry: 1, follows: 1, begun: 1, ended: 3 }];
    assert_eq!(of_table.spans, spans);
    let piece = Piece { blocks: 2, bytes: 252, last_bytes: 168, least: 84, least_last: 168, most_last: 168 };
    assert_eq!(of_table.successions, BTreeMap::from([(vec![1], Succession { times: 1, pieces: vec![piece] })]));
    assert_eq!((of_table.stacks[&1].grew.blocks, of_table.stacks[&1].alone.blocks), (2, 0));
    let two = [
        event(Fresh, 16, 84, 1),
        event(Fresh, 512, 168, 1),
        event(Fresh, 1024, 8, 2),
        event(Freed, 16, 84, 0),
        event(Freed, 512, 168, 0),
    ];
    let lives = lives(&two);
    assert_eq!((lives.successions.len(), lives.stacks[&1].alone.blocks), (0, 2));
}

/// A table of 84 bytes grows, then something larger is made, then it is dropped.
#[test]
fn the_steps_of_a_succession_are_kept_apart_by_their_stacks() {
    let bracket = [
        event(Fresh, 16, 84, 1),
        event(Fresh, 512, 168, 2),
        event(Freed, 16, 84, 0),
        event(Fresh, 2048, 336, 2),
        event(Freed, 512, 168, 0),
        event(Fresh, 8192, 1000, 3),
        event(Freed, 2048, 336, 0),
    ];
    let mut lives = Lives::default();
    lives.add(&bracket, 1);
    lives.add(&bracket, 1);
    let alone = |size| Piece { blocks: 2, bytes: 2 * size, last_bytes: 2 * size, ..Piece::new(size) };
    let grew = Piece { blocks: 4, bytes: 1008, last_bytes: 672, least: 168, least_last: 336, most_last: 336 };
    let succession = Succession { times: 2, pieces: vec![alone(84), grew, alone(1000)] };
    assert_eq!(lives.successions, BTreeMap::from([(vec![1, 2, 3], succession)]));
}

#[test]
fn what_several_threads_of_a_harness_do_is_so_many_operations() {
    let mut lives = Lives::default();
    lives.add(&[event(Fresh, 16, 8, 1), event(Fresh, 32, 8, 1)], 2);
    assert_eq!((lives.operations, lives.stacks[&1].fresh, lives.stacks[&1].brackets), (2, 2, 1));
}

#[test]
fn who_frees_and_what_stays() {
    let mut events = vec![event(Fresh, 16, 8, 1), event(Zeroed, 32, 8, 1), event(Fresh, 48, 8, 1)];
    events.push(event(Freed, 16, 8, 0));
    events.push(Event { thread: 2, ..event(Freed, 32, 8, 0) });
    // A block from before the bracket.
    events.push(event(Freed, 4096, 8, 0));
    events.push(event(Moved, 8192, 8, 0));
    events.push(event(Resized, 8192, 64, 3));
    let lives = lives(&events);
    let life = &lives.stacks[&1];
    assert_eq!((life.fresh, life.zeroed, life.freed, life.freed_elsewhere, life.kept), (2, 1, 1, 1, 1));
    assert_eq!((lives.stacks[&3].grown, lives.stacks[&3].of_older), (1, 1));
    assert_eq!((life.most_live, life.threads.len()), (3, 1));
}

#[test]
fn the_curve_is_of_the_first_bracket_and_keeps_its_peak() {
    let mut lives = Lives::default();
    lives.add(&[event(Fresh, 16, 100, 1), event(Fresh, 32, 20, 1), event(Freed, 16, 100, 0)], 1);
    lives.add(&[event(Fresh, 16, 500, 1)], 1);
    assert_eq!((lives.curve.as_slice(), lives.events), (&[100, 120, 20][..], 3));
    let mut many: Vec<Event> = (0..5000).map(|at| event(Fresh, 16 * (at + 1), 1, 1)).collect();
    many.push(event(Freed, 16, 1, 0));
    let lives = super::tests::lives(&many);
    assert_eq!((lives.curve.len(), lives.curve.iter().max()), (MOST_STRETCHES, Some(&5000)));
    assert!(lives.curve.windows(2).all(|pair| pair[0] <= pair[1]));
}

#[test]
fn the_peak_is_that_of_the_highest_bracket() {
    let mut lives = Lives::default();
    lives.add(&[event(Fresh, 16, 100, 1), event(Freed, 16, 100, 0), event(Fresh, 16, 20, 2)], 1);
    lives.add(&[event(Fresh, 16, 50, 2), event(Fresh, 64, 60, 2)], 1);
    lives.add(&[event(Fresh, 16, 10, 1)], 1);
    assert_eq!((lives.peak_bytes, lives.stacks[&1].peak_bytes, lives.stacks[&2].peak_bytes), (110, 0, 110));
    assert_eq!((lives.operations, lives.stacks[&1].brackets, lives.stacks[&2].brackets), (3, 2, 2));
}
