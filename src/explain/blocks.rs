//! The blocks of a benchmark as they are drawn: their sizes and lives by stack, and live memory within one operation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frames::View;
use super::operation::Function;
use super::origin::{Surroundings, owners};
use super::recording::Recording;
use crate::symbolize::{Frame, trim_stack};

/// The file beside mem.prof that keeps them.
pub const BLOCKS: &str = "blocks.json";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Blocks {
    /// Operations that sizes and calls add up over; lives and `curve` are of the first of them.
    pub followed: u64,
    /// The kinds of operation that allocate, in words.
    pub kinds: Vec<String>,
    /// Function, file, line.
    pub frames: Vec<(String, String, u32)>,
    pub stacks: Vec<BlockStack>,
    /// The most bytes that were live during each of some equal stretches of the operation's events.
    pub curve: Vec<u64>,
    /// Allocations, growths and frees within the operation.
    pub events: u64,
    /// False where there were more blocks than could be followed.
    pub all_lives: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockStack {
    /// Indices into [`Blocks::frames`], the leaf first.
    pub frames: Vec<u32>,
    /// Index into [`Blocks::kinds`].
    pub kind: usize,
    /// Sizes that were asked for, and calls of each.
    pub sizes: Vec<(u64, u64)>,
    /// Calls with sizes that are not told apart.
    pub other_calls: u64,
    /// Blocks by how long they lived: by the power of two at or below the number of events; `None` for those that
    /// outlived the operation.
    pub lives: Vec<(Option<u32>, u64)>,
}

pub fn blocks(recording: &Recording, around: &Surroundings) -> Blocks {
    let owners = owners(recording, &around.root);
    let functions: Vec<Function> = recording.frames.iter().map(|frame| Function::new(&frame.function)).collect();
    let view = View { recording, owners: &owners, functions: &functions };
    let mut lives: Vec<BTreeMap<Option<u32>, u64>> = vec![BTreeMap::new(); recording.stacks.len()];
    for span in &recording.spans {
        let life = (span.ended != u32::MAX).then(|| span.ended.saturating_sub(span.begun).max(1).ilog2());
        *lives[span.stack].entry(life).or_default() += 1;
    }
    let mut all = Blocks {
        followed: recording.followed,
        curve: recording.curve.clone(),
        events: recording.events,
        all_lives: recording.all_spans,
        ..Blocks::default()
    };
    let mut known: BTreeMap<(String, String, u32), u32> = BTreeMap::new();
    for (stack, lives) in recording.stacks.iter().zip(lives) {
        let life = &stack.life;
        let calls = life.fresh + life.zeroed + life.grown + life.shrunk;
        let Some(key) = view.key(stack).filter(|_| calls > 0) else { continue };
        let title = key.operation.title();
        let kind = all.kinds.iter().position(|known| *known == title).unwrap_or_else(|| {
            all.kinds.push(title);
            all.kinds.len() - 1
        });
        let frames: Vec<Frame> = stack.frames.iter().map(|&frame| recording.frames[frame as usize].clone()).collect();
        let frames = trim_stack(vec![frames]).into_iter().flatten().map(|frame| {
            let frame = (frame.function, frame.file, frame.line);
            *known.entry(frame.clone()).or_insert_with(|| {
                all.frames.push(frame);
                all.frames.len() as u32 - 1
            })
        });
        let frames = frames.collect();
        all.stacks.push(BlockStack {
            frames,
            kind,
            sizes: life.sizes.clone(),
            other_calls: life.other_sizes,
            lives: lives.into_iter().collect(),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::recording::Recorded;
    use crate::records::{Life, Span};

    const STD: &str = "/rustc/abc/library/alloc/src/boxed.rs";

    #[test]
    fn lives_are_by_powers_of_two_and_sizes_by_stack() {
        let frame = |(function, file): (&str, &str)| Frame {
            function: function.into(),
            file: file.into(),
            line: 3,
            ..Frame::default()
        };
        let stack = |frames: &[u32], sizes: &[(u64, u64)]| Recorded {
            frames: frames.to_vec(),
            life: Life { fresh: sizes.iter().map(|(_, calls)| calls).sum(), sizes: sizes.to_vec(), ..Life::default() },
            ..Recorded::default()
        };
        let span = |stack, begun, ended| Span { stack, follows: None, begun, ended };
        let recording = Recording {
            followed: 2,
            frames: [("alloc::boxed::Box<T>::new", STD), ("p::a", "/w/a.rs"), ("p::b", "/w/a.rs")].map(frame).into(),
            stacks: vec![stack(&[0, 1], &[(8, 4), (16, 2)]), stack(&[2], &[(100, 2)]), stack(&[1], &[])],
            spans: vec![span(0, 0, 1), span(0, 1, 4), span(1, 2, u32::MAX), span(0, 5, 5 + 8)],
            curve: vec![8, 24],
            events: 4,
            all_spans: true,
            ..Recording::default()
        };
        let around = Surroundings { root: "/w".into(), source: &|_, _| None };
        let blocks = blocks(&recording, &around);
        assert_eq!(blocks.stacks.len(), 2, "the third allocates nothing");
        assert_eq!(blocks.stacks[0].lives, [(Some(0), 1), (Some(1), 1), (Some(3), 1)]);
        assert_eq!(blocks.stacks[1].lives, [(None, 1)]);
        assert_eq!(blocks.kinds, ["Box::new", "an allocation"]);
        assert_eq!(
            (blocks.stacks[0].sizes.as_slice(), blocks.curve.as_slice()),
            (&[(8, 4), (16, 2)][..], &[8, 24][..])
        );
    }
}
