//! The profile in memory: profile.proto with its ids resolved.
//!
//! Tables refer to each other by INDEX (`u32`, the position in the `Vec`), not by the file's ids, so that every walk
//! over the samples is an array access and a dangling reference cannot be expressed: the reader refuses it. The file's
//! ids are kept only because `-raw` prints them. Texts are shared (`Arc<str>`): a profile repeats the same names many
//! times.

use std::sync::Arc;

use super::samples::Samples;

/// A text of the profile's string table. The reader has replaced bytes that are not UTF-8 by U+FFFD.
pub type Text = Arc<str>;

/// The meaning of one column of the samples' values: `alloc_space` in `bytes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValueType {
    /// `type` in profile.proto: "cpu", "alloc_space", …
    pub kind: Text,
    /// "nanoseconds", "bytes", "count", …
    pub unit: Text,
}

impl ValueType {
    pub fn new(kind: &str, unit: &str) -> Self {
        ValueType { kind: kind.into(), unit: unit.into() }
    }
}

/// A whole profile. `Default` is the empty one; a producer fills it through [`super::Builder`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    pub sample_types: Vec<ValueType>,
    /// The `kind` of the default sample type; empty: the last one.
    pub default_sample_type: Text,
    pub samples: Samples,
    /// The first one is the main executable.
    pub mappings: Vec<Mapping>,
    pub locations: Vec<Location>,
    pub functions: Vec<Function>,
    /// Free-form lines; shown in the header of reports unless they start with `#`.
    pub comments: Vec<Text>,
    pub doc_url: Text,
    /// Regular expressions on whole function names: frames that match `drop_frames` and not `keep_frames` are cut off
    /// towards the leaf when the profile is loaded.
    pub drop_frames: Text,
    pub keep_frames: Text,
    /// When the profile was taken, nanoseconds since the Unix epoch; 0: unknown.
    pub time_nanos: i64,
    /// How long it was recorded for, in nanoseconds; 0: unknown.
    pub duration_nanos: i64,
    pub period_type: ValueType,
    /// Events between two samples, in the unit of `period_type`.
    pub period: i64,
}

/// One stack with its values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Indices into [`Profile::locations`], the LEAF first.
    pub locations: Vec<u32>,
    /// One value for each of [`Profile::sample_types`].
    pub values: Vec<i64>,
    /// Sorted: texts before numbers, then by key; the order of several values of one key is kept
    /// ([`Sample::sort_labels`]).
    pub labels: Vec<Label>,
}

/// A key with a value attached to a sample ("thread" = "main", "bytes" = 4096).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    pub key: Text,
    pub value: LabelValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LabelValue {
    Text(Text),
    /// A number and its unit; the unit may be empty.
    Number(i64, Text),
}

/// A stretch of the process's memory that an object file was mapped to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// As in the file: not 0, and unique.
    pub id: u64,
    pub start: u64,
    pub limit: u64,
    pub offset: u64,
    pub file: Text,
    pub build_id: Text,
    pub has_functions: bool,
    pub has_filenames: bool,
    pub has_line_numbers: bool,
    pub has_inline_frames: bool,
}

/// An instruction address, with the source lines it stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Location {
    /// As in the file: not 0, and unique.
    pub id: u64,
    /// Index into [`Profile::mappings`].
    pub mapping: Option<u32>,
    pub address: u64,
    /// Innermost inlined frame first; the last one is the function that was really called. Empty: not symbolized.
    pub lines: Vec<Line>,
    /// Several symbols share the address (identical code folding).
    pub is_folded: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Line {
    /// Index into [`Profile::functions`].
    pub function: u32,
    /// 1-based; 0: unknown.
    pub line: i64,
    pub column: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Function {
    /// As in the file: not 0, and unique.
    pub id: u64,
    /// The name for people.
    pub name: Text,
    /// The linker's name. pprof rewrites names whose system name is equal: write the mangled name, or nothing.
    pub system_name: Text,
    pub filename: Text,
    /// The line of the function's head; 0: unknown.
    pub start_line: i64,
}

impl Label {
    pub fn text(key: impl Into<Text>, value: impl Into<Text>) -> Self {
        Label { key: key.into(), value: LabelValue::Text(value.into()) }
    }

    pub fn number(key: impl Into<Text>, value: i64, unit: impl Into<Text>) -> Self {
        Label { key: key.into(), value: LabelValue::Number(value, unit.into()) }
    }

    pub fn is_number(&self) -> bool {
        matches!(self.value, LabelValue::Number(..))
    }
}

impl Sample {
    /// Sorts the labels into the order that all other code relies on.
    pub fn sort_labels(&mut self) {
        if self.labels.len() > 1 {
            self.labels.sort_by(|a, b| (a.is_number(), &a.key).cmp(&(b.is_number(), &b.key)));
        }
    }

    /// The text labels, one key after the other: `(key, its values)`.
    pub fn texts(&self) -> impl Iterator<Item = (&Text, Vec<&Text>)> {
        self.groups(false).map(|group| {
            let values = group.iter().filter_map(|label| match &label.value {
                LabelValue::Text(text) => Some(text),
                LabelValue::Number(..) => None,
            });
            (&group[0].key, values.collect())
        })
    }

    /// The numeric labels, one key after the other: `(key, its values with their units)`.
    pub fn numbers(&self) -> impl Iterator<Item = (&Text, Vec<(i64, &Text)>)> {
        self.groups(true).map(|group| {
            let values = group.iter().filter_map(|label| match &label.value {
                LabelValue::Number(number, unit) => Some((*number, unit)),
                LabelValue::Text(_) => None,
            });
            (&group[0].key, values.collect())
        })
    }

    fn groups(&self, numbers: bool) -> impl Iterator<Item = &[Label]> {
        self.labels
            .chunk_by(|a, b| a.is_number() == b.is_number() && a.key == b.key)
            .filter(move |group| group[0].is_number() == numbers)
    }

    /// Whether `key` has the text `value`.
    pub fn has_text(&self, key: &str, value: &str) -> bool {
        self.labels
            .iter()
            .any(|label| &*label.key == key && matches!(&label.value, LabelValue::Text(text) if &**text == value))
    }

    pub fn is_zero(&self) -> bool {
        self.values.iter().all(|value| *value == 0)
    }
}

impl Mapping {
    /// Whether its addresses cannot have symbols: the kernel's own pages, anonymous memory, or no file at all.
    pub fn unsymbolizable(&self) -> bool {
        let base = self.file.rsplit('/').next().unwrap_or_default();
        base.starts_with('[')
            || base.starts_with("linux-vdso")
            || self.file.starts_with("/dev/dri/")
            || self.file.starts_with("/memfd:")
            || matches!(&*self.file, "" | "//anon")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_by_kind_and_key() {
        let mut sample = Sample {
            labels: vec![
                Label::number("b", 2, ""),
                Label::text("z", "1"),
                Label::number("b", 1, ""),
                Label::text("a", "2"),
                Label::text("z", "0"),
            ],
            ..Sample::default()
        };
        sample.sort_labels();
        let texts: Vec<(String, Vec<String>)> = sample
            .texts()
            .map(|(key, values)| (key.to_string(), values.iter().map(|value| value.to_string()).collect()))
            .collect();
        assert_eq!(texts, [("a".into(), vec!["2".into()]), ("z".into(), vec!["1".to_string(), "0".into()])]);
        let numbers: Vec<i64> =
            sample.numbers().flat_map(|(_, values)| values.into_iter().map(|value| value.0)).collect();
        assert_eq!(numbers, [2, 1]);
    }
}
