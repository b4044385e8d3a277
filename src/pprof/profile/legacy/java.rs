//! Java's heap and contention profiles, and the table of names after them, which its CPU profiles also have.

use std::sync::LazyLock;

use regex::Regex;
use rustc_hash::FxHashMap;

use super::super::model::{Function, Label, Line, Profile, ValueType};
use super::super::path;
use super::heap::unsampled;
use super::lines::{Lines, addresses, attribute, number};
use super::stacks::{Returns, Stacks};
use super::{Parsed, Refusal, broken, maps, pattern};

static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| pattern(r"([\w ]+)=([\w ]+)"));
static SAMPLE: LazyLock<Regex> = LazyLock::new(|| pattern(r" *(\d+) +(\d+) +@ +([ x0-9a-f]*)"));
static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*0x([[:xdigit:]]+)\s+(.*)\s*$"));
static NAME_WITH_LINE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(.*)\s+\((.+):(-?[[:digit:]]+)\)$"));
static NAME_WITH_PATH: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(.*)\s+\((.*)\)$"));

/// Bytes between two samples of the heap.
const HEAP_RATE: i64 = 512 << 10;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Heap,
    Contention,
}

pub fn read(data: &[u8]) -> Parsed<Profile> {
    let mut lines = Lines::new(data);
    lines.advance();
    let kind = match lines.line() {
        "--- heapz 1 ---" => Kind::Heap,
        "--- contentionz 1 ---" => Kind::Contention,
        _ => return Err(Refusal::Other),
    };
    let mut stacks = Stacks::default();
    while lines.advance() {
        if !lines.line().is_empty() && !header_line(lines.line(), kind, &mut stacks.profile)? {
            break;
        }
    }
    while lines.line().is_empty() || sample(lines.line(), kind, &mut stacks)? {
        if !lines.advance() {
            break;
        }
    }
    if stacks.profile.sample_types.is_empty() && !stacks.profile.samples.is_empty() {
        return broken("a Java profile without its resolution");
    }
    with_names(stacks, lines)
}

/// Reads `name=value`. False if the line is not of this form.
fn header_line(line: &str, kind: Kind, profile: &mut Profile) -> Parsed<bool> {
    let Some(fields) = ATTRIBUTE.captures(line) else { return Ok(false) };
    let (name, value) = (fields[1].trim(), fields[2].trim());
    let number = || attribute(value).map_or_else(|| broken(format!("the line {line:?} has no number")), Ok);
    let kinds = |count: &str, sum: &str| vec![ValueType::new(count, "count"), ValueType::new(sum, value)];
    match (kind, name) {
        (_, "format") if value == "java" => {}
        (Kind::Heap, "resolution") => profile.sample_types = kinds("inuse_objects", "inuse_space"),
        (Kind::Contention, "resolution") => profile.sample_types = kinds("contentions", "delay"),
        (Kind::Contention, "sampling period") => {
            profile.period_type = ValueType::new("contentions", "count");
            profile.period = number()?;
        }
        (Kind::Contention, "ms since reset") => profile.duration_nanos = number()?.wrapping_mul(1_000_000),
        _ => return Err(Refusal::Other),
    }
    Ok(true)
}

/// Reads `SUM COUNT @ ADDRESSES`. False if the line is not of this form.
fn sample(line: &str, kind: Kind, stacks: &mut Stacks) -> Parsed<bool> {
    let Some(fields) = SAMPLE.captures(line) else { return Ok(false) };
    let (mut sum, mut count) = (number(&fields[1], line)?, number(&fields[2], line)?);
    let mut labels = Vec::new();
    match kind {
        Kind::Heap => {
            if count == 0 {
                return broken(format!("the line {line:?} has no block"));
            }
            labels.push(Label::number("bytes", sum.wrapping_div(count), ""));
            (count, sum) = unsampled(count, sum, HEAP_RATE);
        }
        Kind::Contention => {
            let period = match stacks.profile.period {
                0 => 1,
                period => period,
            };
            (count, sum) = (count.wrapping_mul(period), sum.wrapping_mul(period));
        }
    }
    stacks.sample(&addresses(&fields[3])?, Returns::None, vec![count, sum], labels);
    Ok(true)
}

/// [`with_names`] for lines that have not been looked at yet.
pub fn with_locations(stacks: Stacks, mut lines: Lines) -> Parsed<Profile> {
    lines.advance();
    with_names(stacks, lines)
}

/// Names the locations from the table that starts at the current line: `0xADDRESS function (file:line)`. Drops the
/// addresses, because they are only numbers within this recording.
fn with_names(mut stacks: Stacks, mut lines: Lines) -> Parsed<Profile> {
    let mut functions: FxHashMap<String, u32> = FxHashMap::default();
    loop {
        name(&mut stacks, &mut functions, lines.line())?;
        if !lines.advance() {
            break;
        }
    }
    stacks.renumber();
    maps::assign(&mut stacks.profile);
    stacks.profile.locations.iter_mut().for_each(|location| location.address = 0);
    Ok(stacks.profile)
}

fn name(stacks: &mut Stacks, functions: &mut FxHashMap<String, u32>, line: &str) -> Parsed<()> {
    let Some(fields) = NAME.captures(line) else { return Ok(()) };
    let Ok(address) = u64::from_str_radix(&fields[1], 16) else {
        return broken(format!("the line {line:?} has no address of 64 bits"));
    };
    let Some(location) = stacks.known.get(&address).copied() else { return Ok(()) };
    let text = &fields[2];
    let (function, file, line) = if let Some(parts) = NAME_WITH_LINE.captures(text) {
        (parts[1].to_owned(), parts[2].to_owned(), parts[3].parse().unwrap_or(0).max(0))
    } else if let Some(parts) = NAME_WITH_PATH.captures(text) {
        (parts[1].to_owned(), path::base(&parts[2]).to_owned(), 0)
    } else if text.contains("generated stub/JIT") {
        ("STUB".to_owned(), String::new(), 0)
    } else {
        (text.to_owned(), String::new(), 0)
    };
    let next = stacks.profile.functions.len() as u32;
    let index = *functions.entry(function.clone()).or_insert(next);
    if index == next {
        stacks.profile.functions.push(Function {
            id: u64::from(next) + 1,
            name: function.as_str().into(),
            system_name: function.into(),
            filename: file.into(),
            start_line: 0,
        });
    }
    let location = &mut stacks.profile.locations[location as usize];
    location.lines = vec![Line { function: index, line, column: 0 }];
    location.address = 0;
    Ok(())
}
