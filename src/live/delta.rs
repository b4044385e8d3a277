//! `seconds=N`: the difference between two snapshots of a profile.

use crate::pprof::profile::{Profile, merge};

/// The meaning of memory in use in a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InUse {
    /// Its change, as in Go: negative where more was freed than allocated.
    Change,
    /// As it is at the end (`delta=alloc`).
    AsItIs,
}

/// `second` minus `first`. Stacks whose values did not change are left out.
///
/// # Errors
/// They are not of one kind.
pub fn delta(mut first: Profile, second: &Profile, in_use: InUse) -> Result<Profile, String> {
    let stays = |kind: &str| in_use == InUse::AsItIs && kind.starts_with("inuse_");
    let factors: Vec<i64> = first.sample_types.iter().map(|of| if stays(&of.kind) { 0 } else { -1 }).collect();
    for sample in &mut first.samples {
        sample.values.iter_mut().zip(&factors).for_each(|(value, factor)| *value = value.wrapping_mul(*factor));
    }
    let begun = first.time_nanos;
    // The second comes first: its comments and mappings are the later ones.
    let mut delta = merge(&[second, &first])?;
    delta.time_nanos = second.time_nanos;
    delta.duration_nanos = second.time_nanos.saturating_sub(begun).max(0);
    Ok(delta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::profile::{Builder, Line, ValueType};

    const TYPES: [(&str, &str); 4] =
        [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];

    /// A heap of these functions' values.
    fn heap(at: i64, functions: &[(&str, [i64; 4])]) -> Profile {
        let mut builder = Builder::new(TYPES.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect());
        for (name, values) in functions {
            let function = builder.function(name, "", "", 0);
            let location = builder.location(None, 0, vec![Line { function, line: 1, column: 0 }]);
            builder.sample(vec![location], values.to_vec(), vec![]);
        }
        Profile { time_nanos: at, duration_nanos: at, ..builder.finish() }
    }

    fn values(profile: &Profile) -> Vec<(&str, &[i64])> {
        let name =
            |location: u32| &*profile.functions[profile.locations[location as usize].lines[0].function as usize].name;
        let mut values: Vec<_> =
            profile.samples.iter().map(|sample| (name(sample.locations[0]), &sample.values[..])).collect();
        values.sort_unstable();
        values
    }

    #[test]
    fn memory_in_use_changes_or_stays() {
        let first = heap(7, &[("a", [5, 50, 4, 40]), ("b", [1, 8, 1, 8])]);
        let second = heap(12, &[("a", [6, 60, 1, 10]), ("b", [1, 8, 1, 8]), ("c", [2, 4, 0, 0])]);
        let change = delta(first.clone(), &second, InUse::Change).unwrap();
        assert_eq!(values(&change), [("a", &[1, 10, -3, -30][..]), ("c", &[2, 4, 0, 0])]);
        assert_eq!((change.time_nanos, change.duration_nanos), (12, 5));
        let kept = delta(first, &second, InUse::AsItIs).unwrap();
        assert_eq!(values(&kept), [("a", &[1, 10, 1, 10][..]), ("b", &[0, 0, 1, 8]), ("c", &[2, 4, 0, 0])]);
    }

    #[test]
    fn numbers_beyond_a_float_are_exact() {
        let big = (1 << 60) + 1;
        let first = heap(1, &[("a", [big, big, big, big])]);
        let second = heap(2, &[("a", [big + 1, big + 2, big, big])]);
        let change = delta(first, &second, InUse::Change).unwrap();
        assert_eq!(values(&change), [("a", &[1, 2, 0, 0][..])]);
    }

    #[test]
    fn other_kinds_are_refused() {
        let other = Builder::new(vec![ValueType::new("delay", "nanoseconds")]).finish();
        assert!(delta(heap(1, &[]), &other, InUse::Change).is_err());
    }
}
