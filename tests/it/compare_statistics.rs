//! Our statistics against those of statrs, over random data.

use cargo_memprof::benchstat::statistics::mann_whitney::MannWhitney;
use cargo_memprof::results::special::{choose, normal_cdf, normal_quantile};
use cargo_memprof::results::statistics::{median, median_interval, median_orders};
use proptest::prelude::*;
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};
use statrs::function::factorial;
use statrs::statistics::{Data, Median};

/// Equal but for rounding.
fn close(a: f64, b: f64, relative: f64) -> bool {
    a == b || (a - b).abs() <= relative * a.abs().max(b.abs())
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

proptest! {
    #[test]
    fn medians_agree(values in prop::collection::vec(-1e9..1e9f64, 1..200)) {
        let ours = median(&values).unwrap();
        let theirs = Data::new(values.clone()).median();
        // Ours lies between the two middle values by interpolation, which may round.
        let spread = values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        prop_assert!((ours - theirs).abs() <= spread * 1e-12, "{ours} {theirs}");
    }

    #[test]
    fn intervals_have_the_level_they_claim(n in 1usize..30, confidence in 0.0..0.9999f64) {
        let orders = median_orders(n, confidence);
        let below = Binomial::new(0.5, n as u64).unwrap();
        let up_to = |k: usize| if k == 0 { 0.0 } else { below.cdf(k as u64 - 1) };
        let level = up_to(orders.upper) - up_to(orders.lower);
        prop_assert!(close(orders.confidence, level, 1e-9), "{orders:?} {level}");
        prop_assert!(orders.confidence >= confidence - 1e-12, "{orders:?}");
        // One order statistic less on the less probable side, and the level is missed.
        let narrower = level - (up_to(orders.upper) - up_to(orders.upper - 1)).min(up_to(orders.lower + 1) - up_to(orders.lower));
        prop_assert!(orders.upper - orders.lower == 1 || narrower < confidence + 1e-9, "{orders:?}");
    }

    #[test]
    fn large_intervals_nearly_have_their_level(n in 31usize..2000, confidence in 0.5..0.999f64) {
        let orders = median_orders(n, confidence);
        let below = Binomial::new(0.5, n as u64).unwrap();
        let level = below.cdf(orders.upper as u64 - 1) - below.cdf(orders.lower.saturating_sub(1) as u64);
        prop_assert!((level - orders.confidence).abs() < 0.01, "{orders:?} {level}");
    }

    #[test]
    fn intervals_are_made_of_samples(values in prop::collection::vec(-1e3..1e3f64, 6..60)) {
        let interval = median_interval(&values, 0.95).unwrap();
        let middle = median(&values).unwrap();
        prop_assert!(interval.lower <= middle && middle <= interval.upper);
        prop_assert!(values.contains(&interval.lower) && values.contains(&interval.upper));
    }

    #[test]
    fn the_normal_distribution_agrees(z in -8.0..8.0f64, p in 1e-9..0.999_999_999f64) {
        let normal = Normal::new(0.0, 1.0).unwrap();
        prop_assert!(close(normal_cdf(z), normal.cdf(z), 1e-9));
        prop_assert!((normal_quantile(p) - normal.inverse_cdf(p)).abs() < 1e-6);
    }

    #[test]
    fn combinatorics_agree(n in 0u64..160, k in 0u64..160) {
        prop_assert!(close(choose(n, k), factorial::binomial(n, k), 1e-10));
    }

    /// Whole numbers, so that there are ties.
    #[test]
    fn large_samples_have_the_normal_p(
        a in prop::collection::vec(0u8..60, 51..90),
        b in prop::collection::vec(5u8..65, 26..90),
    ) {
        let (a, b): (Vec<_>, Vec<_>) = (a.into_iter().map(f64::from).collect(), b.into_iter().map(f64::from).collect());
        let ours = MannWhitney::default().p_value(&sorted(a.clone()), &sorted(b.clone())).unwrap();
        prop_assert!((ours - normal_p(&a, &b)).abs() < 1e-9);
    }

    #[test]
    fn small_samples_have_the_p_of_all_their_permutations(
        a in prop::collection::vec(0u8..9, 1..7),
        b in prop::collection::vec(0u8..9, 2..7),
    ) {
        let (a, b): (Vec<_>, Vec<_>) = (a.into_iter().map(f64::from).collect(), b.into_iter().map(f64::from).collect());
        if let Ok(ours) = MannWhitney::default().p_value(&sorted(a.clone()), &sorted(b.clone())) {
            let theirs = permuted_p(&a, &b);
            // Where U is below its least value in the other direction, benchstat's p is not that of the permutations.
            prop_assert!((ours - theirs).abs() < 1e-9 || theirs == 0.0, "{ours} {theirs}");
        }
    }
}

/// 2U of `a` against `b`: the pairs in which `a` is greater twice, and those with equal values once.
fn two_u(a: &[f64], b: &[f64]) -> i64 {
    let pair = |x: &f64, y: &f64| if x > y { 2 } else { i64::from(x == y) };
    a.iter().map(|x| b.iter().map(|y| pair(x, y)).sum::<i64>()).sum()
}

/// The two-sided p by the normal approximation with tie and continuity corrections, out of statrs's distribution.
fn normal_p(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as f64, b.len() as f64);
    let u = two_u(a, b) as f64 / 2.0;
    let pooled = sorted(a.iter().chain(b).copied().collect());
    let ties: f64 = pooled.chunk_by(|x, y| x == y).map(|group| (group.len() as f64).powi(3) - group.len() as f64).sum();
    let total = n + m;
    let deviation = (n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)))).sqrt();
    let distance = ((u - n * m / 2.0).abs() - 0.5) / deviation;
    if u == n * m / 2.0 {
        1.0
    } else {
        (2.0 * Normal::new(0.0, 1.0).unwrap().sf(distance)).min(2.0 - 2.0 * Normal::new(0.0, 1.0).unwrap().sf(distance))
    }
}

/// Twice the share of the ways to choose `a` out of the pooled values whose U is not above the smaller one of the two.
fn permuted_p(a: &[f64], b: &[f64]) -> f64 {
    let pooled: Vec<f64> = a.iter().chain(b).copied().collect();
    let pairs = (2 * a.len() * b.len()) as i64;
    let seen = two_u(a, b);
    if 2 * seen == pairs {
        return 1.0;
    }
    let smaller = seen.min(pairs - seen);
    let (mut ways, mut extreme) = (0, 0);
    for chosen in (0u32..1 << pooled.len()).filter(|chosen| chosen.count_ones() as usize == a.len()) {
        let side = |first: bool| {
            let values = pooled.iter().enumerate().filter(|(at, _)| (chosen >> at & 1 == 1) == first);
            values.map(|(_, value)| *value).collect::<Vec<_>>()
        };
        ways += 1;
        extreme += i32::from(two_u(&side(true), &side(false)) <= smaller);
    }
    2.0 * f64::from(extreme) / f64::from(ways)
}
