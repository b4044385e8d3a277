//! Several profiles → one: equal stacks are summed, and tables keep only the entries that samples use.
//!
//! Addresses are compared relative to their mapping, so that two runs of one program match despite address
//! randomization.

use rustc_hash::{FxHashMap, FxHashSet};

use super::model::{Function, Label, Line, Location, Mapping, Profile, Sample, Text, ValueType};

/// Merges `profiles`, whose sample types and period types must be equal ([`super::combine`] makes them so).
pub fn merge(profiles: &[&Profile]) -> Result<Profile, String> {
    let mut merger = Merger { out: headers(profiles)?, ..Merger::default() };
    for profile in profiles {
        merger.add(profile);
    }
    let merged = merger.out;
    // Drop samples that cancelled each other, and the table entries that only they used.
    if merged.samples.iter().any(Sample::is_zero) { merge(&[&merged]) } else { Ok(merged) }
}

fn headers(profiles: &[&Profile]) -> Result<Profile, String> {
    let [first, rest @ ..] = profiles else { return Err("no profiles to merge".into()) };
    for other in rest {
        equal_types(first, other)?;
    }
    let mut out = Profile {
        sample_types: first.sample_types.clone(),
        drop_frames: first.drop_frames.clone(),
        keep_frames: first.keep_frames.clone(),
        period_type: first.period_type.clone(),
        ..Profile::default()
    };
    let mut seen = FxHashSet::default();
    let first_set = |slot: &mut Text, text: &Text| {
        if slot.is_empty() {
            *slot = text.clone();
        }
    };
    for profile in profiles {
        if out.time_nanos == 0 || profile.time_nanos < out.time_nanos {
            out.time_nanos = profile.time_nanos;
        }
        out.duration_nanos = out.duration_nanos.wrapping_add(profile.duration_nanos);
        if out.period == 0 || out.period < profile.period {
            out.period = profile.period;
        }
        out.comments.extend(profile.comments.iter().filter(|comment| seen.insert(*comment)).cloned());
        first_set(&mut out.default_sample_type, &profile.default_sample_type);
        first_set(&mut out.doc_url, &profile.doc_url);
    }
    Ok(out)
}

/// An error unless both have the same sample types and period type.
pub fn equal_types(a: &Profile, b: &Profile) -> Result<(), String> {
    let show = |value_type: &ValueType| format!("&{{{} {} 0 0}}", value_type.kind, value_type.unit);
    let show_all = |profile: &Profile| profile.sample_types.iter().map(show).collect::<Vec<_>>().join(" ");
    if a.period_type != b.period_type {
        return Err(format!("incompatible period types {} and {}", show(&a.period_type), show(&b.period_type)));
    }
    if a.sample_types != b.sample_types {
        return Err(format!("incompatible sample types [{}] and [{}]", show_all(a), show_all(b)));
    }
    Ok(())
}

/// Size (rounded to pages), offset, and build id or file.
type MappingKey = (u64, u64, Text);
/// Relative address, mapping, functions with lines, the last line's column, folded.
type LocationKey = (u64, Option<u32>, Vec<(u32, i64)>, i64, bool);

#[derive(Default)]
struct Merger {
    out: Profile,
    samples: FxHashMap<(Vec<u32>, Vec<Label>), usize>,
    locations: FxHashMap<LocationKey, u32>,
    functions: FxHashMap<(i64, Text, Text, Text), u32>,
    mappings: FxHashMap<MappingKey, u32>,
    // Of the profile that is being added: its indices → those of the result.
    location_of: Vec<Option<u32>>,
    function_of: Vec<Option<u32>>,
    mapping_of: Vec<Option<(u32, u64)>>,
}

impl Merger {
    fn add(&mut self, profile: &Profile) {
        self.location_of = vec![None; profile.locations.len()];
        self.function_of = vec![None; profile.functions.len()];
        self.mapping_of = vec![None; profile.mappings.len()];
        // The first mapping is the main executable and stays the first.
        if self.mappings.is_empty() && !profile.mappings.is_empty() {
            self.mapping(profile, 0);
        }
        for sample in profile.samples.iter().filter(|sample| !sample.is_zero()) {
            let locations: Vec<u32> = sample.locations.iter().map(|index| self.location(profile, *index)).collect();
            let next = self.out.samples.len();
            let index = *self.samples.entry((locations, sample.labels.clone())).or_insert(next);
            if index == next {
                let locations = sample.locations.iter().map(|index| self.location(profile, *index)).collect();
                self.out.samples.push(Sample {
                    locations,
                    values: sample.values.clone(),
                    labels: sample.labels.clone(),
                });
            } else {
                for (sum, value) in self.out.samples[index].values.iter_mut().zip(&sample.values) {
                    *sum = sum.wrapping_add(*value);
                }
            }
        }
    }

