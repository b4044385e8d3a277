//! CPU profiles of work whose time is split in a known way: `fixtures/cpu_split`.
//!
//! With MEMPROF_TEST_SLOW at full length, five seconds each; else shorter, and so less strictly.

use crate::support;
use std::collections::HashMap;

use cargo_memprof::pprof::profile::Profile;
use cargo_memprof::results::lines::Finished;

/// The share of the samples, in percent, that have a function of this name on their stack.
fn share(profile: &Profile, name: &str) -> f64 {
    let has = |sample: &_| support::functions(profile, sample).any(|function| function == name);
    let all = support::sum(profile, "samples", |_| true);
    100.0 * support::sum(profile, "samples", has) as f64 / all as f64
}

struct Split {
    finished: HashMap<String, Finished>,
    tolerance: f64,
    fewest_samples: i64,
}

impl Split {
    fn profile(&self, id: &str) -> Profile {
        let profile = support::read_profile(self.finished[id].profiles.cpu.as_ref().unwrap());
        let samples = support::sum(&profile, "samples", |_| true);
        assert!(samples >= self.fewest_samples, "{id}: {samples} samples only: {:?}", profile.comments);
        let period = profile.period;
        assert_eq!(support::sum(&profile, "cpu", |_| true), samples * period, "{id}");
        profile
    }

    /// Whether the functions have their shares, in percent.
    fn has(&self, id: &str, expected: &[(&str, f64)]) {
        let profile = self.profile(id);
        let shares: Vec<_> = expected.iter().map(|(function, _)| share(&profile, function)).collect();
        eprintln!("{id}: {shares:.1?} of {expected:?}, {:?}", profile.comments);
        for (found, (_, expected)) in shares.iter().zip(expected) {
            assert!((found - expected).abs() <= self.tolerance, "{id}: {shares:?} of {expected:?}");
        }
    }

    /// Whether a function has nearly all.
    fn is_all(&self, id: &str, function: &str) {
        let found = share(&self.profile(id), function);
        eprintln!("{id}: {found:.1} of 100");
        assert!(found >= 95.0, "{id}: {found} % in {function}");
    }
}

#[test]
fn time_is_where_it_is_spent() {
    let slow = support::test_slow();
    let bench_time = if slow { "-benchtime=5s" } else { "-benchtime=1s" };
    let args = ["--locked", "-json", bench_time, "--cpu-rate", "1000"];
    let run = support::memprof(&support::fixture("cpu_split"), &args).ends_with(0);
    // Samples are of CPU time, of which a busy machine gives less.
    let (tolerance, fewest_samples) = if slow { (5.0, 400) } else { (15.0, 50) };
    let split = Split { finished: run.finished(), tolerance, fewest_samples };
    split.has("cpu_split/eighty_twenty", &[("cpu_split::heavy", 80.0), ("cpu_split::light", 20.0)]);
    split.is_all("cpu_split/memcpy", "cpu_split::copy_buffer");
    split.is_all("cpu_split/malloc_loop", "cpu_split::malloc_loop");
    let quarters = ["north", "east", "south", "west"].map(|name| format!("cpu_split::quarter_{name}"));
    split.has("cpu_split/four_threads", &quarters.each_ref().map(|name| (name.as_str(), 25.0)));
}
