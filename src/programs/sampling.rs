//! Samples of a program's allocations, for programs that allocate too often to record each: which are taken, and what
//! they stand for.

use std::str::FromStr;

use super::recorded::{StackRecord, Totals};
use super::region::{Header, word};

/// Which allocations are recorded with their stacks; all are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sampling {
    #[default]
    Exact,
    /// One byte in so many has its block recorded.
    Every(u64),
    /// All, until that takes more than [`SHARE`] of the CPU time.
    Auto,
}

/// The bytes for each recorded one, as in Go and jemalloc.
pub const RATE: u64 = 512 << 10;
/// The part of a program's CPU time that recording may take with `auto`, as one in so many.
const SHARE: u64 = 50;
/// CPU time after which `auto` decides.
const ENOUGH_NS: u64 = 100_000_000;

impl FromStr for Sampling {
    type Err = String;

    fn from_str(text: &str) -> Result<Sampling, String> {
        match text {
            "exact" => return Ok(Sampling::Exact),
            "auto" => return Ok(Sampling::Auto),
            _ => (),
        }
        let wrong = || format!("`{text}` is neither exact nor auto nor a size as 512KiB");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "kb" => 1_000,
            "m" | "mib" => 1 << 20,
            "mb" => 1_000_000,
            "g" | "gib" => 1 << 30,
            "gb" => 1_000_000_000,
            _ => return Err(wrong()),
        };
        let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        match size.filter(|size| *size <= 1 << 40) {
            Some(0) => Err("a sample of one byte in 0 is none; `exact` records all".to_owned()),
            Some(1) => Ok(Sampling::Exact),
            Some(size) => Ok(Sampling::Every(size)),
            None => Err(wrong()),
        }
    }
}

impl Sampling {
    /// The rate that a program begins with; 0 records all.
    pub fn first_rate(self) -> u64 {
        match self {
            Sampling::Every(size) => size,
            Sampling::Exact | Sampling::Auto => 0,
        }
    }
}

/// Whether recording costs more than it may.
pub fn costs_too_much(totals: &Totals, cpu_ns: u64) -> bool {
    cpu_ns >= ENOUGH_NS && totals.spent_ns.saturating_mul(SHARE) > cpu_ns
}

/// How many allocations a sample has, and how far its sum of bytes may be off.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Accuracy {
    pub samples: u64,
    /// The estimate, in bytes, and its variance.
    pub bytes: f64,
    variance: f64,
}

impl std::iter::Sum for Accuracy {
    fn sum<I: Iterator<Item = Accuracy>>(all: I) -> Accuracy {
        all.fold(Accuracy::default(), |a, b| Accuracy {
            samples: a.samples + b.samples,
            bytes: a.bytes + b.bytes,
            variance: a.variance + b.variance,
        })
    }
}

impl Accuracy {
    /// Of `samples` recorded blocks of `bytes` together.
    pub fn of(samples: u64, bytes: u64, rate: u64) -> Accuracy {
        let chance = chance(samples, bytes, rate);
        let (samples_f, size) = (samples as f64, bytes as f64 / samples.max(1) as f64);
        Accuracy {
            samples,
            bytes: bytes as f64 / chance,
            variance: samples_f * size * size * (1.0 - chance) / (chance * chance),
        }
    }

    /// Half the 95 % interval, as a share of the estimate.
    pub fn error(&self) -> f64 {
        const OF_95_PERCENT: f64 = 1.96;
        if self.bytes > 0.0 { OF_95_PERCENT * self.variance.sqrt() / self.bytes } else { 0.0 }
    }

    /// In squares of 1,024 bytes.
    pub fn variance_kib2(&self) -> u64 {
        (self.variance / (1024.0 * 1024.0)) as u64
    }

    /// The sum of several sites' numbers, as [`Accuracy::variance_kib2`] gives them.
    pub fn of_sums(samples: u64, bytes: u64, variance_kib2: u64) -> Accuracy {
        Accuracy { samples, bytes: bytes as f64, variance: variance_kib2 as f64 * 1024.0 * 1024.0 }
    }

    pub fn words(&self) -> String {
        words(self.error(), self.samples)
    }
}

/// `±8 %, 1,410 samples`.
pub fn words(error: f64, samples: u64) -> String {
    format!("±{} %, {} samples", percent(error), super::summary::number(samples))
}

