//! Facts from the frames of the stacks: whose code they are, which line stands for a stack, what is done and dropped
//! there.

use super::group::{Group, Key};
use super::operation::{Function, Operation};
use super::recording::{Recorded, Recording};
use crate::explain::origin::Owner;
use crate::symbolize::Frame;

/// The recording, with whose code each frame is.
pub(super) struct View<'a> {
    pub recording: &'a Recording,
    pub owners: &'a [Owner],
    pub functions: &'a [Function],
}

impl View<'_> {
    pub fn frame(&self, index: u32) -> &Frame {
        &self.recording.frames[index as usize]
    }

    pub fn owner(&self, index: u32) -> &Owner {
        &self.owners[index as usize]
    }

    /// Position of the innermost frame of the user's; else of the innermost of another crate; else of the leaf's caller.
    fn place(&self, frames: &[u32]) -> usize {
        let position = |wanted: fn(&Owner) -> bool| frames.iter().position(|&frame| wanted(self.owner(frame)));
        let beyond_plumbing = || position(|owner| *owner != Owner::Plumbing).unwrap_or(frames.len().saturating_sub(1));
        position(|owner| *owner == Owner::User)
            .or_else(|| position(|owner| matches!(owner, Owner::Dependency(_))))
            .or_else(|| position(|owner| *owner == Owner::Foreign))
            .unwrap_or_else(beyond_plumbing)
    }

    /// The function of std that the line calls; empty if there is none.
    pub fn called(&self, group: &Group) -> String {
        let stack = group.stacks.first().map(|&index| &self.recording.stacks[index].frames[..]).unwrap_or_default();
        let inner = stack.iter().take_while(|&&frame| frame != group.key.place);
        let called = inner.filter(|&&frame| *self.owner(frame) == Owner::Std).last();
        called.map(|&frame| self.frame(frame).function.clone()).unwrap_or_default()
    }

    /// The function in which most of the group's blocks are freed: the user's innermost.
    pub fn freed_in(&self, group: &Group) -> Option<&str> {
        let (at, _) = group.life.freed_at.iter().max_by_key(|(_, blocks)| *blocks)?;
        let frames = &self.recording.stacks[*at].frames;
        Some(&self.frame(*frames.get(self.place(frames))?).function)
    }

    /// A vector that is pushed to gets room for 4 elements at first; for 8 of one byte, and for a single one of more
    /// than 1,024 (`RawVecInner::MIN_NON_ZERO_CAP`). `None` if two of these give the same size, or if it is made
    /// otherwise.
    pub fn element_bytes(&self, group: &Group) -> Option<u64> {
        let pushes = |&stack: &usize| {
            let frames = &self.recording.stacks[stack].frames;
            frames.iter().any(|&frame| self.frame(frame).function.ends_with("::grow_one"))
        };
        if group.life.other_sizes > 0 || !group.stacks.iter().all(pushes) {
            return None;
        }
        match group.life.sizes.iter().map(|&(size, _)| size).min()? {
            first @ 9..=1024 if first % 4 == 0 => Some(first / 4),
            first if first > 4096 || (first > 1024 && first % 4 != 0) => Some(first),
            _ => None,
        }
    }

    pub fn key(&self, stack: &Recorded) -> Option<Key> {
        let at = self.place(&stack.frames);
        let place = *stack.frames.get(at)?;
        let between = &stack.frames[..at];
        let foreign = between.iter().rev().find(|&&frame| {
            matches!(self.owner(frame), Owner::Foreign) || matches!(self.owner(frame), Owner::Dependency(_))
        });
        let via = foreign.map(|&frame| self.frame(frame).function.clone());
        // The functions of std that its last caller ran.
        let std = between.iter().take_while(|&&frame| matches!(self.owner(frame), Owner::Std | Owner::Plumbing));
        let std = std.filter(|&&frame| *self.owner(frame) == Owner::Std);
        let functions: Vec<&Function> = std.map(|&frame| &self.functions[frame as usize]).collect();
        let of_crates = Operation::of_crates(between.iter().map(|&frame| &self.functions[frame as usize]));
        Some(Key { place, operation: of_crates.unwrap_or_else(|| Operation::of(&functions)), via })
    }

    /// Whether the function that frees at one stack is the one that allocates at the other, or calls the one that puts
    /// something into a container there.
    pub fn frees_where_made(&self, allocating: &Recorded, freeing: &Recorded) -> bool {
        // Closures of one function may share a name.
        let function = |frame: u32| {
            let Frame { function, file, start_line, .. } = self.frame(frame);
            (function, file, start_line)
        };
        let Some(&frees) = freeing.frames.get(self.place(&freeing.frames)) else { return false };
        let at = self.place(&allocating.frames);
        let grows = matches!(self.key(allocating).map(|key| key.operation), Some(Operation::Grow(_)));
        let makers = if grows { &allocating.frames[at..] } else { allocating.frames.get(at..=at).unwrap_or_default() };
        makers.iter().any(|&frame| function(frame) == function(frees))
    }

    /// The types of the values dropped here, up to the user's code that drops them.
    pub fn dropped(&self, freeing: &Recorded) -> Vec<&str> {
        let inner = freeing.frames.iter().take_while(|&&frame| *self.owner(frame) != Owner::User);
        let glue = inner.filter_map(|&frame| self.frame(frame).function.split_once("drop_in_place<"));
        glue.map(|(_, what)| what).collect()
    }

    /// Whether the harness frees here: its frame comes before any code of the user's.
    pub fn frees_for_harness(&self, stack: &Recorded) -> bool {
        let decisive = stack.frames.iter().find_map(|&frame| match self.owner(frame) {
            Owner::User => Some(false),
            Owner::Harness => Some(true),
            _ => None,
        });
        decisive.unwrap_or(false)
    }
}

/// A user's object that owns the buffer, or the items of another container.
pub(super) fn is_more_than_a_buffer(dropped: &str) -> bool {
    !is_of_std(dropped) || dropped.starts_with("alloc::borrow::Cow")
}

/// Not a slice's items or a tuple, which begin with a bracket.
pub(super) fn is_object(dropped: &str) -> bool {
    dropped.starts_with(|c: char| c.is_alphabetic() || c == '_') && !is_of_std(dropped)
}

fn is_of_std(dropped: &str) -> bool {
    let crate_name = dropped.split([':', '<', '>', ' ']).next().unwrap_or_default();
    matches!(crate_name, "alloc" | "core" | "std" | "hashbrown")
}
