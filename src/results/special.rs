//! Special functions, to the last bit as Go's `math` on amd64 computes them.
//!
//! `compare -format csv` prints geometric means with all their digits, and which side an order-statistic interval leans to
//! hangs on the last bit of a binomial coefficient. The platform's own `ln` and `exp` differ from Go's there (and between
//! platforms), so the two algorithms are written out: the same input gives the same text everywhere.

#![expect(clippy::excessive_precision, reason = "the constants stand as they were published")]

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

/// Natural logarithm after FreeBSD's `e_log.c` (Sun Microsystems, 1993): error under one unit in the last place.
///
/// NaN for negative numbers and NaN, −∞ for zero, +∞ for +∞.
pub fn ln(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238_164_90e-01;
    const LN2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
    const L: [f64; 7] = [
        6.666_666_666_666_735_130e-01,
        3.999_999_999_940_941_908e-01,
        2.857_142_874_366_239_149e-01,
        2.222_219_843_214_978_396e-01,
        1.818_357_216_161_805_012e-01,
        1.531_383_769_920_937_332e-01,
        1.479_819_860_511_658_591e-01,
    ];
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    let (mut fraction, mut exponent) = libm::frexp(x);
    if fraction < FRAC_1_SQRT_2 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let (f, k) = (fraction - 1.0, f64::from(exponent));
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2 * (L[0] + s4 * (L[2] + s4 * (L[4] + s4 * L[6])));
    let even = s4 * (L[1] + s4 * (L[3] + s4 * L[5]));
    let half_square = 0.5 * f * f;
    k * LN2_HIGH - ((half_square - (s * (half_square + (odd + even)) + k * LN2_LOW)) - f)
}

/// e to the `x`, after Shibata, "Efficient evaluation methods of elementary functions suitable for SIMD computation" (2010),
/// with fused multiply-adds where Go's assembly has them.
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

/// ln(n!), that is lgamma(n + 1), after FreeBSD's `e_lgamma_r.c`: exact factorials up to 6!, from there the series of Stirling.
pub fn ln_factorial(n: u64) -> f64 {
    const W: [f64; 7] = [
        4.189_385_332_046_727_250_52e-01,
        8.333_333_333_333_296_788_49e-02,
        -2.777_777_777_287_755_364_70e-03,
        7.936_505_586_430_195_585_00e-04,
        -5.951_875_574_503_399_631_35e-04,
        8.363_399_189_962_821_391_26e-04,
        -1.630_929_340_965_752_739_89e-03,
    ];
    if n < 2 {
        return 0.0;
    }
    if n < 7 {
        return ln((2..=n).product::<u64>() as f64);
    }
    let x = n as f64 + 1.0;
    let z = 1.0 / x;
    let y = z * z;
    let w = W[0] + z * (W[1] + y * (W[2] + y * (W[3] + y * (W[4] + y * (W[5] + y * W[6])))));
    (x - 0.5) * (ln(x) - 1.0) + w
}

/// The binomial coefficient of `n` over `k`: exact up to n = 20, by logarithms above.
pub fn choose(n: u64, k: u64) -> f64 {
    if k == 0 || k == n {
        return 1.0;
    }
    if n < k {
        return 0.0;
    }
    if n <= 20 {
        let numerator: u64 = (n - k + 1..=n).product();
        return (numerator / (2..=k).product::<u64>()) as f64;
    }
    exp(ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k))
}

/// Φ(z): the share of the standard normal distribution below `z`.
pub fn normal_cdf(z: f64) -> f64 {
    libm::erfc(-z / SQRT_2) / 2.0
}

/// Φ⁻¹(p), the standard normal quantile: Acklam's rational approximation, refined by one step of Halley's method.
///
/// −∞ at 0, +∞ at 1, NaN outside of \[0, 1\].
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e+01,
        2.209_460_984_245_205e+02,
        -2.759_285_104_469_687e+02,
        1.383_577_518_672_690e+02,
        -3.066_479_806_614_716e+01,
        2.506_628_277_459_239e+00,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e+01,
        1.615_858_368_580_409e+02,
        -1.556_989_798_598_866e+02,
        6.680_131_188_771_972e+01,
        -1.328_068_155_288_572e+01,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-03,
        -3.223_964_580_411_365e-01,
        -2.400_758_277_161_838e+00,
        -2.549_732_539_343_734e+00,
        4.374_664_141_464_968e+00,
        2.938_163_982_698_783e+00,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-03,
        3.224_671_290_700_398e-01,
        2.445_134_137_142_996e+00,
        3.754_408_661_907_416e+00,
        1.0,
    ];
    const LOW: f64 = 0.02425;

    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    if p == 1.0 {
        return f64::INFINITY;
    }
    let tail = |q: f64| horner(&C, q) / horner(&D, q);
    let x = if p < LOW {
        tail((-2.0 * ln(p)).sqrt())
    } else if p > 1.0 - LOW {
        -tail((-2.0 * ln(1.0 - p)).sqrt())
    } else {
        let q = p - 0.5;
        horner(&A, q * q) * q / horner(&B, q * q)
    };
    let error = 0.5 * libm::erfc(-x / SQRT_2) - p;
    let step = error * (2.0 * PI).sqrt() * exp(x * x / 2.0);
    x - step / (1.0 + x * step / 2.0)
}

/// The polynomial with these coefficients, highest power first.
fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_exponential_are_inverse() {
        for x in [1e-300, 1e-9, 0.5, 1.0, 2.0, 1.718e-6, 6.02e23, 1e300] {
            assert!((exp(ln(x)) / x - 1.0).abs() < 1e-12, "{x}");
            assert!((ln(x) - x.ln()).abs() <= x.ln().abs() * 4e-16, "{x}");
        }
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn edges() {
        assert!(ln(-1.0).is_nan() && ln(f64::NAN).is_nan() && exp(f64::NAN).is_nan());
        assert_eq!(ln(0.0), f64::NEG_INFINITY);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(710.0), f64::INFINITY);
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
