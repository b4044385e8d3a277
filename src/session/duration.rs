//! Durations and iteration counts, as `go test` reads them.

use std::time::Duration;

use crate::measure::BenchTime;

/// `1s`, `1.5h`, `100ms`, `1m30s`, as Go's time.ParseDuration, not negative.
pub fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("`{text}` is no duration; write one as 100ms, 3s or 1m30s");
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        seconds += number
            * match &rest[..end] {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err(invalid()),
            };
        rest = &rest[end..];
    }
    if text.is_empty() { Err(invalid()) } else { Duration::try_from_secs_f64(seconds).map_err(|_| invalid()) }
}

/// A duration, or `100x` for that many iterations; more than nothing.
pub fn bench_time(text: &str) -> Result<BenchTime, String> {
    let zero = || format!("`{text}` is nothing to measure in; write a time as 1s or a number of iterations as 100x");
    if let Some(iterations) = text.strip_suffix('x') {
        let iterations =
            iterations.parse().map_err(|_| format!("`{text}` is no number of iterations; write one as 100x"))?;
        return if iterations == 0 { Err(zero()) } else { Ok(BenchTime::Iterations(iterations)) };
    }
    let time = duration(text)?;
    if time.is_zero() { Err(zero()) } else { Ok(BenchTime::For(time)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        assert_eq!(duration("1m30s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("1.5h").unwrap(), Duration::from_secs(5400));
        assert_eq!(duration("250ms").unwrap(), Duration::from_millis(250));
        for bad in ["", "3", "s", "1 s", "-1s", "1d", "1e400s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(bench_time("100x"), Ok(BenchTime::Iterations(100)));
        assert!(bench_time("0x").is_err() && bench_time("0s").is_err() && bench_time("x").is_err());
    }
}
