//! Bytes → profile. It tolerates and refuses the same inputs as pprof, with pprof's messages.
//!
//! Two passes: the first over the file's top level (strings, functions, locations; it only finds the samples), the
//! second over the samples, which come before the tables that they refer to. So each sample is allocated once, at its
//! right size.

use super::error::ReadError;
use super::gzip;
use super::legacy;
use super::messages::{function, location, mapping, sample, value_type};
use super::model::{Profile, Sample, ValueType};
use super::tables::{IdTable, Strings, check_ids};
use super::wire::Fields;

/// Reads a profile: protobuf or a legacy format, gzip'd or not. Expands to at most [`gzip::MAX_EXPANDED`] bytes.
pub fn read(data: &[u8]) -> Result<Profile, ReadError> {
    if gzip::is_gzip(data) {
        read_uncompressed(&gzip::expand(data).map_err(ReadError::Gzip)?)
    } else {
        read_uncompressed(data)
    }
}

/// Reads a profile that is not compressed: protobuf, or a legacy format.
pub fn read_uncompressed(data: &[u8]) -> Result<Profile, ReadError> {
    if data.is_empty() {
        return Err(ReadError::Empty);
    }
    let read = Raw::find(data).and_then(Raw::resolve);
    if read == Err(ReadError::Unrecognized) { legacy::read(data) } else { read }
}

/// The file's top level; texts are still numbers of the string table, references still ids.
#[derive(Default)]
struct Raw<'a> {
    strings: Vec<&'a [u8]>,
    sample_types: Vec<[u64; 2]>,
    samples: Vec<&'a [u8]>,
    mappings: Vec<&'a [u8]>,
    locations: Vec<&'a [u8]>,
    functions: Vec<&'a [u8]>,
    comments: Vec<u64>,
    period_type: [u64; 2],
    drop_frames: u64,
    keep_frames: u64,
    time_nanos: i64,
    duration_nanos: i64,
    period: i64,
    default_sample_type: u64,
    doc_url: u64,
}

impl<'a> Raw<'a> {
    fn find(data: &'a [u8]) -> Result<Self, ReadError> {
        let mut raw = Raw::default();
        for field in Fields(data) {
            let (number, value) = field?;
            match number {
                1 => raw.sample_types.push(value_type(value)?),
                2 => raw.samples.push(value.bytes()?),
                3 => raw.mappings.push(value.bytes()?),
                4 => raw.locations.push(value.bytes()?),
                5 => raw.functions.push(value.bytes()?),
                6 => {
                    raw.strings.push(value.bytes()?);
                    if !raw.strings[0].is_empty() {
                        return Err(ReadError::Unrecognized);
                    }
                }
                7 => raw.drop_frames = value.number()?,
                8 => raw.keep_frames = value.number()?,
                9 if raw.time_nanos != 0 => return Err(ReadError::Concatenated),
                9 => raw.time_nanos = value.signed()?,
                10 => raw.duration_nanos = value.signed()?,
                11 => raw.period_type = value_type(value)?,
                12 => raw.period = value.signed()?,
                13 => value.numbers(|comment| raw.comments.push(comment))?,
                14 => raw.default_sample_type = value.number()?,
                15 => raw.doc_url = value.number()?,
                _ => {}
            }
        }
        Ok(raw)
    }

    fn resolve(self) -> Result<Profile, ReadError> {
        let strings = Strings::new(&self.strings);
        let text = |index: u64| strings.get(index);
        let typed = |pair: [u64; 2]| Ok::<_, ReadError>(ValueType { kind: text(pair[0])?, unit: text(pair[1])? });

        let mappings = self.mappings.iter().map(|data| mapping(data, &strings)).collect::<Result<Vec<_>, _>>()?;
        let functions = self.functions.iter().map(|data| function(data, &strings)).collect::<Result<Vec<_>, _>>()?;
        let mapping_ids = IdTable::new(mappings.iter().map(|mapping| mapping.id));
        let function_ids = IdTable::new(functions.iter().map(|function| function.id));
        let mut nameless = None;
        let mut locations = Vec::with_capacity(self.locations.len());
        for data in &self.locations {
            locations.push(location(data, &mapping_ids, &function_ids, &mut nameless)?);
        }
        let location_ids = IdTable::new(locations.iter().map(|location| location.id));

        let sample_types = self.sample_types.iter().map(|pair| typed(*pair)).collect::<Result<Vec<_>, _>>()?;
        let mut samples = Vec::with_capacity(if sample_types.is_empty() { 0 } else { self.samples.len() });
        let mut broken = None;
        for data in &self.samples {
            let (sample, dangling) = sample(data, &location_ids, &strings)?;
            if broken.is_none() {
                broken = check_sample(&sample, dangling, sample_types.len());
            }
            if broken.is_none() {
                samples.push(sample);
            }
        }
        let profile = Profile {
            default_sample_type: text(self.default_sample_type)?,
            comments: self.comments.iter().map(|comment| text(*comment)).collect::<Result<_, _>>()?,
            doc_url: text(self.doc_url)?,
            drop_frames: text(self.drop_frames)?,
            keep_frames: text(self.keep_frames)?,
            time_nanos: self.time_nanos,
            duration_nanos: self.duration_nanos,
            period_type: typed(self.period_type)?,
            period: self.period,
            sample_types,
            samples: samples.into(),
            mappings,
            locations,
            functions,
        };
        let broken = broken.or_else(|| check_ids(&profile)).or(nameless);
        broken.map_or(Ok(profile), |what| Err(ReadError::Malformed(what)))
    }
}

