//! A site as the rules see it.

use super::frames::View;
use super::group::Group;
use super::operation::Operation;
use super::origin::{Owner, Surroundings};
use super::source::{declared, signature, statement};
use crate::records::Growth;

pub(super) struct Case<'a> {
    pub groups: &'a [Group],
    /// Its own group, by number.
    pub number: usize,
    /// Operations that were counted, and that were followed.
    pub iterations: u64,
    pub followed: u64,
    /// The operation is a whole run, after which there is no other.
    pub run: bool,
    /// All of their events were followed.
    pub whole: bool,
    /// The operation runs on one thread.
    pub one_thread: bool,
    /// The line's text, if it can be read.
    pub source: Option<String>,
    /// The text of the statement up to that line; empty likewise.
    pub statement: String,
    /// The function's head.
    pub head: String,
    /// The line is the user's, and no other crate stands between it and the allocator.
    pub in_own_code: bool,
    /// The place of the blocks that are allocated here.
    pub place: String,
    /// The place where the containers that grow here were made, if stack, life or source show it and it is another
    /// line.
    pub made: Option<String>,
}

impl<'a> Case<'a> {
    pub fn new(number: usize, groups: &'a [Group], view: &View, one_thread: bool, around: &Surroundings) -> Case<'a> {
        let (group, recording) = (&groups[number], view.recording);
        let frame = view.frame(group.key.place);
        let text = |line: u32| (around.source)(&frame.file, line);
        let is_table = group.key.operation.is_table();
        Case {
            groups,
            number,
            iterations: recording.iterations,
            followed: recording.followed,
            run: recording.run,
            whole: recording.whole && (recording.all_successions || !is_table),
            one_thread,
            source: if frame.line == 0 { None } else { text(frame.line) },
            statement: statement(frame, &text),
            head: signature(frame, &text),
            in_own_code: group.key.via.is_none() && *view.owner(group.key.place) == Owner::User,
            place: around.place(&frame.file, frame.line),
            made: made(group, view, around),
        }
    }

    pub fn group(&self) -> &'a Group {
        &self.groups[self.number]
    }

    pub fn growth(&self) -> &'a Growth {
        self.group().growth()
    }

    /// A count of all operations, for each of them.
    pub fn per_op(&self, count: u64) -> f64 {
        count as f64 / self.iterations.max(1) as f64
    }

    /// The line's text; empty where it cannot be read.
    pub fn line(&self) -> &str {
        self.source.as_deref().unwrap_or_default()
    }
}

/// An empty container allocates nothing where it is made. Its function is the one that frees it, and calls the one that
/// puts something into it; its line is the nearest above that declares it.
fn made(group: &Group, view: &View, around: &Surroundings) -> Option<String> {
    let Operation::Grow(_) = group.key.operation else { return None };
    let own = view.frame(group.key.place);
    let stack = &view.recording.stacks[*group.stacks.first()?];
    let outwards = stack.frames.iter().skip_while(|&&frame| frame != group.key.place);
    let freed_in = view.freed_in(group);
    let mut makers = outwards.filter(|&&frame| *view.owner(frame) == Owner::User).map(|&frame| view.frame(frame));
    let maker = makers.find(|frame| freed_in == Some(frame.function.as_str())).unwrap_or(own);
    let text = |line: u32| (around.source)(&maker.file, line);
    match declared(maker, &text) {
        Some(line) => Some(around.place(&maker.file, line)),
        // The line that passes it down.
        None if maker.line != own.line && maker.line > 0 => Some(around.place(&maker.file, maker.line)),
        None => None,
    }
}
