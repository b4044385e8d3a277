//! `--- contentionz N ---`, `--- contention:` and `--- mutex:`: waits for locks, of gperftools and of Go's `debug=1`.

use std::sync::LazyLock;

use regex::Regex;

use super::super::arithmetic::to_i64;
use super::super::model::Profile;
use super::lines::{Lines, addresses, attribute, number};
use super::stacks::{Returns, Stacks};
use super::{Parsed, Refusal, pattern};

static SAMPLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d+) *(\d+) @([ x0-9a-f]*)"));

pub fn read(mut lines: Lines) -> Parsed<Profile> {
    lines.advance();
    if !["--- contentionz ", "--- mutex:", "--- contention:"].iter().any(|start| lines.raw().starts_with(start)) {
        return Err(Refusal::Other);
    }
    let kinds = [("contentions", "count"), ("delay", "nanoseconds")];
    let mut stacks = Stacks::new(&kinds, kinds[0], 1);
    let cycles_per_second = header(&mut lines, &mut stacks.profile)?;
    loop {
        let line = lines.line();
        if line.starts_with("---") {
            break;
        }
        if !lines.is_comment() {
            let fields = SAMPLE.captures(line).ok_or(Refusal::Other)?;
            let (mut delay, mut count) = (number(&fields[1], line)?, number(&fields[2], line)?);
            let period = stacks.profile.period;
            if period > 0 {
                if cycles_per_second > 0 {
                    delay = to_i64(delay as f64 * period as f64 / (cycles_per_second as f64 / 1e9));
                }
                count = count.wrapping_mul(period);
            }
            stacks.sample(&addresses(&fields[3])?, Returns::All, vec![count, delay], vec![]);
        }
        if !lines.advance() {
            break;
        }
    }
    stacks.read_map(&mut lines);
    Ok(stacks.profile)
}

/// Reads `name = value` lines until one does not parse. Returns the cycles per second; 0: unknown.
fn header(lines: &mut Lines, profile: &mut Profile) -> Parsed<i64> {
    let mut cycles_per_second = 0;
    while lines.advance() {
        if lines.is_comment() {
            continue;
        }
        let Some((name, value)) = lines.line().split_once('=').filter(|_| !lines.line().starts_with("---")) else {
            break;
        };
        let value = || attribute(value.trim()).ok_or(Refusal::Other);
        match name.trim() {
            "cycles/second" => cycles_per_second = value()?,
            "sampling period" => profile.period = value()?,
            "ms since reset" => profile.duration_nanos = value()?.wrapping_mul(1_000_000),
            "discarded samples" => {}
            // A Java profile has `format` and `resolution`.
            _ => return Err(Refusal::Other),
        }
    }
    Ok(cycles_per_second)
}
