//! jemalloc's `heap_v2/RATE`: a stack `@ ADDRESSES`, then its counts by thread, `t*` for all of them. `go tool pprof`
//! refuses these files; jeprof reads them, and so do we.

use std::sync::LazyLock;

use regex::Regex;

use super::super::model::{Label, Profile};
use super::heap::{stacks, values};
use super::lines::{Lines, addresses, number};
use super::stacks::Returns;
use super::{Parsed, Refusal, pattern};

static HEADER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^heap_v2/(\d+)\s*$"));
static ALL_THREADS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*t\*: *(\d+): *(\d+) *\[ *(\d+): *(\d+) *\]"));

pub fn read(mut lines: Lines) -> Parsed<Profile> {
    lines.advance();
    let header = HEADER.captures(lines.raw()).ok_or(Refusal::Other)?;
    let rate: i64 = header[1].parse().map_err(|_| Refusal::Other)?;
    // The first stack's counts are those of the whole profile.
    let mut samples: Vec<(Vec<u64>, [i64; 4], String)> = Vec::new();
    let mut has_allocated = false;
    let mut stack = None;
    while lines.advance() && !lines.is_before_map() {
        let line = lines.line();
        if let Some(text) = line.strip_prefix('@') {
            stack = Some(addresses(text)?);
        } else if let Some(counts) = ALL_THREADS.captures(line) {
            let counts = [
                number(&counts[1], line)?,
                number(&counts[2], line)?,
                number(&counts[3], line)?,
                number(&counts[4], line)?,
            ];
            has_allocated |= counts[2] != 0;
            if let Some(stack) = stack.take() {
                samples.push((stack, counts, line.to_owned()));
            }
        }
    }
    let mut stacks = stacks(has_allocated, rate);
    for (stack, counts, line) in samples {
        let (values, size) = values(counts, has_allocated, Some(rate), &line)?;
        stacks.sample(&stack, Returns::All, values, vec![Label::number("bytes", size, "")]);
    }
    stacks.read_map(&mut lines);
    Ok(stacks.profile)
}
