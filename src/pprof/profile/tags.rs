//! Labels ("tags" in pprof's language): determines their units, removes them, turns them into frames.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::model::{Function, LabelValue, Line, Location, Profile, Sample, Text};
use super::pattern::Pattern;
use super::unit;

/// Marks the samples of a base profile in a comparison (`-diff_base`).
pub const BASE_KEY: &str = "pprof::base";

/// Numeric labels' keys → the unit of their values.
pub type LabelUnits = BTreeMap<Text, Text>;

impl Profile {
    /// The unit of each numeric label: the first one named, else one guessed from the key. Second: for keys with
    /// several units, the other units, in the order of their first appearance.
    pub fn label_units(&self) -> (LabelUnits, Vec<(Text, BTreeSet<Text>)>) {
        let mut units = LabelUnits::new();
        let mut keys = BTreeSet::new();
        let mut ignored: Vec<(Text, BTreeSet<Text>)> = Vec::new();
        for label in self.samples.iter().flat_map(|sample| &sample.labels) {
            let LabelValue::Number(_, unit) = &label.value else { continue };
            keys.insert(&label.key);
            if unit.is_empty() {
                continue;
            }
            match units.get(&label.key) {
                None => {
                    units.insert(label.key.clone(), unit.clone());
                }
                Some(first) if first != unit => {
                    let known = ignored.iter_mut().find(|(key, _)| *key == label.key);
                    match known {
                        Some((_, units)) => drop(units.insert(unit.clone())),
                        None => ignored.push((label.key.clone(), BTreeSet::from([unit.clone()]))),
                    }
                }
                Some(_) => {}
            }
        }
        for key in keys {
            let guess = if matches!(&**key, "alignment" | "request") { "bytes".into() } else { key.clone() };
            units.entry(key.clone()).or_insert(guess);
        }
        (units, ignored)
    }

    /// Removes the labels whose keys do not match `show` or do match `hide`. Returns whether each matched any.
    pub fn filter_labels(&mut self, show: Option<&Pattern>, hide: Option<&Pattern>) -> (bool, bool) {
        let (mut shown, mut hidden) = (false, false);
        if show.is_none() && hide.is_none() {
            return (true, false);
        }
        for sample in &mut self.samples {
            sample.labels.retain(|label| {
                let show = show.is_none_or(|show| show.matches(&label.key));
                let hide = hide.is_some_and(|hide| hide.matches(&label.key));
                shown |= show;
                hidden |= hide;
                show && !hide
            });
        }
        (shown, hidden)
    }

    /// Gives every sample the text label `key` = `value`, replacing any other value of that key.
    pub fn set_label(&mut self, key: &str, value: &str) {
        let (key, value): (Text, Text) = (key.into(), value.into());
        for sample in &mut self.samples {
            sample.labels.retain(|label| label.is_number() || label.key != key);
            sample.labels.push(super::Label::text(key.clone(), value.clone()));
            sample.sort_labels();
        }
    }

    /// Adds frames for labels: those of `roots` above the root (the first key outermost), those of `leaves` beneath
    /// the leaf (the last key innermost). Returns, for roots and leaves, whether any sample had a value for any of the
    /// keys.
    pub fn add_label_frames(&mut self, roots: &[String], leaves: &[String], output_unit: &str) -> (bool, bool) {
        let (mut any_root, mut any_leaf) = (false, false);
        if roots.is_empty() && leaves.is_empty() {
            return (false, false);
        }
        let mut frames = LabelFrames::new(self);
        for sample in &mut self.samples {
            let mut stack = Vec::with_capacity(sample.locations.len() + roots.len() + leaves.len());
            let root_frames = frames.of(sample, roots, output_unit, &mut any_root);
            stack.extend(frames.of(sample, leaves, output_unit, &mut any_leaf));
            stack.append(&mut sample.locations);
            stack.extend(root_frames);
            sample.locations = stack;
        }
        self.locations.extend(frames.locations);
        self.functions.extend(frames.functions);
        (any_root, any_leaf)
    }
}

/// The locations made for labels, after those of the profile.
struct LabelFrames {
    known: FxHashMap<(String, String), u32>,
    locations: Vec<Location>,
    functions: Vec<Function>,
    first: (u32, u32),
    next_ids: (u64, u64),
}

impl LabelFrames {
    fn new(profile: &Profile) -> Self {
        let location_id = profile.locations.iter().map(|location| location.id).max().unwrap_or(0);
        let function_id = profile.functions.iter().map(|function| function.id).max().unwrap_or(0);
        LabelFrames {
            known: FxHashMap::default(),
            locations: Vec::new(),
            functions: Vec::new(),
            first: (profile.locations.len() as u32, profile.functions.len() as u32),
            next_ids: (location_id.wrapping_add(1), function_id.wrapping_add(1)),
        }
    }

    fn of(&mut self, sample: &Sample, keys: &[String], output_unit: &str, any: &mut bool) -> Vec<u32> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys.iter().rev() {
            let values = label_values(sample, key, output_unit);
            *any |= !values.is_empty();
            found.push(self.location(values.join(","), key.clone()));
        }
        found
    }

    fn location(&mut self, name: String, filename: String) -> u32 {
        let next = self.locations.len() as u32;
        let at = *self.known.entry((name.clone(), filename.clone())).or_insert(next);
        if at == next {
            let (location_id, function_id) =
                (self.next_ids.0.wrapping_add(u64::from(next)), self.next_ids.1.wrapping_add(u64::from(next)));
            self.functions.push(Function {
                id: function_id,
                name: name.into(),
                filename: filename.into(),
                ..Function::default()
            });
            let line = Line { function: self.first.1 + next, line: 0, column: 0 };
            self.locations.push(Location { id: location_id, lines: vec![line], ..Location::default() });
        }
        self.first.0 + at
    }
}

fn label_values(sample: &Sample, key: &str, output_unit: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for (_, texts) in sample.texts().filter(|(name, _)| &***name == key) {
        values.extend(texts.into_iter().map(|text| text.to_string()));
    }
    for (_, numbers) in sample.numbers().filter(|(name, _)| &***name == key) {
        let has_units = numbers.iter().any(|(_, unit)| !unit.is_empty());
        let to = if has_units { output_unit } else { "" };
        values.extend(numbers.into_iter().map(|(number, unit)| unit::label(number, unit, to)));
    }
    values
}
