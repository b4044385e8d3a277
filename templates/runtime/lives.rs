//! The stories of blocks: from the events of a bracket of one iteration to what each stack's blocks did.
//!
//! Runs between brackets, with ordinary collections. A block that a realloc moves lives on; what the stack it began at is to
//! know is how often it grew and how large it became. A hash table grows without realloc: a new table is allocated, and the
//! old one is the next thing that the thread frees. Such successions are kept apart, since only the names of the functions
//! can tell whether they are one table or two things.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::log::{Event, Kind};

/// Different sizes kept of one stack; calls of others are only counted.
const MOST_SIZES: usize = 64;
/// Blocks of which it is kept when they lived.
const MOST_SPANS: usize = 200_000;
/// Threads that are told apart at one stack.
const MOST_THREADS: usize = 64;

/// How the blocks of one stack became larger, counted where each began.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Growth {
    /// All that began there, and those that grew.
    pub blocks: u64,
    pub grown: u64,
    /// How often they grew, all together.
    pub steps: u64,
    /// Calls of the allocator for them; all sizes that they ever had; the last sizes only.
    pub calls: u64,
    pub bytes: u64,
    pub last_bytes: u64,
    /// Of the last sizes the smallest and the largest.
    pub least_last: u64,
    pub most_last: u64,
}

impl Growth {
    fn ended(&mut self, story: Story, last: u64) {
        self.least_last = if self.blocks == 0 { last } else { self.least_last.min(last) };
        self.most_last = self.most_last.max(last);
        self.blocks += 1;
        self.grown += u64::from(story.steps > 0);
        self.steps += story.steps;
        self.calls += story.calls;
        self.bytes += story.bytes;
        self.last_bytes += last;
    }
}

/// What the blocks of one stack did; sums over brackets, except where it says otherwise.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Life {
    pub fresh: u64,
    pub zeroed: u64,
    pub grown: u64,
    pub shrunk: u64,
    /// Calls by size.
    pub sizes: BTreeMap<u64, u64>,
    /// Calls of sizes that found no place in `sizes`.
    pub other_sizes: u64,
    /// Of the blocks that began here: ended in the bracket by the thread that began them, by another one, not at all.
    pub freed: u64,
    pub freed_elsewhere: u64,
    pub kept: u64,
    /// Reallocs here of blocks that are older than the bracket.
    pub of_older: u64,
    /// By realloc.
    pub grew: Growth,
    /// By a new block and the freeing of the old one.
    pub replaced: Growth,
    /// The stacks that the growing reallocs of blocks that began here had, with their number.
    pub grew_at: BTreeMap<u32, u64>,
    /// The stacks that blocks that began here were freed at, with their number, where that was asked for.
    pub freed_at: BTreeMap<u32, u64>,
    /// Bytes live at the highest moment of the bracket with the highest.
    pub peak_bytes: u64,
    /// The most blocks that lived at once of those that began here.
    pub most_live: u64,
    /// The threads that allocated here in the first bracket.
    pub threads: BTreeSet<u32>,
    /// Brackets in which it was called at all.
    pub brackets: u64,
}

/// When a block of the first bracket lived, in numbers of events: with others' spans this tells how many lived at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where the block began, or the first of a succession of tables.
    pub entry: u32,
    pub of: SpanOf,
    pub begun: u32,
    /// `u32::MAX`: it outlived the bracket.
    pub ended: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanOf {
    /// A block that neither followed another nor was followed.
    Either,
    Block,
    /// A succession of tables.
    Tables,
}

/// The lives of all stacks, by their entries' numbers.
#[derive(Default)]
pub struct Lives {
    pub stacks: HashMap<u32, Life>,
    pub spans: Vec<Span>,
    /// There were more than are kept.
    pub more_spans: bool,
    pub brackets: u64,
    /// Live bytes at the highest moment of all brackets.
    pub peak_bytes: u64,
}

/// What a block has been through.
#[derive(Clone, Copy, Default)]
struct Story {
    steps: u64,
    calls: u64,
    bytes: u64,
}

/// A block of the bracket while it lives.
struct Block {
    size: u64,
    entry: u32,
    /// Where it began; 0 where that was before the bracket.
    origin: u32,
    thread: u32,
    story: Story,
    /// The same for the succession of tables that it is the last of.
    first: u32,
    succession: Story,
    begun: u32,
    first_begun: u32,
}

impl Block {
    /// A block that begins at `entry`.
    fn new(event: &Event, entry: u32, at: u32) -> Block {
        let story = Story { steps: 0, calls: 1, bytes: event.size };
        let Event { size, thread, .. } = *event;
        Block { size, entry, origin: entry, thread, story, first: entry, succession: story, begun: at, first_begun: at }
    }
}

