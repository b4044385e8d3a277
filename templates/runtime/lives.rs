//! The stories of blocks: from the events of a bracket of one iteration to what each stack's blocks did.
//!
//! Runs between brackets, with ordinary collections. A block that a realloc moves lives on; its stack records how often
//! it grew and how large it became. A hash table grows without realloc: a new table is allocated, and the old one is
//! the next block that the thread frees. Any block that is dropped right after a larger one was allocated looks the
//! same. Such successions are kept step by step, since only the names of the functions can tell which steps are one
//! table's.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::mem;

use crate::life::{Life, Piece, Span, Story, Succession};
use crate::log::{Event, Kind};
use crate::peak;

/// Different sizes kept for one stack; calls of others are only counted.
const MOST_SIZES: usize = 64;
/// Blocks whose span is kept.
const MOST_SPANS: usize = 200_000;
/// Stretches of the curve.
const MOST_STRETCHES: usize = 600;
/// Threads that are told apart at one stack.
const MOST_THREADS: usize = 64;
/// Runs kept of one succession, and different successions.
const MOST_RUNS: usize = 16;
const MOST_SUCCESSIONS: usize = 20_000;

/// The lives of all stacks, by their entries' numbers.
#[derive(Default)]
pub struct Lives {
    pub stacks: HashMap<u32, Life>,
    /// By the entries on their path.
    pub successions: BTreeMap<Vec<u32>, Succession>,
    /// There were more than are kept.
    pub more_successions: bool,
    pub spans: Vec<Span>,
    /// There were more than are kept.
    pub more_spans: bool,
    /// The first bracket over its events: the most bytes that were live during each of so many equal stretches.
    pub curve: Vec<u64>,
    pub events: u64,
    /// Operations that were followed: as many as there were iterations in the brackets.
    pub operations: u64,
    /// Live bytes at the highest moment of all brackets.
    pub peak_bytes: u64,
}

/// A block of the bracket while it lives.
struct Block {
    size: u64,
    entry: u32,
    /// The stack where it began; 0 if that was before the bracket.
    origin: u32,
    thread: u32,
    story: Story,
    begun: u32,
    /// The succession that it is the last block of; empty if it is alone.
    way: Vec<(u32, Piece)>,
    follows: u32,
}

impl Block {
    /// A block that begins at `entry`.
    fn new(event: &Event, entry: u32, at: u32) -> Block {
        let story = Story { steps: 0, calls: 1, bytes: event.size };
        let Event { size, thread, .. } = *event;
        Block { size, entry, origin: entry, thread, story, begun: at, way: Vec::new(), follows: 0 }
    }
}

/// The last actions of one thread.
#[derive(Default)]
struct Thread {
    /// The block that it has just allocated.
    newest: Option<u64>,
    /// The block that it is about to grow.
    moving: Option<Block>,
}

#[derive(Default)]
struct Bracket {
    live: HashMap<u64, Block>,
    threads: HashMap<u32, Thread>,
    /// Live blocks by the stack that they began at.
    blocks: HashMap<u32, u64>,
    allocating: HashSet<u32>,
    at: u32,
    bytes: u64,
    peak_bytes: u64,
    peak_at: usize,
}

impl Lives {
    /// Adds the events of one bracket, in which so many operations ran.
    pub fn add(&mut self, events: &[Event], operations: u64) {
        let mut bracket = Bracket::default();
        let stretches = if self.operations == 0 { events.len().min(MOST_STRETCHES) } else { 0 };
        if stretches > 0 {
            self.events = events.len() as u64;
            self.curve = vec![0; stretches];
        }
        for (at, event) in events.iter().enumerate() {
            bracket.at = at as u32;
            self.event(&mut bracket, event);
            if bracket.bytes > bracket.peak_bytes {
                bracket.peak_bytes = bracket.bytes;
                bracket.peak_at = at;
            }
            if stretches > 0 {
                let most = &mut self.curve[at * stretches / events.len()];
                *most = bracket.bytes.max(*most);
            }
        }
        for (_, block) in bracket.live.drain() {
            if block.origin != 0 {
                self.stack(block.origin).kept += 1;
            }
            self.end(block, u32::MAX);
        }
        for entry in bracket.allocating {
            self.stack(entry).brackets += 1;
        }
        self.operations += operations;
        if bracket.peak_bytes > self.peak_bytes {
            self.peak_bytes = bracket.peak_bytes;
            self.peak(&events[..=bracket.peak_at]);
        }
    }

    fn stack(&mut self, entry: u32) -> &mut Life {
        self.stacks.entry(entry).or_default()
    }