fn check_sample(sample: &Sample, dangling: bool, types: usize) -> Option<String> {
    if types == 0 {
        return Some("missing sample type information".into());
    }
    if sample.values.len() != types {
        return Some(format!("mismatch: sample has {} values vs. {types} types", sample.values.len()));
    }
    dangling.then(|| "sample has nil location".into())
}

#[cfg(test)]
mod tests {
    use super::super::{Builder, Label, Line, Mapping, Text, write, write_uncompressed};
    use super::*;

    fn text(text: &str) -> Text {
        text.into()
    }

    fn small() -> Profile {
        let mut builder =
            Builder::new(vec![ValueType::new("alloc_objects", "count"), ValueType::new("alloc_space", "bytes")]);
        let mapping = builder.mapping(Mapping {
            file: text("/bin/bench"),
            start: 0x1000,
            limit: 0x9000,
            has_functions: true,
            ..Mapping::default()
        });
        let leaf = builder.function("Vec::push", "_ZN3Vec4pushE", "vec.rs", 10);
        let root = builder.function("main", "", "main.rs", 0);
        let lines = vec![Line { function: leaf, line: 12, column: 3 }, Line { function: root, line: -1, column: 0 }];
        let inlined = builder.location(Some(mapping), 0x1234, lines);
        let outer = builder.location(None, 0, vec![]);
        builder.sample(
            vec![inlined, outer],
            vec![i64::MIN, i64::MAX],
            vec![Label::number("bytes", 0, "bytes"), Label::text("thread", "é")],
        );
        builder.sample(vec![outer, outer, outer], vec![0, -1], vec![]);
        builder.profile.comments = vec![text("memprof: iterations=7"), text("two"), text("three")];
        builder.profile.time_nanos = 1;
        builder.profile.period_type = ValueType::new("space", "bytes");
        builder.profile.default_sample_type = text("alloc_space");
        builder.finish()
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(&write(&small())).unwrap(), small());
        assert_eq!(read(&write_uncompressed(&small())).unwrap(), small());
    }

    #[test]
    fn every_cut_is_an_error_or_a_profile() {
        let bytes = write_uncompressed(&small());
        for end in 0..bytes.len() {
            let _ = read(&bytes[..end]);
        }
        assert_eq!(read(&[]), Err(ReadError::Empty));
        assert_eq!(read(&bytes[..bytes.len() - 1]), Err(ReadError::Unrecognized));
    }

    #[test]
    fn contradictions_are_malformed() {
        let broken = |change: fn(&mut Profile)| {
            let mut profile = small();
            change(&mut profile);
            read(&write(&profile)).unwrap_err().to_string()
        };
        assert_eq!(broken(|p| p.sample_types.clear()), "malformed profile: missing sample type information");
        assert_eq!(
            broken(|p| p.samples[0].values.truncate(1)),
            "malformed profile: mismatch: sample has 1 values vs. 2 types"
        );
        assert_eq!(broken(|p| p.locations[1].id = 1), "malformed profile: multiple locations with same id: 1");
        assert_eq!(broken(|p| p.functions[1].id = 0), "malformed profile: found function with reserved ID=0");
        assert_eq!(broken(|p| p.mappings[0].id = 0), "malformed profile: found mapping with reserved ID=0");
    }

    #[test]
    fn two_profiles_in_one_are_told() {
        let bytes = write_uncompressed(&small()).repeat(2);
        assert_eq!(read(&bytes), Err(ReadError::Concatenated));
    }
}
