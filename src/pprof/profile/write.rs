//! Profile → gzip'd protobuf, which every reader of pprof's format accepts.

use rustc_hash::FxHashMap;

use super::gzip;
use super::model::{LabelValue, Location, Profile, Sample, Text, ValueType};
use super::wire::Writer;

/// The profile as a gzip'd protobuf file.
pub fn write(profile: &Profile) -> Vec<u8> {
    gzip::compress(&write_uncompressed(profile))
}

/// The same, but faster and larger: somebody waits for it. Go's runtime uses its fastest level, too.
pub fn write_quickly(profile: &Profile) -> Vec<u8> {
    gzip::compress_quickly(&write_uncompressed(profile))
}

/// The profile as protobuf.
pub fn write_uncompressed(profile: &Profile) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.profile(profile);
    encoder.out.0
}

struct Encoder<'a> {
    strings: FxHashMap<&'a str, u64>,
    table: Vec<&'a str>,
    out: Writer,
    message: Writer,
    scratch: Writer,
}

impl<'a> Encoder<'a> {
    fn new() -> Self {
        // The format requires the empty text first.
        let strings = FxHashMap::from_iter([("", 0)]);
        Encoder {
            strings,
            table: vec![""],
            out: Writer::default(),
            message: Writer::default(),
            scratch: Writer::default(),
        }
    }

    fn string(&mut self, text: &'a Text) -> u64 {
        *self.strings.entry(text).or_insert_with(|| {
            self.table.push(text);
            self.table.len() as u64 - 1
        })
    }

    fn profile(&mut self, profile: &'a Profile) {
        for value_type in &profile.sample_types {
            self.value_type(1, value_type);
        }
        for sample in &profile.samples {
            self.sample(profile, sample);
        }
        for mapping in &profile.mappings {
            let (file, build_id) = (self.string(&mapping.file), self.string(&mapping.build_id));
            let flags =
                [mapping.has_functions, mapping.has_filenames, mapping.has_line_numbers, mapping.has_inline_frames];
            self.message.0.clear();
            let numbers = [mapping.id, mapping.start, mapping.limit, mapping.offset, file, build_id];
            for (field, number) in (1..).zip(numbers.into_iter().chain(flags.map(u64::from))) {
                self.message.number(field, number);
            }
            self.out.bytes(3, &self.message.0);
        }
        for location in &profile.locations {
            self.location(profile, location);
        }
        for function in &profile.functions {
            let [name, system_name, file] =
                [&function.name, &function.system_name, &function.filename].map(|text| self.string(text));
            self.message.0.clear();
            for (field, number) in (1..).zip([function.id, name, system_name, file, function.start_line as u64]) {
                self.message.number(field, number);
            }
            self.out.bytes(5, &self.message.0);
        }
        let [drop, keep, default, doc] =
            [&profile.drop_frames, &profile.keep_frames, &profile.default_sample_type, &profile.doc_url]
                .map(|text| self.string(text));
        let comments: Vec<u64> = profile.comments.iter().map(|comment| self.string(comment)).collect();
        if profile.period_type != ValueType::default() {
            self.value_type(11, &profile.period_type);
        }
        for text in &self.table {
            self.out.bytes(6, text.as_bytes());
        }
        self.out.number(7, drop);
        self.out.number(8, keep);
        self.out.number(9, profile.time_nanos as u64);
        self.out.number(10, profile.duration_nanos as u64);
        self.out.number(12, profile.period as u64);
        self.out.packed(13, comments.into_iter(), &mut self.scratch);
        self.out.number(14, default);
        self.out.number(15, doc);
    }

    fn value_type(&mut self, field: u64, value_type: &'a ValueType) {
        let (kind, unit) = (self.string(&value_type.kind), self.string(&value_type.unit));
        self.message.0.clear();
        self.message.number(1, kind);
        self.message.number(2, unit);
        self.out.bytes(field, &self.message.0);
    }

    fn sample(&mut self, profile: &Profile, sample: &'a Sample) {
        let mut message = std::mem::take(&mut self.message);
        message.0.clear();
        let ids = sample.locations.iter().map(|index| profile.locations[*index as usize].id);
        message.packed(1, ids, &mut self.scratch);
        message.packed(2, sample.values.iter().map(|value| *value as u64), &mut self.scratch);
        for label in &sample.labels {
            let key = self.string(&label.key);
            let (text, number, unit) = match &label.value {
                LabelValue::Text(text) => (self.string(text), 0, 0),
                LabelValue::Number(number, unit) => (0, *number as u64, self.string(unit)),
            };
            self.scratch.0.clear();
            for (field, value) in (1..).zip([key, text, number, unit]) {
                self.scratch.number(field, value);
            }
            message.bytes(3, &self.scratch.0);
        }
        self.out.bytes(2, &message.0);
        self.message = message;
    }

    fn location(&mut self, profile: &Profile, location: &Location) {
        self.message.0.clear();
        self.message.number(1, location.id);
        self.message.number(2, location.mapping.map_or(0, |index| profile.mappings[index as usize].id));
        self.message.number(3, location.address);
        for line in &location.lines {
            self.scratch.0.clear();
            self.scratch.number(1, profile.functions[line.function as usize].id);
            self.scratch.number(2, line.line as u64);
            self.scratch.number(3, line.column as u64);
            self.message.bytes(4, &self.scratch.0);
        }
        self.message.number(5, u64::from(location.is_folded));
        self.out.bytes(4, &self.message.0);
    }
}
