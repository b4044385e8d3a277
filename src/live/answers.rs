//! Answers that need no time to pass.

use std::fmt::Write as _;

use super::answer::{Answer, HTML};
use super::endpoint::{Ask, Kind};
use super::profiles;
use super::reader::Reader;
use super::text::{self, MemStats, Stacks};
use crate::pprof::profile::{self, Profile};

pub fn at_once(reader: &Reader, ask: &Ask) -> Answer {
    match ask {
        Ask::Index => {
            let counts = Kind::ALL.map(|kind| (kind.name(), count(reader, kind)));
            Answer::new(HTML, text::index(&counts))
        }
        Ask::Cmdline => Answer::text(reader.command_line()),
        Ask::Symbol(words) => Answer::text(symbols(reader, words)),
        Ask::Profile(kind, 0) => match profiles::take(reader, *kind) {
            Some(made) => Answer::file(kind.name(), profile::write(&made)),
            None => Answer::error(404, "Unknown profile"),
        },
        Ask::Profile(kind, _) => match profiles::take(reader, *kind) {
            Some(made) => Answer::text(as_text(reader, *kind, &made)),
            None => Answer::error(404, "Unknown profile"),
        },
        // Only the headers are wanted.
        Ask::Difference(kind, ..) => Answer::file(format!("{}-delta", kind.name()), Vec::new()),
        Ask::Cpu(_) => Answer::file("profile", Vec::new()),
        Ask::Trace(_) => Answer::file("trace", Vec::new()),
        Ask::Page(_) => Answer::refusal(404, "404 page not found"),
    }
}

/// How many stacks a profile has.
fn count(reader: &Reader, kind: Kind) -> usize {
    match kind {
        Kind::Heap | Kind::Allocs => reader.heap().stacks.len(),
        _ => 0,
    }
}

fn as_text(reader: &Reader, kind: Kind, profile: &Profile) -> String {
    let totals = reader.totals();
    let names = reader.names();
    let stacks = Stacks { profile, starts: &|address| names.symbolizer.start_of(address) };
    match kind {
        Kind::Heap | Kind::Allocs => {
            let stats = MemStats {
                total_alloc: totals.counts.bytes,
                mallocs: totals.counts.allocs,
                frees: totals.counts.frees,
                heap_alloc: totals.live_bytes(),
                max_rss: reader.max_rss(),
            };
            text::heap(&stacks, &stats)
        }
        _ => text::count(&stacks, kind.name()),
    }
}

/// The functions at the addresses, as strconv.ParseUint reads them with base 0.
fn symbols(reader: &Reader, words: &[String]) -> String {
    let mut text = String::from("num_symbols: 1\n");
    let mut names = reader.names();
    for word in words {
        let address = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => word.parse(),
        };
        let Some(address) = address.ok().filter(|&address| address != 0) else { continue };
        if let (Some(_), frames) = names.symbolizer.frames(address, true)
            && let Some(frame) = frames.last()
        {
            let _ = writeln!(text, "{address:#x} {}", frame.function);
        }
    }
    text
}