    fn location(&mut self, profile: &Profile, index: u32) -> u32 {
        if let Some(known) = self.location_of[index as usize] {
            return known;
        }
        let source = &profile.locations[index as usize];
        let mapping = source.mapping.map(|mapping| self.mapping(profile, mapping));
        let address = source.address.wrapping_add(mapping.map_or(0, |(_, offset)| offset));
        let mapping = mapping.map(|(mapping, _)| mapping);
        let lines: Vec<Line> =
            source.lines.iter().map(|line| Line { function: self.function(profile, line.function), ..*line }).collect();
        let start = mapping.map_or(0, |mapping| self.out.mappings[mapping as usize].start);
        // As in pprof, only the outermost line's column tells locations apart.
        let column = lines.last().map_or(0, |line| line.column);
        let key = (
            address.wrapping_sub(start),
            mapping,
            lines.iter().map(|line| (line.function, line.line)).collect(),
            column,
            source.is_folded,
        );
        let next = self.out.locations.len() as u32;
        let merged = *self.locations.entry(key).or_insert(next);
        if merged == next {
            self.out.locations.push(Location {
                id: u64::from(next) + 1,
                mapping,
                address,
                lines,
                is_folded: source.is_folded,
            });
        }
        self.location_of[index as usize] = Some(merged);
        merged
    }

    /// The mapping in the result, and the offset from the source's addresses to the result's.
    fn mapping(&mut self, profile: &Profile, index: u32) -> (u32, u64) {
        if let Some(known) = self.mapping_of[index as usize] {
            return known;
        }
        let source = &profile.mappings[index as usize];
        let next = self.out.mappings.len() as u32;
        let merged = *self.mappings.entry(mapping_key(source)).or_insert(next);
        if merged == next {
            self.out.mappings.push(Mapping { id: u64::from(next) + 1, ..source.clone() });
        }
        let offset = self.out.mappings[merged as usize].start.wrapping_sub(source.start);
        self.mapping_of[index as usize] = Some((merged, offset));
        (merged, offset)
    }

    fn function(&mut self, profile: &Profile, index: u32) -> u32 {
        if let Some(known) = self.function_of[index as usize] {
            return known;
        }
        let source = &profile.functions[index as usize];
        let key = (source.start_line, source.name.clone(), source.system_name.clone(), source.filename.clone());
        let next = self.out.functions.len() as u32;
        let merged = *self.functions.entry(key).or_insert(next);
        if merged == next {
            self.out.functions.push(Function { id: u64::from(next) + 1, ..source.clone() });
        }
        self.function_of[index as usize] = Some(merged);
        merged
    }
}

fn mapping_key(mapping: &Mapping) -> MappingKey {
    const PAGE: u64 = 0x1000;
    let size = mapping.limit.wrapping_sub(mapping.start).wrapping_add(PAGE - 1);
    let name = if mapping.build_id.is_empty() { &mapping.file } else { &mapping.build_id };
    (size - size % PAGE, mapping.offset, name.clone())
}

#[cfg(test)]
mod tests {
    use super::super::Builder;
    use super::*;

    fn one(start: u64, value: i64) -> Profile {
        let mut builder = Builder::new(vec![ValueType::new("n", "count")]);
        let mapping =
            builder.mapping(Mapping { start, limit: start + 0x2000, file: "bin".into(), ..Mapping::default() });
        let function = builder.function("f", "", "", 0);
        let unused = builder.location(None, 1, vec![]);
        let location = builder.location(Some(mapping), start + 5, vec![Line { function, line: 1, column: 2 }]);
        builder.sample(vec![location], vec![value], vec![]);
        builder.sample(vec![unused], vec![0], vec![]);
        builder.finish()
    }

    #[test]
    fn equal_stacks_meet_across_address_spaces() {
        let merged = merge(&[&one(0x1000, 3), &one(0x7000, 4)]).unwrap();
        assert_eq!(merged.samples.len(), 1);
        assert_eq!(merged.samples[0].values, [7]);
        assert_eq!((merged.locations.len(), merged.mappings.len(), merged.locations[0].id), (1, 1, 1));
    }

    #[test]
    fn what_cancels_goes() {
        let merged = merge(&[&one(0x1000, 3), &one(0x7000, -3)]).unwrap();
        assert!(merged.samples.is_empty() && merged.locations.is_empty());
    }
}
