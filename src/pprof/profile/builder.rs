//! Builds a profile: a producer may name mappings, functions and locations repeatedly; each is stored once.

use rustc_hash::FxHashMap;

use super::model::{Function, Label, Line, Location, Mapping, Profile, Sample, Text, ValueType};

/// Collects a profile. The caller sets header fields directly on [`Builder::profile`] and fills tables through the
/// methods, which return indices.
#[derive(Default)]
pub struct Builder {
    pub profile: Profile,
    texts: FxHashMap<Text, ()>,
    functions: FxHashMap<(Text, Text, Text, i64), u32>,
    locations: FxHashMap<(Option<u32>, u64, Vec<Line>), u32>,
}

impl Builder {
    /// An empty profile whose samples will have one value for each of `sample_types`.
    pub fn new(sample_types: Vec<ValueType>) -> Self {
        Builder { profile: Profile { sample_types, ..Profile::default() }, ..Builder::default() }
    }

    /// The shared copy of `text`.
    pub fn text(&mut self, text: &str) -> Text {
        if let Some((known, ())) = self.texts.get_key_value(text) {
            return known.clone();
        }
        let text: Text = text.into();
        self.texts.insert(text.clone(), ());
        text
    }

    /// Adds a mapping and assigns its `id`; the first one must be the main executable.
    pub fn mapping(&mut self, mapping: Mapping) -> u32 {
        let index = self.profile.mappings.len() as u32;
        self.profile.mappings.push(Mapping { id: u64::from(index) + 1, ..mapping });
        index
    }

    /// The function of this name, mangled name, file and first line (0: unknown).
    pub fn function(&mut self, name: &str, system_name: &str, filename: &str, start_line: i64) -> u32 {
        let [name, system_name, filename] = [name, system_name, filename].map(|text| self.text(text));
        let next = self.profile.functions.len() as u32;
        let index =
            *self.functions.entry((name.clone(), system_name.clone(), filename.clone(), start_line)).or_insert(next);
        if index == next {
            self.profile.functions.push(Function { id: u64::from(next) + 1, name, system_name, filename, start_line });
        }
        index
    }

    /// The location of this address and these lines (innermost inlined frame first).
    pub fn location(&mut self, mapping: Option<u32>, address: u64, lines: Vec<Line>) -> u32 {
        let next = self.profile.locations.len() as u32;
        let index = *self.locations.entry((mapping, address, lines.clone())).or_insert(next);
        if index == next {
            self.profile.locations.push(Location {
                id: u64::from(next) + 1,
                mapping,
                address,
                lines,
                is_folded: false,
            });
        }
        index
    }

    /// Adds a sample: locations from the leaf to the root, one value for each sample type. Does not sum equal stacks.
    pub fn sample(&mut self, locations: Vec<u32>, values: Vec<i64>, labels: Vec<Label>) {
        debug_assert_eq!(values.len(), self.profile.sample_types.len());
        let mut sample = Sample { locations, values, labels };
        sample.sort_labels();
        self.profile.samples.push(sample);
    }

    pub fn finish(self) -> Profile {
        self.profile
    }
}
