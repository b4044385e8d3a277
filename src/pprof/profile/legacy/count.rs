//! `NAME profile: total N` of Go's `debug=1`: goroutines, created threads.

use std::sync::LazyLock;

use regex::Regex;

use super::super::model::Profile;
use super::lines::{Lines, addresses, number};
use super::stacks::{Returns, Stacks};
use super::{Parsed, Refusal, broken, pattern};

static HEADER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A(\S+) profile: total \d+\z"));
static SAMPLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\A(\d+) @((?: 0x[0-9a-f]+)+)\z"));

pub fn read(mut lines: Lines) -> Parsed<Profile> {
    while lines.advance() && lines.is_comment() {}
    let kind = HEADER.captures(lines.raw()).ok_or(Refusal::Other)?[1].to_owned();
    let kind = (kind.as_str(), "count");
    let mut stacks = Stacks::new(&[kind], kind, 1);
    while lines.advance() {
        let line = lines.raw();
        if lines.is_comment() {
            continue;
        }
        if line.starts_with("---") {
            break;
        }
        let Some(fields) = SAMPLE.captures(line) else {
            return broken(format!("the line {line:?} is no sample of a {} profile", kind.0));
        };
        let count = number(&fields[1], line)?;
        stacks.sample(&addresses(&fields[2])?, Returns::All, vec![count], vec![]);
    }
    stacks.read_map(&mut lines);
    Ok(stacks.profile)
}
