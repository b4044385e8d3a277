//! The messages of a profile: samples, mappings, locations, functions.

use super::error::ReadError;
use super::model::{Function, Label, LabelValue, Line, Location, Mapping, Sample};
use super::tables::{IdTable, Strings};
use super::wire::{Fields, Value, WireError, count_packed};

pub fn value_type(value: Value<'_>) -> Result<[u64; 2], WireError> {
    let mut pair = [0; 2];
    for field in Fields(value.bytes()?) {
        match field? {
            (1, value) => pair[0] = value.number()?,
            (2, value) => pair[1] = value.number()?,
            _ => {}
        }
    }
    Ok(pair)
}

/// A sample, and whether it names a missing location.
pub fn sample(data: &[u8], locations: &IdTable, strings: &Strings<'_>) -> Result<(Sample, bool), ReadError> {
    let mut sample = Sample::default();
    let mut dangling = false;
    for field in Fields(data) {
        match field? {
            (1, value) => {
                if let Value::Bytes(packed) = value {
                    sample.locations.reserve_exact(count_packed(packed));
                }
                value.numbers(|id| match locations.get(id) {
                    Some(index) => sample.locations.push(index),
                    None => dangling = true,
                })?;
            }
            (2, value) => {
                if let Value::Bytes(packed) = value {
                    sample.values.reserve_exact(count_packed(packed));
                }
                value.numbers(|number| sample.values.push(number as i64))?;
            }
            (3, value) => sample.labels.extend(label(value.bytes()?, strings)?),
            _ => {}
        }
    }
    sample.sort_labels();
    Ok((sample, dangling))
}

/// A label; one without any value is not a label.
fn label(data: &[u8], strings: &Strings<'_>) -> Result<Option<Label>, ReadError> {
    let (mut key, mut text, mut number, mut unit) = (0, 0, 0, 0);
    for field in Fields(data) {
        match field? {
            (1, value) => key = value.number()?,
            (2, value) => text = value.number()?,
            (3, value) => number = value.signed()?,
            (4, value) => unit = value.number()?,
            _ => {}
        }
    }
    let key = strings.get(key)?;
    Ok(if text != 0 {
        Some(Label { key, value: LabelValue::Text(strings.get(text)?) })
    } else if number != 0 || unit != 0 {
        Some(Label { key, value: LabelValue::Number(number, strings.get(unit)?) })
    } else {
        None
    })
}

pub fn mapping(data: &[u8], strings: &Strings<'_>) -> Result<Mapping, ReadError> {
    let mut mapping = Mapping::default();
    let (mut file, mut build_id) = (0, 0);
    for field in Fields(data) {
        match field? {
            (1, value) => mapping.id = value.number()?,
            (2, value) => mapping.start = value.number()?,
            (3, value) => mapping.limit = value.number()?,
            (4, value) => mapping.offset = value.number()?,
            (5, value) => file = value.number()?,
            (6, value) => build_id = value.number()?,
            (7, value) => mapping.has_functions = value.flag()?,
            (8, value) => mapping.has_filenames = value.flag()?,
            (9, value) => mapping.has_line_numbers = value.flag()?,
            (10, value) => mapping.has_inline_frames = value.flag()?,
            _ => {}
        }
    }
    mapping.file = strings.get(file)?;
    mapping.build_id = strings.get(build_id)?;
    Ok(mapping)
}

/// A location. `nameless` receives the complaint about the first line whose function is missing.
pub fn location(
    data: &[u8],
    mappings: &IdTable,
    functions: &IdTable,
    nameless: &mut Option<String>,
) -> Result<Location, ReadError> {
    let mut location = Location::default();
    let mut no_function = false;
    for field in Fields(data) {
        match field? {
            (1, value) => location.id = value.number()?,
            (2, value) => location.mapping = mappings.get(value.number()?),
            (3, value) => location.address = value.number()?,
            (4, value) => {
                let (line, id) = line(value.bytes()?)?;
                let function = functions.get(id).filter(|_| id != 0);
                no_function |= function.is_none();
                location.lines.push(Line { function: function.unwrap_or_default(), ..line });
            }
            (5, value) => location.is_folded = value.flag()?,
            _ => {}
        }
    }
    location.lines.shrink_to_fit();
    if no_function && nameless.is_none() {
        *nameless = Some(format!("location id: {} has a line with nil function", location.id));
    }
    Ok(location)
}

fn line(data: &[u8]) -> Result<(Line, u64), WireError> {
    let mut line = Line::default();
    let mut function = 0;
    for field in Fields(data) {
        match field? {
            (1, value) => function = value.number()?,
            (2, value) => line.line = value.signed()?,
            (3, value) => line.column = value.signed()?,
            _ => {}
        }
    }
    Ok((line, function))
}

pub fn function(data: &[u8], strings: &Strings<'_>) -> Result<Function, ReadError> {
    let mut function = Function::default();
    let mut texts = [0; 3];
    for field in Fields(data) {
        match field? {
            (1, value) => function.id = value.number()?,
            (number @ 2..=4, value) => texts[number as usize - 2] = value.number()?,
            (5, value) => function.start_line = value.signed()?,
            _ => {}
        }
    }
    let [name, system_name, filename] = texts;
    function.name = strings.get(name)?;
    function.system_name = strings.get(system_name)?;
    function.filename = strings.get(filename)?;
    Ok(function)
}
