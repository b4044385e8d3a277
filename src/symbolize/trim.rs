//! Cuts stacks before they are shown: the allocator's plumbing at the leaf, the thread's start at the root.
//!
//! It follows Go, whose profiles end in the call that a programmer wrote and not in mallocgc. It only cuts whole runs
//! at the two ends: plumbing further up (an allocator that allocates) is part of the story.

use std::ops::Range;

use super::frame::{Frame, Part, Place};
use super::plumbing::{Role, is_thread_start, only_waits};

/// Trims frames, innermost first. Keeps at least one.
pub fn trim(mut frames: Vec<Frame>) -> Vec<Frame> {
    let kept = kept_of(frames.iter());
    frames.truncate(kept.end);
    frames.drain(..kept.start);
    frames
}

/// Cuts off the thread's start, and keeps the plumbing.
pub fn code(mut frames: Vec<Frame>) -> Vec<Frame> {
    let start = frames.iter().position(|frame| is_thread_start(&frame.function));
    frames.truncate(start.map_or(frames.len(), |start| start.max(1)));
    frames
}

/// Trims a stack of places, each with its frames, leaf first; drops places that end up empty.
pub fn trim_stack(mut stack: Vec<Vec<Frame>>) -> Vec<Vec<Frame>> {
    let kept = kept_of(stack.iter().flatten());
    let mut position = 0;
    for frames in &mut stack {
        let Range { start, end } = within(frames.len(), &kept, &mut position);
        frames.truncate(end);
        frames.drain(..start);
    }
    stack.retain(|frames| !frames.is_empty());
    stack
}

/// The positions of the frames that a stack keeps, at least one if it has any. The stack has the numbers of its places,
/// leaf first.
pub type Trim = fn(&[Place], &[u32]) -> Range<usize>;

/// Trims like [`trim_stack`].
pub fn trim_allocation(places: &[Place], stack: &[u32]) -> Range<usize> {
    kept(stack.iter().flat_map(|&place| &places[place as usize].roles).copied())
}

/// Trims the stack of a wait: cuts the frames between the programmer's call and the kernel, and the thread's start.
pub fn trim_wait(places: &[Place], stack: &[u32]) -> Range<usize> {
    let end = end(stack.iter().flat_map(|&place| &places[place as usize].roles).copied());
    let frames = stack.iter().flat_map(|&place| &places[place as usize].frames);
    frames.take(end.saturating_sub(1)).take_while(|frame| only_waits(&frame.function)).count()..end
}

/// The parts of a stack's places whose frames' positions are in `kept`.
pub fn parts(places: &[Place], stack: &[u32], kept: Range<usize>) -> Vec<Part> {
    let mut position = 0;
    let part = |&place: &u32| {
        let Range { start, end } = within(places[place as usize].frames.len(), &kept, &mut position);
        Part { place, start: start as u32, end: end as u32 }
    };
    stack.iter().map(part).filter(|part| part.start < part.end).collect()
}

/// Those of a place's `frames` whose position in the whole stack is in `kept`; advances `position` past all of them.
fn within(frames: usize, kept: &Range<usize>, position: &mut usize) -> Range<usize> {
    let place = |bound: usize| bound.saturating_sub(*position).min(frames);
    let part = place(kept.start)..place(kept.end);
    *position += frames;
    part
}

fn kept_of<'a>(frames: impl Iterator<Item = &'a Frame>) -> Range<usize> {
    let roles: Vec<Role> = frames.map(|frame| Role::of(&frame.function)).collect();
    kept(roles.iter().copied())
}

/// The positions to keep.
fn kept(roles: impl Iterator<Item = Role> + Clone) -> Range<usize> {
    let end = end(roles.clone());
    let roles = roles.take(end);
    let plumbing = roles.clone().take_while(|role| role.is_plumbing).count();
    let called = roles.skip(plumbing);
    let helpers = match plumbing {
        0 => 0,
        _ => called.clone().zip(called.skip(1)).take_while(|(helper, caller)| helper.helps(*caller)).count(),
    };
    (plumbing + helpers).min(end.saturating_sub(1))..end
}

