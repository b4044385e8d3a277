//! The passes behind `explain` and `--peak`: brackets of one iteration in which every block is followed.

use std::time::Instant;

use crate::bracket::{Sum, COUNT, FREE_STACKS, LOG, STACKS};
use crate::driver::{watched, Run, PEAK_BRACKETS};
use crate::life::Life;
use crate::lives::Lives;
use crate::peak::Peak;
use crate::plan::{Plan, Selected};
use crate::records::{self, Record};
use crate::{entries, log, results, stacks};

/// Brackets at most.
const LIVES_BRACKETS: u32 = 20;

/// Follows each stack's blocks, in brackets of one iteration.
pub fn lives(plan: &Plan, selected: &Selected, run: Run<'_>) {
    let (mut lives, mut whole) = (Lives::default(), true);
    let begun = Instant::now();
    for number in 0..LIVES_BRACKETS {
        log::forget();
        // Stacks of frees are recorded once.
        let frees = if number == 0 { FREE_STACKS } else { 0 };
        let sum = watched(COUNT | STACKS | LOG | frees, 1, run);
        whole &= !log::overflowed();
        // A harness that runs its iterations on several threads runs one on each.
        lives.add(&log::events(), sum.iterations(1));
        if begun.elapsed().as_nanos() as u64 > plan.budget_ns / 5 {
            break;
        }
    }
    log::forget();
    stacks::forget_all();
    emit_lives(selected.index, whole, &lives);
}

/// What became of a program's blocks, all of which are one operation's.
pub fn tell_lives() {
    let mut lives = Lives::default();
    let whole = !log::overflowed();
    lives.add(&log::events(), 1);
    emit_lives(0, whole, &lives);
}

/// The blocks and bytes that each stack has live at the highest moment of all brackets.
pub fn peaks(plan: &Plan, selected: &Selected, run: Run<'_>) {
    let (mut highest, mut peak, mut whole) = (Sum::default(), Peak::default(), true);
    let begun = Instant::now();
    for _ in 0..PEAK_BRACKETS {
        log::forget();
        let sum = watched(COUNT | STACKS | LOG, 1, run);
        whole &= !log::overflowed();
        let of_bracket = Peak::of(&log::events());
        if of_bracket.bytes >= peak.bytes {
            highest = Sum { peak_bytes: of_bracket.bytes, ..sum };
            peak = of_bracket;
        }
        if begun.elapsed().as_nanos() as u64 > plan.budget_ns / 10 {
            break;
        }
    }
    log::forget();
    stacks::forget_all();
    results::counted(records::COUNTED, selected.index, u32::MAX, 1, &highest);
    results::peaks(selected.index, Some(&peak).filter(|_| whole));
}

fn emit_lives(index: u32, whole: bool, lives: &Lives) {
    let mut record = Record::new(records::LIVES)
        .u32(index)
        .u32(u32::from(whole))
        .u64s(&[lives.operations, lives.peak_bytes])
        .u32(lives.stacks.len() as u32);
    // In the order of their numbers, in which they first came.
    let mut stacks: Vec<(&u32, &Life)> = lives.stacks.iter().collect();
    stacks.sort_unstable_by_key(|(number, _)| **number);
    for (&number, life) in stacks {
        record = record.u32(number).u64s(&[
            life.fresh,
            life.zeroed,
            life.grown,
            life.shrunk,
            life.freed,
            life.freed_elsewhere,
            life.kept,
            life.of_older,
            life.peak_bytes,
            life.most_live,
            life.brackets,
            life.other_sizes,
        ]);
        for growth in [&life.grew, &life.alone] {
            record = record.u64s(&growth.words());
        }
        record = record.u32(life.sizes.len() as u32);
        for (&size, &calls) in &life.sizes {
            record = record.u64s(&[size, calls]);
        }
        record = record.u32(life.grew_at.len() as u32);
        for (&at, &steps) in &life.grew_at {
            record = record.u32(at).u64(steps);
        }
        record = record.u32(life.threads.len() as u32);
        for &thread in &life.threads {
            record = record.u32(thread);
        }
        record = record.u32(life.freed_at.len() as u32);
        for (&at, &blocks) in &life.freed_at {
            record = record.u32(at).u64(blocks);
        }
        // Number 0: no stack could be kept, for want of memory.
        let entry = (number != 0).then(|| entries::get(number as usize));
        record = record.stack(entry);
    }
    record = record.u32(u32::from(lives.more_successions)).u32(lives.successions.len() as u32);
    for (way, succession) in &lives.successions {
        record = record.u64(succession.times).u32(way.len() as u32);
        for (&entry, piece) in way.iter().zip(&succession.pieces) {
            record = record.u32(entry).u64s(&[
                piece.blocks,
                piece.bytes,
                piece.last_bytes,
                piece.least,
                piece.least_last,
                piece.most_last,
            ]);
        }
    }
    record = record.u32(u32::from(lives.more_spans)).u32(lives.spans.len() as u32);
    for span in &lives.spans {
        record = record.u32(span.entry).u32(span.follows).u32(span.begun).u32(span.ended);
    }
    record = record.u64(lives.events).u32(lives.curve.len() as u32).u64s(&lives.curve);
    record.emit();
}
