//! Cuts stacks before they are shown: the allocator's plumbing at the leaf, the thread's start at the root.
//!
//! It follows Go, whose profiles end in the call that a programmer wrote and not in mallocgc. It only cuts whole runs
//! at the two ends: plumbing further up (an allocator that allocates) is part of the story.

use std::ops::Range;

use super::frame::{Frame, LocatedFrames};
use super::plumbing::{is_helper_of, is_plumbing, is_thread_start, only_waits};

/// Trims frames, innermost first. Keeps at least one.
pub fn trim(mut frames: Vec<Frame>) -> Vec<Frame> {
    let kept = kept(frames.iter());
    frames.truncate(kept.end);
    frames.drain(..kept.start);
    frames
}

/// Cuts off the thread's start, and keeps the plumbing.
pub fn code(mut frames: Vec<Frame>) -> Vec<Frame> {
    let kept = kept(frames.iter());
    frames.truncate(kept.end);
    frames
}

/// Trims a stack of places, each with its frames, leaf first; drops places that end up empty.
pub fn trim_stack(mut stack: Vec<Vec<Frame>>) -> Vec<Vec<Frame>> {
    let kept = kept(stack.iter().flatten());
    let mut position = 0;
    for frames in &mut stack {
        keep(frames, &kept, &mut position);
    }
    stack.retain(|frames| !frames.is_empty());
    stack
}

/// Like [`trim_stack`], with the addresses kept beside their frames.
pub fn trim_located(mut stack: Vec<LocatedFrames>) -> Vec<LocatedFrames> {
    let kept = kept(stack.iter().flat_map(|located| &located.frames));
    let mut position = 0;
    for located in &mut stack {
        keep(&mut located.frames, &kept, &mut position);
    }
    stack.retain(|located| !located.frames.is_empty());
    stack
}

/// Trims the stack of a wait: cuts the frames between the programmer's call and the kernel, and the thread's start.
pub fn trim_wait(mut stack: Vec<LocatedFrames>) -> Vec<LocatedFrames> {
    let frames = || stack.iter().flat_map(|located| &located.frames);
    let end = frames().position(|frame| is_thread_start(&frame.function)).unwrap_or(frames().count()).max(1);
    let waiting = frames().take(end - 1).take_while(|frame| only_waits(&frame.function)).count();
    let (kept, mut position) = (waiting..end, 0);
    for located in &mut stack {
        keep(&mut located.frames, &kept, &mut position);
    }
    stack.retain(|located| !located.frames.is_empty());
    stack
}

/// Keeps the frames of one place whose position in the whole stack is in `kept`, and advances `position` past all of
/// them.
fn keep(frames: &mut Vec<Frame>, kept: &Range<usize>, position: &mut usize) {
    let within = |bound: usize| bound.saturating_sub(*position).min(frames.len());
    let (start, end) = (within(kept.start), within(kept.end));
    *position += frames.len();
    frames.truncate(end);
    frames.drain(..start);
}

/// The positions to keep.
fn kept<'a>(frames: impl Iterator<Item = &'a Frame>) -> Range<usize> {
    let functions: Vec<&str> = frames.map(|frame| &frame.function[..]).collect();
    let root = functions.iter().position(|function| is_thread_start(function));
    // A sample of the thread's start itself keeps that one frame.
    let end = root.unwrap_or(functions.len()).max(1).min(functions.len());
    let functions = &functions[..end];
    let plumbing = functions.iter().take_while(|function| is_plumbing(function)).count();
    let called = &functions[plumbing..];
    let helpers = match plumbing {
        0 => 0,
        _ => called.windows(2).take_while(|pair| is_helper_of(pair[0], pair[1])).count(),
    };
    (plumbing + helpers).min(end.saturating_sub(1))..end
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
        let located: Vec<_> = stack
            .iter()
            .enumerate()
            .map(|(index, frames)| LocatedFrames { address: index as u64, module: None, frames: frames.clone() })
            .collect();
        let trimmed = trim_stack(stack);
        let shape: Vec<_> = trimmed.iter().map(|frames| names(frames)).collect();
        assert_eq!(
            shape,
            [vec!["alloc::vec::Vec<T,A>::push", "bench::inner"], vec!["bench::outer"], vec!["bench::main"]]
        );
        let located = trim_located(located);
        assert_eq!(located.iter().map(|place| place.address).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(located.into_iter().map(|place| place.frames).collect::<Vec<_>>(), trimmed);
    }

    #[test]
    fn an_empty_place_is_left_out() {
        assert!(trim_stack(vec![Vec::new()]).is_empty());
        assert!(trim_stack(Vec::new()).is_empty());
    }
}