/// The position of the thread's start. A sample of the thread's start itself keeps that one frame.
fn end(mut roles: impl Iterator<Item = Role> + Clone) -> usize {
    let all = roles.clone();
    match roles.position(|role| role.is_thread_start) {
        Some(start) => start.max(1),
        None => all.count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(functions: &[&str]) -> Vec<Frame> {
        functions.iter().map(|function| Frame { function: (*function).into(), ..Frame::default() }).collect()
    }

    fn names(frames: &[Frame]) -> Vec<&str> {
        frames.iter().map(|frame| &frame.function[..]).collect()
    }

    const START: &str = "std::sys::backtrace::__rust_begin_short_backtrace::<fn(), ()>";

    #[test]
    fn the_leaf_is_what_was_called_and_the_root_is_the_threads_code() {
        let stack = frames(&[
            "<memprof_rt::Track<std::alloc::System> as core::alloc::global::GlobalAlloc>::realloc",
            "__rustc::__rust_realloc",
            "alloc::alloc::realloc",
            "alloc::raw_vec::finish_grow::<alloc::alloc::Global>",
            "alloc::raw_vec::RawVec<T,A>::grow_one",
            "alloc::vec::Vec<T,A>::push",
            "alloc::raw_vec::RawVec<T,A>::try_reserve",
            "bench::work",
            START,
            "std::rt::lang_start_internal",
            "main",
        ]);
        assert_eq!(
            names(&trim(stack)),
            ["alloc::vec::Vec<T,A>::push", "alloc::raw_vec::RawVec<T,A>::try_reserve", "bench::work"]
        );
    }

    #[test]
    fn helpers_go_with_the_plumbing_and_only_with_it() {
        let push = ["alloc::vec::Vec<T,A>::push_mut", "alloc::vec::Vec<T,A>::push", "bench::work"];
        let mut allocated = vec!["__rustc::__rust_realloc"];
        allocated.extend(push);
        assert_eq!(names(&trim(frames(&allocated))), push[1..]);
        assert_eq!(names(&trim(frames(&push))), push);
    }

    #[test]
    fn nothing_is_ever_trimmed_to_nothing() {
        assert_eq!(trim(Vec::new()), []);
        assert_eq!(names(&trim(frames(&["__rust_alloc", "alloc::alloc::alloc"]))), ["alloc::alloc::alloc"]);
        assert_eq!(
            names(&trim(frames(&["__rust_alloc", "alloc::alloc::alloc", START, "main"]))),
            ["alloc::alloc::alloc"]
        );
        assert_eq!(names(&trim(frames(&[START, "main"]))), [START]);
        assert_eq!(names(&trim(frames(&["main"]))), ["main"]);
    }

    #[test]
    fn of_nested_starts_the_innermost_counts() {
        let stack = frames(&["bench::work", "test::__rust_begin_short_backtrace", "test::run", START, "main"]);
        assert_eq!(names(&trim(stack)), ["bench::work"]);
    }

    #[test]
    fn places_keep_their_inlined_frames() {
        let stack = vec![
            frames(&["memprof_rt::alloc", "__rustc::__rust_alloc"]),
            frames(&["alloc::raw_vec::RawVec<T,A>::grow_one", "alloc::vec::Vec<T,A>::push", "bench::inner"]),
            frames(&["bench::outer"]),
            frames(&["bench::main", START]),
            frames(&["main"]),
        ];
        let places: Vec<_> = stack.iter().map(|frames| Place::new(0, None, frames.clone())).collect();
        let all: Vec<Frame> = stack.concat();
        let trimmed = trim_stack(stack);
        let shape: Vec<_> = trimmed.iter().map(|frames| names(frames)).collect();
        assert_eq!(
            shape,
            [vec!["alloc::vec::Vec<T,A>::push", "bench::inner"], vec!["bench::outer"], vec!["bench::main"]]
        );
        let stack = [0, 1, 2, 3, 4];
        let kept = trim_allocation(&places, &stack);
        assert_eq!(all[kept.clone()], trimmed.concat());
        let part = |place, start, end| Part { place, start, end };
        assert_eq!(parts(&places, &stack, kept), [part(1, 1, 3), part(2, 0, 1), part(3, 0, 1)]);
    }

    #[test]
    fn an_empty_place_is_left_out() {
        assert!(trim_stack(vec![Vec::new()]).is_empty());
        assert!(trim_stack(Vec::new()).is_empty());
    }
}
