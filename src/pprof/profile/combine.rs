//! Makes profiles comparable before they are merged: common sample types, common units, scaled values.

use super::merge::{equal_types, merge};
use super::model::{Profile, Text, ValueType};
use super::unit;
use crate::pprof::profile::arithmetic::to_i64;

/// Converts `profiles` to their common sample types and units and merges them. Leaves a single profile as it is:
/// equal, cancelling and all-zero samples stay.
pub fn combine(mut profiles: Vec<Profile>) -> Result<Profile, String> {
    common_sample_types(&mut profiles)?;
    common_units(&mut profiles)?;
    if profiles.len() == 1 {
        return profiles.pop().ok_or_else(String::new);
    }
    merge(&profiles.iter().collect::<Vec<_>>())
}

/// Reduces all profiles to the sample types that every one of them has, in the order of the first.
fn common_sample_types(profiles: &mut [Profile]) -> Result<(), String> {
    let Some(first) = profiles.first() else { return Ok(()) };
    let uses = |kind: &Text| {
        profiles.iter().flat_map(|profile| &profile.sample_types).filter(|value_type| value_type.kind == *kind).count()
    };
    let kinds = first.sample_types.iter().map(|value_type| &value_type.kind);
    let common: Vec<Text> = kinds.filter(|kind| uses(kind) == profiles.len()).cloned().collect();
    if common.is_empty() {
        return Err("profiles have empty common sample type list".into());
    }
    for profile in profiles {
        select_sample_types(profile, &common)?;
    }
    Ok(())
}

fn select_sample_types(profile: &mut Profile, kinds: &[Text]) -> Result<(), String> {
    let mut columns = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let column = profile.sample_types.iter().position(|value_type| value_type.kind == *kind);
        columns.push(column.ok_or_else(|| format!("{kind:?} sample type is not found in profile"))?);
    }
    if columns.len() == profile.sample_types.len() && columns.iter().enumerate().all(|(to, from)| to == *from) {
        return Ok(());
    }
    if !kinds.contains(&profile.default_sample_type) {
        profile.default_sample_type = kinds[0].clone();
    }
    profile.sample_types = columns.iter().map(|column| profile.sample_types[*column].clone()).collect();
    for sample in &mut profile.samples {
        sample.values = columns.iter().map(|column| sample.values[*column]).collect();
    }
    Ok(())
}

/// Scales all profiles to the smallest unit used for each sample type, and for the period.
fn common_units(profiles: &mut [Profile]) -> Result<(), String> {
    let Some(first) = profiles.first() else { return Ok(()) };
    let period_types = profiles.iter().map(|profile| &profile.period_type);
    let period_type = common_type(period_types.collect()).map_err(|error| format!("period type: {error}"))?;
    let mut sample_types = Vec::new();
    for column in 0..first.sample_types.len() {
        let types = profiles.iter().map(|profile| &profile.sample_types[column]);
        sample_types.push(common_type(types.collect()).map_err(|error| format!("sample types: {error}"))?);
    }
    for profile in profiles {
        if let Some(common) = &period_type {
            profile.period = to_i64(unit::scale(profile.period, &profile.period_type.unit, &common.unit).0);
            profile.period_type.unit = common.unit.clone();
        }
        let mut ratios = vec![1.0; sample_types.len()];
        for ((ratio, own), common) in ratios.iter_mut().zip(&mut profile.sample_types).zip(&sample_types) {
            if let Some(common) = common {
                *ratio = unit::scale(1, &own.unit, &common.unit).0;
                own.unit = common.unit.clone();
            }
        }
        profile.scale_values(&ratios);
    }
    Ok(())
}

/// Of types that differ only in their unit, the one with the smallest unit. `None` if there is only one type.
fn common_type(types: Vec<&ValueType>) -> Result<Option<ValueType>, String> {
    let [first, rest @ ..] = &types[..] else { return Ok(None) };
    if rest.is_empty() {
        return Ok(None);
    }
    let mut least = *first;
    let singular = |value_type: &ValueType| value_type.kind.strip_suffix('s').unwrap_or(&value_type.kind).to_string();
    for other in rest {
        if singular(least) != singular(other) || !unit::compatible(&least.unit, &other.unit) {
            let show = |value_type: &ValueType| format!("{{{} {} 0 0}}", value_type.kind, value_type.unit);
            return Err(format!("incompatible types: {} {}", show(least), show(other)));
        }
        if unit::scale(1, &other.unit, &least.unit).0 < 1.0 {
            least = other;
        }
    }
    Ok(Some(least.clone()))
}

impl Profile {
    /// Multiplies each value by the ratio of its column, rounded to the nearest. Drops samples whose scaled values are
    /// all 0. Does nothing if all ratios are 1.
    pub fn scale_values(&mut self, ratios: &[f64]) {
        if ratios.iter().all(|ratio| *ratio == 1.0) {
            return;
        }
        self.samples.retain_mut(|sample| {
            let mut keep = false;
            for (value, ratio) in sample.values.iter_mut().zip(ratios).filter(|(_, ratio)| **ratio != 1.0) {
                *value = to_i64((*value as f64 * ratio).round());
                keep |= *value != 0;
            }
            keep
        });
    }

    /// Multiplies all values by `ratio`.
    pub fn scale(&mut self, ratio: f64) {
        self.scale_values(&vec![ratio; self.sample_types.len()]);
    }

    /// Scales this profile so that its totals are those of `base`.
    pub fn normalize(&mut self, base: &Profile) -> Result<(), String> {
        equal_types(self, base)?;
        let ratios: Vec<f64> = self
            .totals()
            .into_iter()
            .zip(base.totals())
            .map(|(own, base)| if own == 0 { 0.0 } else { base as f64 / own as f64 })
            .collect();
        self.scale_values(&ratios);
        Ok(())
    }

    fn totals(&self) -> Vec<i64> {
        let mut totals = vec![0i64; self.sample_types.len()];
        for sample in &self.samples {
            for (total, value) in totals.iter_mut().zip(&sample.values) {
                *total = total.wrapping_add(*value);
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::super::Builder;
    use super::*;

    fn one(types: &[(&str, &str)], values: &[i64]) -> Profile {
        let mut builder = Builder::new(types.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect());
        let location = builder.location(None, 1, vec![]);
        builder.sample(vec![location], values.to_vec(), vec![]);
        builder.finish()
    }

    #[test]
    fn units_meet_at_the_smallest() {
        let both = combine(vec![one(&[("space", "kb")], &[2]), one(&[("space", "bytes")], &[5])]).unwrap();
        assert_eq!(both.samples[0].values, [2053]);
        assert_eq!(&*both.sample_types[0].unit, "bytes");
    }

    #[test]
    fn only_common_types_stay() {
        let both =
            combine(vec![one(&[("a", "count"), ("b", "count")], &[1, 2]), one(&[("b", "count")], &[3])]).unwrap();
        assert_eq!((both.samples[0].values.clone(), both.sample_types.len()), (vec![5], 1));
        assert_eq!(
            combine(vec![one(&[("a", "x")], &[1]), one(&[("b", "x")], &[1])]).unwrap_err(),
            "profiles have empty common sample type list"
        );
        assert!(
            combine(vec![one(&[("a", "ns")], &[1]), one(&[("a", "kb")], &[1])])
                .unwrap_err()
                .starts_with("sample types: incompatible types")
        );
    }

    #[test]
    fn one_alone_keeps_its_zeros() {
        assert_eq!(combine(vec![one(&[("a", "x")], &[0])]).unwrap().samples.len(), 1);
    }
}