    fn event(&mut self, bracket: &mut Bracket, event: &Event) {
        let thread = bracket.threads.entry(event.thread).or_default();
        let newest = thread.newest.take();
        let moving = thread.moving.take();
        match event.kind {
            Kind::Fresh | Kind::Zeroed => {
                self.called(bracket, event);
                let life = self.stack(event.entry);
                *(if event.kind == Kind::Fresh { &mut life.fresh } else { &mut life.zeroed }) += 1;
                let live = bracket.blocks.entry(event.entry).or_default();
                *live += 1;
                life.most_live = life.most_live.max(*live);
                bracket.threads.entry(event.thread).or_default().newest = Some(event.block);
                bracket.bytes += event.size;
                bracket.live.insert(event.block, Block::new(event, event.entry, bracket.at));
            }
            Kind::Moved => {
                let block = bracket.live.remove(&event.block);
                if let Some(block) = &block {
                    bracket.bytes = bracket.bytes.saturating_sub(block.size);
                }
                // An unknown block is older than the bracket.
                let moving = block.unwrap_or_else(|| Block::new(event, 0, bracket.at));
                bracket.threads.entry(event.thread).or_default().moving = Some(moving);
            }
            Kind::Resized => {
                self.called(bracket, event);
                let mut block = match moving {
                    Some(block) => block,
                    None => return,
                };
                let grown = event.size > block.size;
                let life = self.stack(event.entry);
                *(if grown { &mut life.grown } else { &mut life.shrunk }) += 1;
                if block.origin == 0 {
                    life.of_older += 1;
                } else if grown {
                    *self.stack(block.origin).grew_at.entry(event.entry).or_default() += 1;
                }
                block.story.steps += u64::from(grown);
                block.story.calls += 1;
                block.story.bytes += event.size;
                block.size = event.size;
                block.entry = event.entry;
                bracket.bytes += event.size;
                bracket.live.insert(event.block, block);
            }
            Kind::Opened => (),
            Kind::Freed => {
                let block = match bracket.live.remove(&event.block) {
                    Some(block) => block,
                    None => return,
                };
                bracket.bytes = bracket.bytes.saturating_sub(block.size);
                if block.origin != 0 {
                    *bracket.blocks.entry(block.origin).or_default() -= 1;
                    let life = self.stack(block.origin);
                    *(if block.thread == event.thread { &mut life.freed } else { &mut life.freed_elsewhere }) += 1;
                    if event.entry != 0 {
                        *life.freed_at.entry(event.entry).or_default() += 1;
                        // It is named among the stacks, whether it allocates or not.
                        self.stack(event.entry);
                    }
                }
                let successor = newest.filter(|_| block.origin != 0).and_then(|new| bracket.live.get_mut(&new));
                match successor.filter(|new| block.size < new.size) {
                    Some(new) => self.succeed(block, new, bracket.at),
                    None => self.end(block, bracket.at),
                }
            }
        }
    }

    /// `new` was made right before `old` was freed, and is larger.
    fn succeed(&mut self, mut old: Block, new: &mut Block, at: u32) {
        self.stack(old.origin).grew.ended(old.story, old.size);
        let mut way = mem::take(&mut old.way);
        if way.is_empty() {
            way.push((old.origin, Piece::new(old.size)));
        }
        let full = way.len() == MOST_RUNS;
        match way.last_mut() {
            Some((entry, piece)) if *entry == new.origin => piece.longer(new.size),
            _ if full => self.more_successions = true,
            _ => way.push((new.origin, Piece::new(new.size))),
        }
        new.way = way;
        new.follows = self.span(&old, at);
    }

    /// A call of the allocator that gave a block.
    fn called(&mut self, bracket: &mut Bracket, event: &Event) {
        bracket.allocating.insert(event.entry);
        let first = self.operations == 0;
        let life = self.stack(event.entry);
        if first && life.threads.len() < MOST_THREADS {
            life.threads.insert(event.thread);
        }
        let room = life.sizes.len() < MOST_SIZES;
        match life.sizes.get_mut(&event.size) {
            Some(calls) => *calls += 1,
            None if room => drop(life.sizes.insert(event.size, 1)),
            None => life.other_sizes += 1,
        }
    }

    /// The story of `block` is complete.
    fn end(&mut self, block: Block, ended: u32) {
        if block.origin == 0 {
            return;
        }
        self.span(&block, ended);
        let life = self.stack(block.origin);
        life.grew.ended(block.story, block.size);
        if block.way.is_empty() {
            return life.alone.ended(block.story, block.size);
        }
        let key: Vec<u32> = block.way.iter().map(|(entry, _)| *entry).collect();
        if self.successions.len() >= MOST_SUCCESSIONS && !self.successions.contains_key(&key) {
            self.more_successions = true;
            return;
        }
        let succession = self.successions.entry(key).or_default();
        succession.times += 1;
        for (i, (_, piece)) in block.way.iter().enumerate() {
            match succession.pieces.get_mut(i) {
                Some(sum) => sum.join(piece),
                None => succession.pieces.push(*piece),
            }
        }
    }

    /// Records when `block` lived; one more than the span's index, or 0 if the span is not kept.
    fn span(&mut self, block: &Block, ended: u32) -> u32 {
        if self.operations > 0 {
            return 0;
        }
        if self.spans.len() == MOST_SPANS {
            self.more_spans = true;
            return 0;
        }
        self.spans.push(Span { entry: block.origin, follows: block.follows, begun: block.begun, ended });
        self.spans.len() as u32
    }

    /// The peak consists of the blocks that are live after `events`, and nothing else.
    fn peak(&mut self, events: &[Event]) {
        self.stacks.values_mut().for_each(|life| life.peak_bytes = 0);
        for (entry, size) in peak::live_after(events).into_values() {
            self.stack(entry).peak_bytes += size;
        }
    }
}

#[cfg(test)]
#[path = "lives/tests.rs"]
mod tests;
