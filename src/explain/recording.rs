//! The input of an explanation: the stacks of one benchmark, untrimmed, with their counts and the fate of their blocks.

use std::collections::HashMap;

use crate::records::{Allocations, Life, Lives, Span, Stack, StackCounts, Succession};
use crate::symbolize::{Frame, Symbolizer, code};

/// One benchmark.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// It is a whole run of a program, not one operation of many.
    pub run: bool,
    /// Iterations that the counts add up over.
    pub iterations: u64,
    /// Operations that the lives add up over.
    pub followed: u64,
    /// False where an operation had more allocations than could be followed.
    pub whole: bool,
    /// Live bytes at the highest moment.
    pub peak_bytes: u64,
    /// Every function at a line that occurs, once.
    pub frames: Vec<Frame>,
    pub stacks: Vec<Recorded>,
    /// Blocks that took each other's place; indices are into `stacks`.
    pub successions: Vec<Succession>,
    /// False where there were more of them than could be kept.
    pub all_successions: bool,
    /// When the blocks of the first operation lived; indices are into `stacks`. Empty where there were too many.
    pub spans: Vec<Span>,
    /// False where there were too many.
    pub all_spans: bool,
    /// The first operation over its events: the most bytes that were live during each of so many equal stretches.
    pub curve: Vec<u64>,
    pub events: u64,
}

/// One stack.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Indices into [`Recording::frames`], leaf first, the allocator's plumbing and all; the thread's start is the last.
    pub frames: Vec<u32>,
    /// The walk did not reach the thread's start.
    pub cut: bool,
    pub counts: StackCounts,
    /// Indices in it are into [`Recording::stacks`].
    pub life: Life,
}

impl Recording {
    /// Joins the stacks of a counting pass with the lives of the same process. Threads with equal stacks are summed.
    pub fn new(symbolizer: &mut Symbolizer, iterations: u64, counted: &[Allocations], lives: &Lives) -> Recording {
        let mut recording = Recording {
            iterations,
            followed: lives.operations,
            whole: lives.whole,
            peak_bytes: lives.peak_bytes,
            successions: lives.successions.clone(),
            all_successions: !lives.more_successions,
            all_spans: !lives.more_spans && lives.whole,
            curve: lives.curve.clone(),
            events: lives.events,
            ..Recording::default()
        };
        let mut joining = Joining::default();
        for Allocations { stack, counts, .. } in counted {
            let at = joining.place(&mut recording, symbolizer, stack);
            let sum = &mut recording.stacks[at].counts;
            *sum = [*sum, *counts].into_iter().sum();
        }
        let places: Vec<usize> =
            lives.stacks.iter().map(|(stack, _)| joining.place(&mut recording, symbolizer, stack)).collect();
        for ((_, life), &at) in lives.stacks.iter().zip(&places) {
            let mut life = life.clone();
            let stacks = life.grew_at.iter_mut().chain(&mut life.freed_at);
            stacks.for_each(|(stack, _)| *stack = places[*stack]);
            recording.stacks[at].life.join(&life);
        }
        let pieces = recording.successions.iter_mut().flat_map(|succession| &mut succession.pieces);
        pieces.for_each(|piece| piece.stack = places[piece.stack]);
        if !lives.more_spans {
            recording.spans = lives.spans.iter().map(|span| Span { stack: places[span.stack], ..*span }).collect();
        }
        recording
    }
}

/// The runtime's own functions below which the harness and the user's code run.
const DRIVER: &str = "memprof_rt::driver::";

#[derive(Default)]
struct Joining {
    stacks: HashMap<Vec<u64>, usize>,
    frames: HashMap<Frame, u32>,
}

impl Joining {
    fn place(&mut self, recording: &mut Recording, symbolizer: &mut Symbolizer, stack: &Stack) -> usize {
        // The driver of the passes is not the same code in all of them.
        let is_driver = |frames: &[Frame]| frames.iter().any(|frame| frame.function.starts_with(DRIVER));
        let driver = stack.addresses.iter().position(|&address| is_driver(symbolizer.frames(address, false).1));
        let addresses = &stack.addresses[..driver.unwrap_or(stack.addresses.len())];
        if let Some(&at) = self.stacks.get(addresses) {
            return at;
        }
        let frames = addresses.iter().flat_map(|&address| symbolizer.frames(address, false).1.to_vec());
        let frames = code(frames.collect());
        let frames = frames.into_iter().map(|frame| match self.frames.get(&frame) {
            Some(&number) => number,
            None => {
                let number = recording.frames.len() as u32;
                recording.frames.push(frame.clone());
                self.frames.insert(frame, number);
                number
            }
        });
        let frames = frames.collect();
        let cut = stack.completeness == crate::records::Completeness::Cut;
        recording.stacks.push(Recorded { frames, cut, ..Recorded::default() });
        self.stacks.insert(addresses.to_vec(), recording.stacks.len() - 1);
        recording.stacks.len() - 1
    }
}
