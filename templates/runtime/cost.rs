//! The costs of running a harness's closure, and how many iterations they leave room for.
//!
//! A closure often sets something up before its timing loop, and some loops set up each iteration: neither is work. So
//! time inside the brackets is kept apart from time around them, and the first call, which may fill lazy statics, never
//! decides alone.

/// One call of the closure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call {
    pub iters: u64,
    /// Time in brackets.
    pub inside_ns: f64,
    /// Time of the whole call.
    pub total_ns: f64,
}

/// Maximal number of calls: each has at least twice as many iterations as the one before.
const MOST_CALLS: usize = 64;

/// Calls, kept without the allocator under observation.
pub struct Calls {
    all: [Call; MOST_CALLS],
    len: usize,
}

impl Calls {
    fn push(&mut self, call: Call) {
        self.all[self.len] = call;
        self.len += 1;
    }

    pub fn as_slice(&self) -> &[Call] {
        &self.all[..self.len]
    }
}

/// Nanoseconds: an iteration's inside the bracket, an iteration's outside of it, and a call's besides its iterations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    pub inside_ns: f64,
    pub outside_ns: f64,
    pub per_call_ns: f64,
}

impl Cost {
    /// From the last two calls of growing size; time that the sizes do not explain belongs to the call.
    pub fn of(calls: &[Call]) -> Cost {
        let last = match calls.last() {
            Some(last) => *last,
            None => return Cost { inside_ns: 1.0, outside_ns: 0.0, per_call_ns: 0.0 },
        };
        let inside_ns = (last.inside_ns / last.iters as f64).max(0.1);
        let outside = |call: &Call| (call.total_ns - call.inside_ns).max(0.0);
        let smaller = calls.iter().rev().find(|call| call.iters < last.iters);
        let outside_ns = smaller.map_or(0.0, |smaller| {
            ((outside(&last) - outside(smaller)) / (last.iters - smaller.iters) as f64).max(0.0)
        });
        let per_call_ns = (outside(&last) - outside_ns * last.iters as f64).max(0.0);
        Cost { inside_ns, outside_ns, per_call_ns }
    }

    /// One iteration with the time around it.
    pub fn per_iteration_ns(&self) -> f64 {
        self.inside_ns + self.outside_ns
    }
}

/// Calls the closure with more and more iterations, up to `most`, until it ran for `length_ns` inside brackets, or for `limit_ns`
/// in all.
pub fn explore(length_ns: f64, limit_ns: f64, most: u64, mut call: impl FnMut(u64) -> Call) -> Calls {
    let mut calls = Calls { all: [Call::default(); MOST_CALLS], len: 0 };
    let mut iters = 1;
    loop {
        let this = call(iters);
        calls.push(this);
        let inside: f64 = calls.as_slice().iter().map(|call| call.inside_ns).sum();
        let total: f64 = calls.as_slice().iter().map(|call| call.total_ns).sum();
        if calls.len == 1 && inside >= length_ns && inside < limit_ns {
            // The call is slow, or only its first time is.
            continue;
        }
        if inside >= length_ns || total >= limit_ns || iters >= most.min(1 << 40) || calls.len == MOST_CALLS {
            return calls;
        }
        let room = (length_ns - inside) / this.inside_ns.max(1.0);
        iters = ((iters as f64 * room.clamp(2.0, 10.0)) as u64).min(most);
    }
}

/// How many samples, up to `most`, of how many iterations each. All samples together run for `budget_ns`; the set-up of
/// the calls may take as long again. At least two.
pub fn samples(cost: &Cost, budget_ns: f64, most: u64) -> (u64, u64) {
    let samples = fitting(cost.per_iteration_ns(), cost.per_call_ns, budget_ns, most);
    (samples, ((budget_ns / samples as f64 / cost.per_iteration_ns()) as u64).max(1))
}

/// How many samples, up to `most`, fit in `budget_ns`, and their set-up in as much again. At least two.
pub fn fitting(per_iteration_ns: f64, per_call_ns: f64, budget_ns: f64, most: u64) -> u64 {
    let mut samples = (budget_ns / per_iteration_ns) as u64;
    if per_call_ns > 0.0 {
        samples = samples.min((budget_ns / per_call_ns) as u64);
    }
    samples.clamp(2, most.max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A closure with these costs, and a first call that takes longer.
    fn closure(inside: f64, outside: f64, per_call: f64, first: f64) -> impl FnMut(u64) -> Call {
        let mut extra = first;
        move |iters| {
            let inside_ns = inside * iters as f64 + std::mem::take(&mut extra);
            Call { iters, inside_ns, total_ns: inside_ns + outside * iters as f64 + per_call }
        }
    }

    const MS: f64 = 1e6;

    #[test]
    fn set_up_is_not_work() {
        for per_call in [0.0, 60.0 * MS, 300.0 * MS] {
            for first in [0.0, 500.0 * MS] {
                let calls = explore(250.0 * MS, 2000.0 * MS, u64::MAX, closure(25.0, 0.0, per_call, first));
                let cost = Cost::of(calls.as_slice());
                assert!((cost.inside_ns - 25.0).abs() < 1.0 || first > 0.0 && cost.inside_ns < 1000.0, "{cost:?}");
                assert!((cost.per_call_ns - per_call).abs() <= 0.01 * per_call + 1.0, "{cost:?}");
                let (samples, iterations) = samples(&cost, 1000.0 * MS, 100);
                assert!(samples >= 3 && iterations > 1000, "{samples} of {iterations}");
            }
        }
    }

    #[test]
    fn set_up_of_each_iteration_counts_against_the_budget() {
        let cost = Cost::of(explore(250.0 * MS, 2000.0 * MS, u64::MAX, closure(100.0, 900.0, 0.0, 0.0)).as_slice());
        assert_eq!((cost.inside_ns.round(), cost.outside_ns.round()), (100.0, 900.0));
        assert_eq!(samples(&cost, 1000.0 * MS, 100), (100, 10_000));
    }

    #[test]
    fn a_slow_benchmark_takes_two_samples() {
        let calls = explore(250.0 * MS, 2000.0 * MS, u64::MAX, closure(700.0 * MS, 0.0, 0.0, 0.0));
        assert_eq!(calls.as_slice().len(), 2);
        assert_eq!(samples(&Cost::of(calls.as_slice()), 1000.0 * MS, 100), (2, 1));
        assert_eq!(explore(250.0 * MS, 2000.0 * MS, u64::MAX, closure(5000.0 * MS, 0.0, 0.0, 0.0)).as_slice().len(), 1);
    }

    /// divan counts iterations in 32 bits, and an empty function takes a third of a nanosecond.
    #[test]
    fn no_call_has_more_iterations_than_the_harness_can_count() {
        let calls = explore(60_000.0 * MS, 120_000.0 * MS, u64::from(u32::MAX), closure(0.3, 0.0, 0.0, 0.0));
        assert_eq!(calls.as_slice().last().unwrap().iters, u64::from(u32::MAX));
    }
}
