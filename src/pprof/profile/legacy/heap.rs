//! `heap profile: IN-USE: BYTES [ALLOCATED: BYTES] @ KIND/RATE`, of gperftools and of Go's `debug=1`: heap, growth and
//! fragmentation.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::super::arithmetic::to_i64;
use super::super::model::{Label, Profile};
use super::lines::{Lines, addresses, number};
use super::stacks::{Returns, Stacks};
use super::{Parsed, Refusal, broken, pattern};

static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"heap profile: *(\d+): *(\d+) *\[ *(\d+): *(\d+) *\] *@ *(?:(heap[_a-z0-9]*)/?(\d*)|(growthz?|fragmentationz?))",
    )
});
static SAMPLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(-?\d+): *(-?\d+) *\[ *(\d+): *(\d+) *] @([ x0-9a-f]*)"));

/// Columns of everything ever allocated come first, so that the default is the memory in use.
const BOTH: [(&str, &str); 4] =
    [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];
const IN_USE: [(&str, &str); 2] = [("objects", "count"), ("space", "bytes")];

/// An empty heap profile.
pub fn stacks(has_allocated: bool, period: i64) -> Stacks {
    Stacks::new(if has_allocated { &BOTH } else { &IN_USE }, ("space", "bytes"), period)
}

pub fn read(mut lines: Lines) -> Parsed<Profile> {
    lines.advance();
    let header = HEADER.captures(lines.raw()).ok_or(Refusal::Other)?;
    let (rate, has_allocated) = (rate(&header)?, has_allocated(&header));
    let mut stacks = stacks(has_allocated, rate.map_or(1, |rate| rate.period));
    while lines.advance() {
        if lines.is_comment() {
            continue;
        }
        if lines.is_before_map() {
            break;
        }
        let line = lines.line();
        let Some(fields) = SAMPLE.captures(line) else {
            return broken(format!("the line {line:?} is no sample of a heap profile"));
        };
        let counts = [
            number(&fields[1], line)?,
            number(&fields[2], line)?,
            number(&fields[3], line)?,
            number(&fields[4], line)?,
        ];
        let (values, size) = values(counts, has_allocated, rate.and_then(|rate| rate.scaling), line)?;
        stacks.sample(&addresses(&fields[5])?, Returns::All, values, vec![Label::number("bytes", size, "")]);
    }
    stacks.read_map(&mut lines);
    Ok(stacks.profile)
}

/// How often allocations were recorded.
#[derive(Clone, Copy)]
struct Rate {
    period: i64,
    /// The mean distance between two samples in bytes; none if every allocation was recorded.
    scaling: Option<i64>,
}

fn rate(header: &Captures<'_>) -> Parsed<Option<Rate>> {
    let Some(kind) = header.get(5) else { return Ok(None) };
    let written = if header[6].is_empty() { 0 } else { header[6].parse().map_err(|_| Refusal::Other)? };
    Ok(Some(match kind.as_str() {
        "heapprofile" => Rate { period: 1, scaling: None },
        "heap_v2" | "heapz_v2" => Rate { period: written, scaling: Some(written) },
        // Go writes twice its rate.
        "heap" => Rate { period: written / 2, scaling: Some(written / 2) },
        _ => return Err(Refusal::Other),
    }))
}

/// Whether the second pair of numbers adds anything to the first.
fn has_allocated(header: &Captures<'_>) -> bool {
    let differs = |allocated: &str, in_use: &str| allocated != in_use && allocated != "0";
    header.get(5).is_some() && (differs(&header[3], &header[1]) || differs(&header[4], &header[2]))
}

/// The values of a line's numbers (in use, then allocated), scaled up for the unsampled allocations, and the size of a
/// block.
pub fn values(counts: [i64; 4], has_allocated: bool, rate: Option<i64>, line: &str) -> Parsed<(Vec<i64>, i64)> {
    let [in_use, in_use_bytes, allocated, allocated_bytes] = counts;
    let mut pairs = vec![(in_use, in_use_bytes)];
    if has_allocated {
        pairs.insert(0, (allocated, allocated_bytes));
    }
    let (mut values, mut size) = (Vec::with_capacity(2 * pairs.len()), 0);
    for (count, bytes) in pairs {
        if count == 0 && bytes != 0 {
            return broken(format!("the line {line:?} has {bytes} bytes in no block"));
        }
        if count != 0 {
            size = bytes.wrapping_div(count);
        }
        let (count, bytes) = rate.map_or((count, bytes), |rate| unsampled(count, bytes, rate));
        values.extend([count, bytes]);
    }
    Ok((values, size))
}

/// Scales a sample up to the allocations it represents: a block of `s` bytes was sampled with probability 1 −
/// e^(−s/rate).
pub fn unsampled(count: i64, bytes: i64, rate: i64) -> (i64, i64) {
    if count == 0 || bytes == 0 {
        return (0, 0);
    }
    // A rate of 0 is unknown.
    if rate <= 1 {
        return (count, bytes);
    }
    let size = bytes as f64 / count as f64;
    let scale = 1.0 / (1.0 - libm::exp(-size / rate as f64));
    (to_i64(count as f64 * scale), to_i64(bytes as f64 * scale))
}
