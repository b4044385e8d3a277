//! Pairs of neighbouring samples of two benchmarks that took turns.

/// The ratio of each sample of `of` to the nearest one of `reference`. Samples come with the numbers of their turns, ascending.
pub fn ratios(reference: &[(u64, f64)], of: &[(u64, f64)]) -> Vec<f64> {
    // The side with fewer samples decides about the pairs: a sample in several pairs would count several times.
    let (few, many, inverted) = if reference.len() < of.len() { (reference, of, true) } else { (of, reference, false) };
    let pair = |&(turn, time): &(u64, f64)| {
        let behind = many.partition_point(|&(other, _)| other < turn);
        let near = [behind.checked_sub(1).and_then(|before| many.get(before)), many.get(behind)];
        let &(_, other) = near.into_iter().flatten().min_by_key(|(other, _)| other.abs_diff(turn))?;
        let ratio = if inverted { other / time } else { time / other };
        Some(ratio).filter(|ratio| ratio.is_finite() && *ratio > 0.0)
    };
    few.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_pairs() {
        let reference = [(1, 10.0), (4, 20.0), (5, 10.0), (8, 40.0)];
        assert_eq!(ratios(&reference, &[(2, 5.0), (3, 10.0), (6, 5.0), (7, 20.0)]), [0.5, 0.5, 0.5, 0.5]);
        // Fewer samples on one side.
        assert_eq!(ratios(&reference, &[(6, 20.0)]), [2.0]);
        assert_eq!(ratios(&[(6, 20.0)], &reference), [0.5]);
        assert!(ratios(&[], &reference).is_empty() && ratios(&[(1, 0.0)], &[(2, 1.0)]).is_empty());
    }
}