/// The comment in a sampled profile.
pub fn remark(rate: u64, accuracy: &str) -> String {
    let rate = super::summary::number(rate);
    format!("memprof: one byte in {rate} had its allocation recorded; {accuracy}; totals exact")
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        small if small < 10.0 => format!("{small:.1}").trim_end_matches(".0").to_owned(),
        large => format!("{large:.0}"),
    }
}

/// The chance that a block of the mean size is recorded.
fn chance(objects: u64, bytes: u64, rate: u64) -> f64 {
    if objects == 0 || bytes == 0 {
        return 1.0;
    }
    let size = bytes as f64 / objects as f64;
    -(-size / rate as f64).exp_m1()
}

/// The blocks and bytes that recorded ones stand for, as Go scales them.
pub fn scaled([objects, bytes]: [u64; 2], rate: u64) -> [u64; 2] {
    let chance = chance(objects, bytes, rate);
    [objects, bytes].map(|value| (value as f64 / chance).round() as u64)
}

/// A stack's numbers, scaled if they are of a sample.
pub fn scale(record: &StackRecord, rate: u64) -> StackRecord {
    if !record.sampled || rate == 0 {
        return record.clone();
    }
    let mut scaled_record = record.clone();
    let counts = record.allocations.counts;
    let [allocs, bytes] = scaled([counts.allocs, counts.bytes], rate);
    let live = [counts.allocs.saturating_sub(counts.frees), counts.bytes.saturating_sub(counts.freed_bytes)];
    let live = scaled(live, rate);
    let factor = allocs as f64 / counts.allocs.max(1) as f64;
    let times = |value: u64| (value as f64 * factor).round() as u64;
    let to = &mut scaled_record.allocations.counts;
    (to.allocs, to.bytes) = (allocs, bytes);
    (to.frees, to.freed_bytes) = (allocs.saturating_sub(live[0]), bytes.saturating_sub(live[1]));
    (to.reallocs, to.grown_bytes) = (times(counts.reallocs), times(counts.grown_bytes));
    scaled_record.peak = scaled(record.peak, rate);
    scaled_record.temporaries = times(record.temporaries);
    scaled_record
}

/// The bytes for each recorded one, if a sample was recorded.
pub fn rate_of(header: &Header) -> Option<u64> {
    Some(header.word(word::RATE)).filter(|rate| !matches!(*rate, 0 | word::COUNTS_ONLY))
}

/// Says of a program's waits that short ones are a sample, if its allocations are.
pub fn remark_of_waits(header: &Header) -> Option<String> {
    rate_of(header).map(|_| format!("waits shorter than {} ms are a sample", word::WHOLE_WAIT_NS / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let read = |text: &str| text.parse::<Sampling>();
        assert_eq!(read("exact"), Ok(Sampling::Exact));
        assert_eq!(read("auto"), Ok(Sampling::Auto));
        for (text, size) in
            [("512KiB", 512 << 10), ("512K", 512 << 10), ("1MB", 1_000_000), ("4096", 4096), ("2 MiB", 2 << 20)]
        {
            assert_eq!(read(text), Ok(Sampling::Every(size)), "{text}");
        }
        for text in ["", "0", "KiB", "-1", "1.5MiB", "99999999999999999999", "12TB"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    /// Small blocks: √(rate ÷ bytes) is one standard deviation.
    #[test]
    fn the_error_is_that_of_the_number_of_samples() {
        let accuracy = Accuracy::of(100, 1600, RATE);
        assert!((accuracy.error() - 0.196).abs() < 0.001, "{accuracy:?}");
        assert!((accuracy.bytes / (100.0 * RATE as f64) - 1.0).abs() < 0.001);
        assert_eq!(accuracy.words(), "±20 %, 100 samples");
        // Of two such sites.
        let both: Accuracy = [accuracy, accuracy].into_iter().sum();
        assert_eq!(both.words(), "±14 %, 200 samples");
        // Large blocks are all recorded.
        assert!(Accuracy::of(10, 10 * 100 * RATE, RATE).error() < 1e-9);
    }

    #[test]
    fn recording_may_cost_one_part_in_fifty() {
        let totals = |spent_ns| Totals { spent_ns, ..Totals::default() };
        assert!(!costs_too_much(&totals(19_000_000), 1_000_000_000));
        assert!(costs_too_much(&totals(21_000_000), 1_000_000_000));
        assert!(!costs_too_much(&totals(50_000_000), 99_000_000));
    }
}