/// What one thread did last.
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
    /// Adds the events of one bracket.
    pub fn add(&mut self, events: &[Event]) {
        let mut bracket = Bracket::default();
        for (at, event) in events.iter().enumerate() {
            bracket.at = at as u32;
            self.event(&mut bracket, event);
            if bracket.bytes > bracket.peak_bytes {
                bracket.peak_bytes = bracket.bytes;
                bracket.peak_at = at;
            }
        }
        for (_, block) in bracket.live.drain() {
            if block.origin != 0 {
                self.stack(block.origin).kept += 1;
            }
            self.end(&block, u32::MAX, false);
        }
        for entry in bracket.allocating {
            self.stack(entry).brackets += 1;
        }
        self.brackets += 1;
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
        // A table that took the place of another was never beside it.
        let succeeds = match (event.kind, newest.and_then(|block| bracket.live.get(&block))) {
            (Kind::Freed, Some(new)) => bracket.live.get(&event.block).is_some_and(|old| old.size < new.size),
            _ => false,
        };
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
                // What is not known is older than the bracket.
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
                let successor = newest.filter(|_| succeeds && block.origin != 0);
                if let Some(new) = successor.and_then(|new| bracket.live.get_mut(&new)) {
                    new.first = block.first;
                    new.first_begun = block.first_begun;
                    new.succession.steps += block.succession.steps + 1;
                    new.succession.calls += block.succession.calls;
                    new.succession.bytes += block.succession.bytes;
                    self.end(&block, bracket.at, true);
                } else {
                    self.end(&block, bracket.at, false);
                }
            }
        }
    }

    /// A call of the allocator that gave a block.
    fn called(&mut self, bracket: &mut Bracket, event: &Event) {
        bracket.allocating.insert(event.entry);
        let first = self.brackets == 0;
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

    /// Nothing more comes of `block`; a table that is `succeeded` goes on in another one.
    fn end(&mut self, block: &Block, ended: u32, succeeded: bool) {
        if block.origin == 0 {
            return;
        }
        let alone = !succeeded && block.succession.steps == 0;
        self.stack(block.origin).grew.ended(block.story, block.size);
        let of = if alone { SpanOf::Either } else { SpanOf::Block };
        self.span(Span { entry: block.origin, of, begun: block.begun, ended });
        if !succeeded {
            self.stack(block.first).replaced.ended(block.succession, block.size);
            if !alone {
                self.span(Span { entry: block.first, of: SpanOf::Tables, begun: block.first_begun, ended });
            }
        }
    }

    fn span(&mut self, span: Span) {
        if self.brackets == 0 && self.spans.len() < MOST_SPANS {
            self.spans.push(span);
        } else if self.brackets == 0 {
            self.more_spans = true;
        }
    }

    /// What was live after `events`, and nothing else, is the peak.
    fn peak(&mut self, events: &[Event]) {
        let mut live: HashMap<u64, (u32, u64)> = HashMap::new();
        for event in events {
            match event.kind {
                Kind::Moved | Kind::Freed => drop(live.remove(&event.block)),
                _ => drop(live.insert(event.block, (event.entry, event.size))),
            }
        }
        self.stacks.values_mut().for_each(|life| life.peak_bytes = 0);
        for (entry, size) in live.into_values() {
            self.stack(entry).peak_bytes += size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind, block: u64, size: u64, entry: u32) -> Event {
        Event { kind, block, size, entry, thread: 1 }
    }

    fn lives(events: &[Event]) -> Lives {
        let mut lives = Lives::default();
        lives.add(events);
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
        let grew = Growth {
            blocks: 1,
            grown: 1,
            steps: 2,
            calls: 3,
            bytes: 56,
            last_bytes: 32,
            least_last: 32,
            most_last: 32,
        };
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
        let spans = [
            Span { entry: 1, of: SpanOf::Block, begun: 0, ended: 2 },
            Span { entry: 1, of: SpanOf::Block, begun: 1, ended: 3 },
            Span { entry: 1, of: SpanOf::Tables, begun: 0, ended: 3 },
        ];
        assert_eq!(of_table.spans, spans);
        let replaced = &of_table.stacks[&1].replaced;
        assert_eq!((replaced.blocks, replaced.steps, replaced.bytes, replaced.last_bytes), (1, 1, 252, 168));
        let two = [
            event(Fresh, 16, 84, 1),
            event(Fresh, 512, 168, 1),
            event(Fresh, 1024, 8, 2),
            event(Freed, 16, 84, 0),
            event(Freed, 512, 168, 0),
        ];
        let replaced = &lives(&two).stacks[&1].replaced;
        assert_eq!(replaced.steps, 0);
    }

    #[test]
    fn who_frees_and_what_stays() {
        let mut events = vec![event(Fresh, 16, 8, 1), event(Zeroed, 32, 8, 1), event(Fresh, 48, 8, 1)];
        events.push(event(Freed, 16, 8, 0));
        events.push(Event { thread: 2, ..event(Freed, 32, 8, 0) });
        // A block of before the bracket.
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
    fn the_peak_is_that_of_the_highest_bracket() {
        let mut lives = Lives::default();
        lives.add(&[event(Fresh, 16, 100, 1), event(Freed, 16, 100, 0), event(Fresh, 16, 20, 2)]);
        lives.add(&[event(Fresh, 16, 50, 2), event(Fresh, 64, 60, 2)]);
        lives.add(&[event(Fresh, 16, 10, 1)]);
        assert_eq!((lives.peak_bytes, lives.stacks[&1].peak_bytes, lives.stacks[&2].peak_bytes), (110, 0, 110));
        assert_eq!((lives.brackets, lives.stacks[&1].brackets, lives.stacks[&2].brackets), (3, 2, 2));
    }
}
