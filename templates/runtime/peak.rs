//! The live blocks at a bracket's highest moment, by stack: from its events, which have one order over all threads.

use std::collections::HashMap;

use crate::log::{Event, Kind};

/// The highest moment of one bracket.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Peak {
    /// Live bytes above the bracket's start: frees of older blocks count against it.
    pub bytes: u64,
    /// The bracket's own blocks that were live then: objects and bytes by an entry's number.
    pub stacks: HashMap<u32, (u64, u64)>,
}

impl Peak {
    /// The peak of the events of a pass, which may have several brackets: the highest of theirs.
    pub fn of(events: &[Event]) -> Peak {
        let (mut now, mut bytes, mut at) = (0, 0, 0);
        for (i, event) in events.iter().enumerate() {
            match event.kind {
                Kind::Opened => now = 0,
                Kind::Fresh | Kind::Zeroed | Kind::Resized => now += event.size as i64,
                Kind::Moved | Kind::Freed => now -= event.size as i64,
            }
            if now > bytes {
                (bytes, at) = (now, i + 1);
            }
        }
        let mut peak = Peak { bytes: bytes as u64, stacks: HashMap::new() };
        for (entry, size) in live_after(&events[..at]).into_values() {
            let sums = peak.stacks.entry(entry).or_insert((0, 0));
            *sums = (sums.0 + 1, sums.1 + size);
        }
        peak
    }
}

/// The blocks that are live after `events`, of those that the last bracket allocated: entry and size by address.
pub fn live_after(events: &[Event]) -> HashMap<u64, (u32, u64)> {
    let mut live = HashMap::new();
    for event in events {
        match event.kind {
            Kind::Opened => live.clear(),
            Kind::Moved | Kind::Freed => drop(live.remove(&event.block)),
            _ => drop(live.insert(event.block, (event.entry, event.size))),
        }
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random events against a copy of everything at each new maximum.
    #[test]
    fn agrees_with_copies_at_every_peak() {
        let mut random = crate::live_map::tests::random();
        for _ in 0..20 {
            let (mut events, mut blocks) = (Vec::new(), Vec::new());
            let (mut live, mut expected, mut now) = (HashMap::new(), Peak::default(), 0i64);
            for block in 1..if cfg!(miri) { 100 } else { 5_000 } {
                let entry = (random() % 50) as u32;
                let size = random() % 100;
                if random() % 5 < 3 || blocks.is_empty() {
                    blocks.push((block, entry, size));
                    events.push(Event { kind: Kind::Fresh, block, size, entry, thread: 1 });
                    let sums = live.entry(entry).or_insert((0, 0));
                    *sums = (sums.0 + 1, sums.1 + size);
                    now += size as i64;
                } else {
                    let (block, entry, size) = blocks.swap_remove(random() as usize % blocks.len());
                    events.push(Event { kind: Kind::Freed, block, size, entry: 0, thread: 2 });
                    let sums = live.get_mut(&entry).unwrap();
                    *sums = (sums.0 - 1, sums.1 - size);
                    now -= size as i64;
                }
                if now > expected.bytes as i64 {
                    expected = Peak { bytes: now as u64, stacks: live.clone() };
                }
            }
            expected.stacks.retain(|_, sums| sums.0 != 0);
            assert_eq!(Peak::of(&events), expected);
        }
    }

    #[test]
    fn older_blocks_and_other_brackets_do_not_count() {
        let event = |kind, block, size, entry| Event { kind, block, size, entry, thread: 1 };
        let events = [
            event(Kind::Opened, 0, 0, 0),
            event(Kind::Fresh, 16, 90, 1),
            event(Kind::Opened, 0, 0, 0),
            // From before the bracket.
            event(Kind::Freed, 4096, 30, 0),
            event(Kind::Fresh, 32, 100, 2),
            event(Kind::Moved, 32, 100, 0),
            event(Kind::Resized, 64, 125, 3),
            event(Kind::Freed, 64, 125, 0),
        ];
        assert_eq!(Peak::of(&events), Peak { bytes: 95, stacks: HashMap::from([(3, (1, 125))]) });
    }
}
