//! Go's benchmark text: <https://golang.org/design/14313-benchmark-format>.
//!
//! Results (`BenchmarkName-8  100  17 ns/op …`), configuration (`key: value`) and units (`Unit ns/op better=lower`)
//! stand among other programs' lines, which the reader skips. It reports lines that look like a result or a unit but
//! do not parse.

use std::num::IntErrorKind;

use super::record::{Config, Event, NameParts, Record, Value};
use crate::benchstat::unit::Metadata;
use crate::go::float::parse_float;

/// Reads all of `text`. `file` is its name in messages.
pub fn read(text: &str, file: &str, mut config: Config, units: &mut Metadata, sink: &mut dyn FnMut(Event<'_>)) {
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        // Joined files may each begin with a byte-order mark.
        let line = line.trim_start_matches('\u{feff}');
        let mut problem = |message: String| sink(Event::Problem(format!("{file}:{}: {message}", index + 1)));
        if let Some(result) = line.strip_prefix("Benchmark") {
            match parse_result(result) {
                Ok(Some((name, values))) => {
                    let parts = NameParts::default();
                    sink(Event::Measured(Record { name, config: &config, values, parts }));
                }
                Ok(None) => {}
                Err(message) => problem(message),
            }
        } else if let Some(unit_line) = unit_line(line) {
            parse_unit_line(unit_line, units, &mut problem);
        } else if let Some((key, value)) = key_value(line) {
            config.set(key, value);
        }
    }
}

/// The name and the values of a line without its `Benchmark`; None for a name alone, which `go test -v` prints at the
/// start of each benchmark.
fn parse_result(line: &str) -> Result<Option<(&str, Vec<Value<'_>>)>, String> {
    let (name, rest) = split_field(line);
    if name.len() == line.len() {
        return Ok(None);
    }
    let (iterations, mut rest) = split_field(rest);
    if iterations.is_empty() {
        return Err("missing iteration count".to_owned());
    }
    iterations.parse::<i64>().map_err(|error| {
        let is_too_large = matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow);
        format!("parsing iteration count: {}", if is_too_large { "value out of range" } else { "invalid syntax" })
    })?;

    let mut values = Vec::with_capacity(3);
    loop {
        let (number, after_number) = split_field(rest);
        if number.is_empty() {
            return if values.is_empty() { Err("missing measurements".to_owned()) } else { Ok(Some((name, values))) };
        }
        let value = parse_float(number).map_err(|error| format!("parsing measurement: {error}"))?;
        let (unit, after_unit) = split_field(after_number);
        if unit.is_empty() {
            return Err("missing units".to_owned());
        }
        values.push(Value::tidied(value, unit, false));
        rest = after_unit;
    }
}

/// The rest of a line whose first word is `Unit`.
fn unit_line(line: &str) -> Option<&str> {
    if !line.starts_with("Unit") {
        return None;
    }
    let (word, rest) = split_field(line);
    (word == "Unit").then_some(rest)
}

fn parse_unit_line(line: &str, units: &mut Metadata, problem: &mut dyn FnMut(String)) {
    let (unit, mut rest) = split_field(line);
    if unit.is_empty() {
        return problem("missing unit".to_owned());
    }
    loop {
        let (field, after) = split_field(rest);
        if field.is_empty() {
            return;
        }
        rest = after;
        match field.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                if let Err(present) = units.set(unit, key, value) {
                    problem(format!("metadata {key} of unit {unit} already set to {present}"));
                }
            }
            _ => problem("expected key=value".to_owned()),
        }
    }
}

/// `key: value`: the key starts with a lower-case letter and has neither spaces nor capitals; the value may be
/// missing, but a space or tab comes before it if it is there.
fn key_value(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with(char::is_lowercase) {
        return None;
    }
    let end = line.char_indices().skip(1).find(|(_, c)| *c == ':' || c.is_whitespace() || c.is_uppercase());
    let (end, ':') = end? else { return None };
    let value = &line[end + 1..];
    let trimmed = value.trim_start_matches([' ', '\t']);
    if !value.is_empty() && trimmed.len() == value.len() {
        return None;
    }
    Some((&line[..end], trimmed))
}

/// The text up to the first white space, and the text after that white space.
fn split_field(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let plain = bytes.iter().position(|b| !b.is_ascii() || is_space(*b)).unwrap_or(bytes.len());
    if bytes.get(plain).is_none_or(u8::is_ascii) {
        // Nearly every line: no character outside of ASCII up to the end of the field.
        let rest = &text[plain..];
        let next = rest.bytes().position(|b| !is_space(b)).unwrap_or(rest.len());
        let rest = &rest[next..];
        let rest = if rest.as_bytes().first().is_none_or(u8::is_ascii) { rest } else { rest.trim_start() };
        return (&text[..plain], rest);
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name|key=value …|value unit …` for a measurement, the message for a problem.
    fn events(text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        let mut units = Metadata::default();
        read(text, "f", Config::of_file("label"), &mut units, &mut |event| {
            seen.push(match event {
                Event::Problem(message) => message,
                Event::Measured(record) => {
                    let config: Vec<_> =
                        record.config.entries()[1..].iter().map(|e| format!("{}={}", e.key, e.value)).collect();
                    let values: Vec<_> = record.values.iter().map(|v| format!("{} {}", v.value, v.unit)).collect();
                    format!("{}|{}|{}", record.name, config.join(" "), values.join(" "))
                }
            });
        });
        seen
    }

    #[test]
    fn results_and_configuration() {
        let text = "goos: linux\r\npkg:\tp q\nBenchmarkA-8\t 5\t2000000000 ns/op  7 B/op\ngoos:\nPASS\nBenchmarkA/x=1 1 0 ns/op\n";
        assert_eq!(events(text), ["A-8|goos=linux pkg=p q|2 sec/op 7 B/op", "A/x=1|pkg=p q|0 ns/op"]);
    }

    #[test]
    fn lines_of_other_programs_are_passed_over() {
        assert!(
            events("BenchmarkName\nok  \tp\t1.2s\nKey: x\nke y: x\nkey:x\n: x\nUnits a=b\n--- PASS: x\n").is_empty()
        );
    }

    #[test]
    fn problems() {
        let text = "BenchmarkA \nBenchmarkA x 1 ns/op\nBenchmarkA 99999999999999999999 1 ns/op\nBenchmarkA 1\nBenchmarkA 1 y ns/op\nBenchmarkA 1 1e999 ns/op\nBenchmarkA 1 1\nUnit\nUnit ns/op a =b\nUnit ns/op a=1 a=2\n";
        assert_eq!(
            events(text),
            [
                "f:1: missing iteration count",
                "f:2: parsing iteration count: invalid syntax",
                "f:3: parsing iteration count: value out of range",
                "f:4: missing measurements",
                "f:5: parsing measurement: invalid syntax",
                "f:6: parsing measurement: value out of range",
                "f:7: missing units",
                "f:8: missing unit",
                "f:9: expected key=value",
                "f:9: expected key=value",
                "f:10: metadata a of unit ns/op already set to 1",
            ]
        );
    }

    #[test]
    fn spaces_outside_of_ascii_part_fields() {
        assert_eq!(events("BenchmarkÄ\u{a0}1\u{2003} 5 runs\n"), ["Ä||5 runs"]);
    }
}
