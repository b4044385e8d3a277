use super::*;
use crate::arch::tests::{registers_of, rule};
use crate::calling::found_again;
use crate::rules::tests::looked_up;
use crate::rules::{install_rows, SPECIAL};
use crate::thread;
use crate::unwind::walk;

/// Made-up code: function `f` lies at BASE + 16 f. Odd ones find their frame through fp and save it, every third saves
/// fp only, the others do neither; frames have 32, 48 or 64 bytes. Function 0 is the thread's first.
const BASE: u64 = 0x7000_0000_0000;
const FUNCTIONS: u64 = 24;
/// One more function, with more than 512 KiB of local variables.
const LARGE: u64 = FUNCTIONS;
const LARGE_WORDS: u64 = 70_000;

fn frame_words(f: u64) -> u64 {
    match f {
        LARGE => LARGE_WORDS,
        _ => 4 + f % 3 * 2,
    }
}

fn install() {
    install_rows(BASE, BASE + (FUNCTIONS + 1) * 16, &rows());
}

fn rows() -> Vec<(u32, u32)> {
    let rule_of = |f: u64| match f {
        0 => SPECIAL,
        _ if f % 2 == 1 => rule(true, 2, true),
        _ => rule(false, frame_words(f) as u32, f % 3 == 0),
    };
    (0..=FUNCTIONS).map(|f| ((f * 16) as u32, rule_of(f))).collect()
}

/// Writes the frames of `calls` (outermost first) below the `top` words of `room`; returns where the innermost
/// function stands.
fn lay(room: &mut [u64], top: u64, calls: &[u64], junk: u64) -> Registers {
    let start = room.as_ptr() as u64;
    let end = start + room.len() as u64 * 8;
    // The first function has no frame that matters; its caller's fp does not exist.
    let (mut sp, mut fp) = (end - 64 - top * 8, junk);
    let mut pc = BASE + 4;
    for &f in calls {
        // The call pushes where it returns to; then the function makes its frame.
        let cfa = sp;
        let word = |address: u64| (address - start) as usize / 8;
        room[word(cfa - 8)] = pc;
        if f % 2 == 1 || f % 3 == 0 {
            room[word(cfa - 16)] = fp;
        }
        sp = cfa - frame_words(f) * 8;
        fp = if f % 2 == 1 { cfa - 16 } else { fp ^ junk };
        if f % 2 == 0 && f % 3 != 0 {
            // Neither saved nor changed: the caller may need it.
            fp ^= junk;
        }
        pc = BASE + f * 16 + 5;
    }
    registers_of(pc, sp, fp)
}

#[test]
fn what_is_remembered_is_what_a_walk_finds() {
    let _one_reader = crate::entries::tests::lock();
    install();
    let mut room = vec![0u64; 4096];
    let bounds_end = room.as_ptr() as u64 + room.len() as u64 * 8;
    let state = thread::current().unwrap();
    // SAFETY: this thread owns the state, and no other reference into it is alive.
    let (memo, stacks) = unsafe { (&mut *state.memo.get(), &mut *state.stacks.get()) };
    let mut next = crate::live_map::tests::random();
    let mut random = move |below: u64| next() % below;
    let mut calls: Vec<u64> = Vec::new();
    let rounds = if cfg!(miri) { 200 } else { 100_000 };
    let (mut whole, mut again) = (0, 0);
    let mut top = 0;
    for _ in 0..rounds {
        // One caller changes for another, with a frame of the same size or not; or the stack grows or shrinks; or
        // the same calls are made again, there or elsewhere.
        match random(6) {
            4 => top = random(3) * 2,
            5 => (),
            0 if !calls.is_empty() => {
                let at = random(calls.len() as u64) as usize;
                calls[at] = 1 + random(FUNCTIONS - 1);
            }
            1 if !calls.is_empty() => calls.truncate(calls.len() - 1 - random(calls.len().min(3) as u64) as usize),
            _ if calls.len() < 40 => calls.push(1 + random(FUNCTIONS - 1)),
            _ => calls.clear(),
        }
        let junk = random(1 << 40);
        let at = lay(&mut room, top, &calls, junk);
        let bounds = Bounds { low: at.sp, end: bounds_end };
        let mut plain = [0u64; 64];
        let walked = walk(at, &mut plain, bounds);
        let right = |entry: &Entry| entry.addresses().iter().rev().eq(&plain[..walked.depth]);
        let previous = state.previous();
        // SAFETY: the made-up stack is all there; the entries are this thread's.
        let guess = |previous: &'static Entry| unsafe {
            previous.next_again(at, bounds_end).or_else(|| found_again(at, bounds_end, previous, state))
        };
        if let Some(entry) = previous.and_then(guess) {
            assert!(walked.whole && right(entry), "{calls:?}");
            again += 1;
        }
        match memo.walk(at, bounds, stacks, state) {
            Ok(entry) => {
                let entry = entry.unwrap();
                assert!(walked.whole && right(entry), "{calls:?}");
                whole += 1;
                if let Some(previous) = previous {
                    previous.set_next(entry);
                    state.walked.set(at.sp, previous, entry);
                }
                state.set_previous(entry);
            }
            Err(()) => assert!(!walked.whole),
        }
    }
    assert!(whole * 2 > rounds, "{whole} of {rounds} were whole");
    assert!(again * 20 > rounds, "{again} of {rounds} were guessed");
}

