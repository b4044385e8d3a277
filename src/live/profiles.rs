//! The profiles of a running program.

use std::borrow::Cow;

use super::control::CPU_HZ;
use super::endpoint::Kind;
use super::names::Names;
use super::reader::{Heap, Reader, now};
use super::threads::{self, Thread};
use crate::pprof::profile::Profile;
use crate::programs::profiles::{add_beyond, of_a_program};
use crate::programs::region::word;
use crate::programs::sampling::{self, Accuracy};
use crate::records::{Allocations, Completeness, Stack, Wait};
use crate::symbolize::profiles::{self, Circumstances, Form};
use crate::symbolize::{trim_allocation, trim_wait};

/// The profile `kind` of this moment.
///
/// # Errors
/// Why there is none.
pub fn take(reader: &Reader, kind: Kind) -> Result<Profile, &'static str> {
    Ok(match kind {
        Kind::Heap | Kind::Allocs => heap(reader, &reader.heap(), kind, Scale::Up),
        Kind::Block | Kind::Mutex => waits(reader, kind),
        Kind::Goroutine => of_threads(reader, kind, &threads::threads(reader)?, &|thread| thread.name.clone()),
        Kind::Threadcreate => of_threads(reader, kind, &threads::listed(reader), &|thread| thread.name.clone()),
    })
}

/// Whether the numbers of a sample are scaled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// They stand for all allocations.
    Up,
    /// They are of the recorded allocations alone, as in Go's text.
    Not,
}

/// The profile as its text has it, with the rate by which readers scale it up: 0 if it is exact.
///
/// # Errors
/// Why there is none.
pub fn for_text(reader: &Reader, kind: Kind) -> Result<(Profile, u64), &'static str> {
    match kind {
        Kind::Heap | Kind::Allocs => {
            let now = reader.heap();
            Ok((heap(reader, &now, kind, Scale::Not), now.header.word(word::RATE)))
        }
        _ => Ok((take(reader, kind)?, 0)),
    }
}

fn heap(reader: &Reader, heap: &Heap, kind: Kind, scale: Scale) -> Profile {
    let mut names = reader.names();
    let Names { symbolizer, modules, .. } = &mut *names;
    let rate = heap.header.word(word::RATE);
    let is_scaled = scale == Scale::Up && rate != 0;
    let scaled = |record| match is_scaled {
        true => Cow::Owned(sampling::scale(record, rate).allocations),
        false => Cow::Borrowed(&record.allocations),
    };
    let stacks: Vec<Cow<'_, Allocations>> = heap.stacks.iter().map(scaled).collect();
    let mut profile = profiles::memory(symbolizer, modules, &stacks, None, at(heap.at));
    of_a_program(&mut profile);
    if rate == 0 {
        add_beyond(&mut profile, &reader.region, &heap.header, &heap.stacks);
    } else {
        profile.period = rate as i64;
        let sampled = heap.stacks.iter().filter(|record| record.sampled).map(|record| record.allocations.counts);
        let accuracy: Accuracy = sampled.map(|counts| Accuracy::of(counts.allocs, counts.bytes, rate)).sum();
        profile.comments.push(sampling::remark(rate, &accuracy.words()).into());
    }
    if kind == Kind::Heap {
        // As in Go: the last one is meant.
        profile.default_sample_type = "".into();
    }
    profile
}

/// Where threads waited, since the program's start; for `mutex` only where they waited for a lock.
fn waits(reader: &Reader, kind: Kind) -> Profile {
    let (waits, lost) = {
        let rings = reader.rings();
        (rings.waits.as_waits(), rings.waits.lost(&reader.region.header()))
    };
    let mut names = reader.names();
    let Names { symbolizer, modules, threads, .. } = &mut *names;
    let mut is_wanted = |stack: &Stack| {
        let places = symbolizer.places(stack);
        let mut frames = places.iter().flat_map(|place| &place.frames);
        kind == Kind::Block || frames.any(|frame| is_lock(&frame.function))
    };
    let wanted = waits.into_iter().filter(|wait| is_wanted(&wait.stack));
    let stacks: Vec<_> = wanted
        .map(|Wait { stack, count, nanoseconds, thread }| {
            (stack, threads.name(thread), vec![count as i64, nanoseconds as i64])
        })
        .collect();
    let form = Form {
        types: &[("contentions", "count"), ("delay", "nanoseconds")],
        default: "",
        trim: trim_wait,
        period_type: ("contentions", "count"),
        period: 1,
    };
    let lost = (lost > 0).then(|| format!("waits were lost, at least {lost}"));
    let remarks = lost.into_iter().chain(sampling::remark_of_waits(&reader.region.header()));
    let remarks: Vec<String> = remarks.map(|remark| format!("memprof: {remark}")).collect();
    let mut profile = profiles::named(symbolizer, modules, &form, &stacks, at(now()), &remarks);
    of_a_program(&mut profile);
    profile
}

/// Functions in which a thread waits for a lock that another one holds.
fn is_lock(function: &str) -> bool {
    let is_slow =
        ["lock_contended", "read_contended", "write_contended", "lock_slow", "lock_shared_slow", "lock_exclusive_slow"];
    is_slow.iter().any(|slow| function.ends_with(slow))
}

/// The samples taken since `begun`.
pub fn cpu(reader: &Reader, begun: i64) -> Profile {
    let (samples, lost) = {
        let rings = reader.rings();
        (rings.samples.as_samples(), rings.samples.missed)
    };
    let mut names = reader.names();
    let Names { symbolizer, modules, threads, .. } = &mut *names;
    let period = 1_000_000_000 / CPU_HZ as i64;
    let stacks: Vec<_> = samples
        .into_iter()
        .map(|sample| {
            let count = sample.count as i64;
            (sample.stack, threads.name(sample.thread), vec![count, count.saturating_mul(period)])
        })
        .collect();
    let form = Form {
        types: &[("samples", "count"), ("cpu", "nanoseconds")],
        default: "",
        trim: trim_allocation,
        period_type: ("cpu", "nanoseconds"),
        period,
    };
    let unarmed = reader.region.header().word(word::UNARMED);
    let losses = [(lost, "or more samples were lost"), (unarmed, "threads could not be sampled")];
    let remarks: Vec<String> = losses
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("memprof: {number} {what}"))
        .collect();
    let about = Circumstances { iterations: 1, time_nanos: begun, duration_nanos: now() - begun };
    let mut profile = profiles::named(symbolizer, modules, &form, &stacks, about, &remarks);
    of_a_program(&mut profile);
    profile
}

/// One sample a thread, with the label that `label` makes; equal ones are summed.
pub fn of_threads(reader: &Reader, kind: Kind, threads: &[Thread], label: &dyn Fn(&Thread) -> String) -> Profile {
    let mut names = reader.names();
    let Names { symbolizer, modules, .. } = &mut *names;
    let nothing = || Stack { addresses: Vec::new(), leaf_is_exact: true, completeness: Completeness::Cut };
    let stacks: Vec<_> =
        threads.iter().map(|thread| (thread.stack.clone().unwrap_or_else(nothing), label(thread), vec![1])).collect();
    let form = Form {
        types: &[(kind.name(), "count")],
        default: "",
        trim: trim_allocation,
        period_type: (kind.name(), "count"),
        period: 1,
    };
    let mut profile = profiles::named(symbolizer, modules, &form, &stacks, at(now()), &[]);
    of_a_program(&mut profile);
    profile
}

fn at(time_nanos: i64) -> Circumstances {
    Circumstances { iterations: 1, time_nanos, duration_nanos: 0 }
}
