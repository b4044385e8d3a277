//! Special functions, the same on every platform: libm's replace those of the standard library, which may differ.

use std::f64::consts::SQRT_2;

/// e to the `x`, after Shibata, "Efficient evaluation methods of elementary functions suitable for SIMD computation" (2010),
/// with fused multiply-adds where Go's assembly has them.
#[expect(clippy::excessive_precision, reason = "the constants as they are published")]
pub fn exp(x: f64) -> f64 {
    const LN2_HIGH: f64 = 0.693_147_180_559_662_956_511_601_805_686_950_683_593_75;
    const LN2_LOW: f64 = 0.282_352_905_630_315_771_225_884_481_750_134_360_255_254_120_68e-12;
    const OVERFLOW: f64 = 7.097_827_128_933_84e+02;
    const TAYLOR: [f64; 8] = [
        2.480_158_730_158_730_158_7e-5,
        1.984_126_984_126_984_127_0e-4,
        1.388_888_888_888_888_888_9e-3,
        8.333_333_333_333_333_333_3e-3,
        4.166_666_666_666_666_666_7e-2,
        1.666_666_666_666_666_666_7e-1,
        0.5,
        1.0,
    ];
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x > OVERFLOW {
        return f64::INFINITY;
    }
    let k = (std::f64::consts::LOG2_E * x).round_ties_even();
    if k < -1075.0 {
        return 0.0;
    }
    let reduced = (-k).mul_add(LN2_LOW, (-k).mul_add(LN2_HIGH, x)) * 0.0625;
    let mut series = TAYLOR[0];
    for term in &TAYLOR[1..] {
        series = reduced.mul_add(series, *term);
    }
    // exp(16 r) − 1 out of exp(r) − 1: four doublings by (1 + y)² − 1 = y (y + 2), the last one fused with the + 1.
    let mut y = reduced * series;
    for _ in 0..3 {
        y *= y + 2.0;
    }
    libm::scalbn(y.mul_add(y + 2.0, 1.0), k as i32)
}

/// The binomial coefficient of `n` over `k`, exact while it fits.
pub fn choose(n: u64, k: u64) -> f64 {
    if n < k {
        return 0.0;
    }
    let k = k.min(n - k);
    // Each product is a binomial coefficient itself, so that every division is exact.
    let exact = (1..=k).try_fold(1u64, |all, i| Some(all.checked_mul(n - k + i)? / i));
    let ln_factorial = |n: u64| libm::lgamma(n as f64 + 1.0);
    exact.map_or_else(|| libm::exp(ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)), |exact| exact as f64)
}

/// Φ(z): the share of the standard normal distribution below `z`.
pub fn normal_cdf(z: f64) -> f64 {
    libm::erfc(-z / SQRT_2) / 2.0
}

/// Φ⁻¹(p), the standard normal quantile, by halving.
///
/// −∞ at 0, +∞ at 1, NaN outside of \[0, 1\].
pub fn normal_quantile(p: f64) -> f64 {
    match p {
        0.0 => return f64::NEG_INFINITY,
        0.5 => return 0.0,
        1.0 => return f64::INFINITY,
        p if !(0.0..=1.0).contains(&p) => return f64::NAN,
        // Small shares have all their digits; shares near 1 do not.
        p if p > 0.5 => return -normal_quantile(1.0 - p),
        _ => (),
    }
    let (mut below, mut above) = (-40.0, 0.0);
    loop {
        let middle = (below + above) / 2.0;
        if middle <= below || middle >= above {
            return above;
        }
        if normal_cdf(middle) < p { below = middle } else { above = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert!(normal_quantile(1.5).is_nan());
    }

    #[test]
    fn binomial_coefficients() {
        assert_eq!(choose(20, 10), 184_756.0);
        assert_eq!(choose(5, 6), 0.0);
        assert!((choose(50, 25) / 126_410_606_437_752.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn normal_quantile_is_the_inverse_of_the_cdf() {
        for p in [0.001, 0.025, 0.3, 0.5, 0.9, 0.999] {
            assert!((normal_cdf(normal_quantile(p)) - p).abs() < 1e-14, "{p}");
        }
        assert_eq!(normal_quantile(0.5), 0.0);
    }
}