fn bounds(room: &[u64], at: Registers) -> Bounds {
    Bounds { low: at.sp, end: room.as_ptr() as u64 + room.len() as u64 * 8 }
}

/// One walk with the memory of the thread's previous stack, and the number of its steps.
fn remembered(room: &[u64], at: Registers) -> (Result<&'static Entry, ()>, u64) {
    let state = thread::current().unwrap();
    // SAFETY: this thread owns the state, and no other reference into it is alive.
    let (memo, stacks) = unsafe { (&mut *state.memo.get(), &mut *state.stacks.get()) };
    let before = looked_up();
    let found = memo.walk(at, bounds(room, at), stacks, state).map(Option::unwrap);
    (found, looked_up() - before)
}

/// `Err` would have it walked once more, and nothing of that is remembered.
#[test]
fn a_stack_deeper_than_stacks_are_kept_is_walked_once() {
    let _one_reader = crate::entries::tests::lock();
    install();
    let mut room = vec![0u64; 2 * MAX_DEPTH * 8 + 64];
    let calls: Vec<u64> = (0..2 * MAX_DEPTH as u64).map(|i| 1 + i % (FUNCTIONS - 1)).collect();
    let mut check = |depth: usize, most_steps: u64| {
        let at = lay(&mut room, 0, &calls[..depth], 7);
        let (found, steps) = remembered(&room, at);
        let mut plain = vec![0; MAX_DEPTH];
        let walked = walk(at, &mut plain, bounds(&room, at));
        let entry = found.unwrap();
        assert!(entry.addresses().iter().rev().eq(&plain[..walked.depth]), "{depth} frames");
        assert_eq!((entry.cut(), walked.depth), (depth > MAX_DEPTH, depth.min(MAX_DEPTH)));
        assert!(steps <= most_steps, "{steps} steps for {depth} frames");
    };
    let once = MAX_DEPTH as u64 + 1;
    for _ in 0..3 {
        check(2 * MAX_DEPTH, once);
    }
    // Just as deep as stacks are kept; then a little deeper, with all but the innermost frames remembered.
    check(MAX_DEPTH, once);
    check(MAX_DEPTH, 1);
    check(MAX_DEPTH + 10, 11);
    check(2 * MAX_DEPTH, once);
}

/// Words so far apart are not kept with the entry, but the previous stack has them.
#[test]
fn a_stack_with_a_very_large_frame_is_walked_as_far_as_it_has_changed() {
    let _one_reader = crate::entries::tests::lock();
    install();
    let mut room = vec![0u64; LARGE_WORDS as usize + 1000];
    let mut calls: Vec<u64> = (1..20).chain([LARGE]).chain(1..10).collect();
    let mut steps = |calls: &[u64]| {
        let at = lay(&mut room, 0, calls, 7);
        let (found, steps) = remembered(&room, at);
        let entry = found.unwrap();
        assert_eq!((entry.addresses().len(), entry.cut(), entry.stood()), (calls.len(), false, false));
        steps
    };
    assert_eq!(steps(&calls), calls.len() as u64 + 1);
    assert_eq!(steps(&calls), 1);
    // The innermost function is called by another one with a frame as large.
    let changes = calls.len() - 2;
    calls[changes] += 6;
    assert_eq!(steps(&calls), 2);
}
