//! Answers that need no time to pass.

use std::fmt::Write as _;

use super::answer::{Answer, HTML};
use super::endpoint::{Ask, Kind};
use super::page::Pages;
use super::profiles;
use super::reader::Reader;
use super::text::{self, MemStats, Stacks};
use super::threads::{self, Thread};
use super::trace;
use crate::pprof::profile::{self, LabelValue};
use crate::programs::recorded;

pub fn at_once(reader: &Reader, pages: &Pages, outside: &str, ask: &Ask) -> Answer {
    match ask {
        Ask::Page(asked) => pages.answer(reader, outside, asked),
        Ask::Index => {
            let counts = Kind::ALL.map(|kind| (kind.name(), count(reader, kind)));
            Answer::new(HTML, text::index(&counts))
        }
        Ask::Cmdline => Answer::text(reader.command_line()),
        Ask::Symbol(words) => Answer::text(symbols(reader, words)),
        Ask::Profile(Kind::Goroutine, 2..) => answer(threads::threads(reader).map(|threads| panic(reader, &threads))),
        Ask::Profile(kind, 0) => {
            answer(profiles::take(reader, *kind).map(|made| Answer::file(kind.name(), profile::write_quickly(&made))))
        }
        Ask::Profile(kind, _) => answer(as_text(reader, *kind).map(Answer::text)),
        // Only the headers are wanted.
        Ask::Difference(kind, ..) => Answer::file(format!("{}-delta", kind.name()), Vec::new()),
        Ask::Cpu(_) | Ask::OpenCpu(_) => Answer::file("profile", Vec::new()),
        Ask::Trace(_) => Answer { format: Some(trace::FORMAT), ..Answer::file("trace", Vec::new()) },
    }
}

/// How many stacks a profile has.
fn count(reader: &Reader, kind: Kind) -> usize {
    match kind {
        Kind::Heap | Kind::Allocs => {
            let mut number = 0;
            recorded::entries(&reader.region, &reader.region.header(), &mut |_| number += 1);
            number
        }
        Kind::Goroutine | Kind::Threadcreate => threads::listed(reader).len(),
        Kind::Block | Kind::Mutex => profiles::take(reader, kind).map_or(0, |made| made.samples.len()),
    }
}

fn as_text(reader: &Reader, kind: Kind) -> Result<String, &'static str> {
    let (profile, rate) = profiles::for_text(reader, kind)?;
    let totals = reader.totals();
    let names = reader.names();
    let stacks = Stacks { profile: &profile, starts: &|address| names.symbolizer.start_of(address) };
    Ok(match kind {
        Kind::Heap | Kind::Allocs => {
            let stats = MemStats {
                total_alloc: totals.counts.bytes,
                mallocs: totals.counts.allocs,
                frees: totals.counts.frees,
                heap_alloc: totals.live_bytes(),
                max_rss: reader.max_rss(),
            };
            text::heap(&stacks, &stats, rate)
        }
        Kind::Block => text::block(&stacks),
        Kind::Mutex => text::mutex(&stacks, 1),
        Kind::Goroutine | Kind::Threadcreate => text::count(&stacks, kind.name()),
    })
}

/// The stacks of all threads, as in Go's panic.
fn panic(reader: &Reader, threads: &[Thread]) -> Answer {
    // Labels tell the threads apart.
    let profile = profiles::of_threads(reader, Kind::Goroutine, threads, &|thread| thread.tid.to_string());
    let stack = |tid: u32| {
        let is_its = |value: &LabelValue| matches!(value, LabelValue::Text(text) if **text == *tid.to_string());
        let its = profile.samples.iter().find(|sample| sample.labels.iter().any(|label| is_its(&label.value)));
        its.map_or_else(Vec::new, |sample| sample.locations.to_vec())
    };
    let functions = |stack: &[u32]| -> Vec<&str> {
        let lines = stack.iter().flat_map(|&location| &profile.locations[location as usize].lines);
        lines.map(|line| &*profile.functions[line.function as usize].name).collect()
    };
    let of = |thread: &Thread| {
        let stack = stack(thread.tid);
        text::Thread {
            id: thread.tid.into(),
            state: threads::doing(thread.state, functions(&stack).into_iter()).to_owned(),
            minutes: 0,
            labels: vec![("thread".to_owned(), thread.name.clone())],
            stack,
        }
    };
    let threads: Vec<text::Thread> = threads.iter().map(of).collect();
    let names = reader.names();
    let stacks = Stacks { profile: &profile, starts: &|address| names.symbolizer.start_of(address) };
    Answer::text(text::panic(&stacks, &threads))
}

fn answer(made: Result<Answer, &'static str>) -> Answer {
    made.unwrap_or_else(|why| Answer::error(500, why))
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
