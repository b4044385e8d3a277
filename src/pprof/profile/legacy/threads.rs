//! `--- threadz N ---`: the stack of each thread.

use std::sync::LazyLock;

use regex::Regex;

use super::super::model::Profile;
use super::lines::{Lines, addresses};
use super::stacks::{Returns, Stacks};
use super::{Parsed, Refusal, pattern};

static START: LazyLock<Regex> = LazyLock::new(|| pattern(r"--- threadz \d+ ---"));
static THREAD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"--- Thread ([[:xdigit:]]+) \(name: (.*)/(\d+)\) stack: ---"));

pub fn read(mut lines: Lines) -> Parsed<Profile> {
    while lines.advance() && lines.is_comment() {}
    if START.is_match(lines.raw()) {
        while lines.advance() && !lines.is_before_map() && !lines.raw().starts_with('-') {}
    } else if !THREAD.is_match(lines.raw()) {
        return Err(Refusal::Other);
    }
    let mut stacks = Stacks::new(&[("thread", "count")], ("thread", "count"), 1);
    while !lines.is_before_map() && !lines.line().starts_with("---- no stack trace for") {
        if !THREAD.is_match(lines.line()) {
            return Err(Refusal::Other);
        }
        match stack(&mut lines)? {
            Some(stack) if !stack.is_empty() => stacks.sample(&stack, Returns::Callers, vec![1], vec![]),
            _ => {
                if let Some(sample) = stacks.profile.samples.iter_mut().last() {
                    sample.values[0] += 1;
                }
            }
        }
    }
    stacks.read_map(&mut lines);
    stacks.remove_doubled_leaves();
    Ok(stacks.profile)
}

/// The stack after a thread's line, up to the next line with dashes; `None` if the stack is the previous thread's.
fn stack(lines: &mut Lines) -> Parsed<Option<Vec<u64>>> {
    let mut stack = Vec::new();
    let mut is_same = false;
    while lines.advance() && !lines.line().starts_with("---") {
        if lines.line().contains("same as previous thread") {
            is_same = true;
        } else {
            stack.extend(addresses(lines.line())?);
        }
    }
    Ok((!is_same).then_some(stack))
}
