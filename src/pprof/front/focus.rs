//! Parses the filters that the user typed, and applies them to a profile.

use super::config::Config;
use crate::pprof::profile::{LabelUnits, LabelValue, NameFilters, Pattern, Profile, Sample, unit};

/// Tells the user something that is not an error.
pub type Warn<'a> = &'a mut dyn FnMut(&str);

type SampleTest = Box<dyn Fn(&Sample) -> bool>;

/// Applies all filters of `config`. Reports filters that match nothing to `warn`.
pub fn apply(profile: &mut Profile, units: &LabelUnits, config: &Config, warn: Warn<'_>) -> Result<(), String> {
    let focus = pattern("focus", &config.focus)?;
    let ignore = pattern("ignore", &config.ignore)?;
    let hide = pattern("hide", &config.hide)?;
    let show = pattern("show", &config.show)?;
    let show_from = pattern("show_from", &config.show_from)?;
    let tag_focus = tag_filter("tagfocus", &config.tagfocus, units, warn)?;
    let tag_ignore = tag_filter("tagignore", &config.tagignore, units, warn)?;
    let prune_from = pattern("prune_from", &config.prune_from)?;

    let filters =
        NameFilters { focus: focus.as_ref(), ignore: ignore.as_ref(), hide: hide.as_ref(), show: show.as_ref() };
    let matched = profile.filter_by_name(&filters);
    let mut expect = |given: bool, matched: bool, name: &str| {
        if given && !matched {
            warn(&format!("{name} expression matched no samples"));
        }
    };
    expect(focus.is_some(), matched.focus, "Focus");
    expect(ignore.is_some(), matched.ignore, "Ignore");
    expect(hide.is_some(), matched.hide, "Hide");
    expect(show.is_some(), matched.show, "Show");
    if let Some(show_from) = &show_from {
        expect(true, profile.show_from(show_from), "ShowFrom");
    }
    let (focused, ignored) = profile.filter_by_tag(tag_focus.as_deref(), tag_ignore.as_deref());
    expect(tag_focus.is_some(), focused, "TagFocus");
    expect(tag_ignore.is_some(), ignored, "TagIgnore");

    let tag_show = pattern("tagshow", &config.tagshow)?;
    let tag_hide = pattern("taghide", &config.taghide)?;
    let (shown, hidden) = profile.filter_labels(tag_show.as_ref(), tag_hide.as_ref());
    expect(tag_show.is_some(), shown, "TagShow");
    expect(tag_hide.is_some(), hidden, "TagHide");
    if let Some(prune_from) = &prune_from {
        profile.prune_from(prune_from);
    }
    Ok(())
}

fn pattern(name: &str, value: &str) -> Result<Option<Pattern>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    Pattern::new(value).map(Some).map_err(|error| format!("parsing {name} regexp: {error}"))
}

/// `regex`, `regex,regex` (all of them), `key=regex,regex` (any of them), or a range of a numeric label.
fn tag_filter(name: &str, value: &str, units: &LabelUnits, warn: Warn<'_>) -> Result<Option<SampleTest>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    let (key, value) = match value.split_once('=') {
        // An empty key does not count as a key.
        Some((key, value)) => (Some(key.to_string()).filter(|key| !key.is_empty()), value),
        None => (None, value),
    };
    if let Some(range) = parse_range(value) {
        warn(&format!("{name}:Interpreted '{value}' as range, not regexp"));
        let units = units.clone();
        return Ok(Some(Box::new(move |sample| {
            sample.labels.iter().any(|label| match &label.value {
                LabelValue::Number(number, _) => {
                    key.as_deref().is_none_or(|key| key == &*label.key)
                        && range.contains(*number, units.get(&label.key).map_or("", |unit| unit))
                }
                LabelValue::Text(_) => false,
            })
        })));
    }
    let compile = |part: &str| Pattern::new(part).map_err(|error| format!("parsing {name} regexp: {error}"));
    let patterns = value.split(',').map(compile).collect::<Result<Vec<_>, _>>()?;
    let texts = |sample: &Sample| -> Vec<(String, String)> {
        let text = |label: &crate::pprof::profile::Label| match &label.value {
            LabelValue::Text(text) => Some((label.key.to_string(), text.to_string())),
            LabelValue::Number(..) => None,
        };
        sample.labels.iter().filter_map(text).collect()
    };
    Ok(Some(match key {
        Some(key) => Box::new(move |sample| {
            texts(sample)
                .iter()
                .any(|(name, value)| *name == key && patterns.iter().any(|pattern| pattern.matches(value)))
        }),
        None => Box::new(move |sample| {
            let texts: Vec<String> = texts(sample).into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
            patterns.iter().all(|pattern| texts.iter().any(|text| pattern.matches(text)))
        }),
    }))
}

/// A range of values: `1kb`, `1kb:`, `:1kb`, `1kb:1mb`.
#[derive(Debug, PartialEq)]
struct Range {
    unit: String,
    from: f64,
    to: f64,
}

impl Range {
    fn contains(&self, value: i64, unit: &str) -> bool {
        let (value, unit) = unit::scale(value, unit, &self.unit);
        unit == self.unit && value >= self.from && value <= self.to
    }
}

/// The range in `text`; `None` if it is not a range, but a regular expression.
fn parse_range(text: &str) -> Option<Range> {
    let scaled = |(number, unit): (i64, &str), to: &str| unit::scale(number, unit, to);
    let (first, second) = match text.split_once(':') {
        None => {
            let number = parse_number(text)?;
            let (value, unit) = scaled(number, number.1);
            return Some(Range { unit, from: value, to: value });
        }
        Some(ends) => ends,
    };
    if first.is_empty() || second.is_empty() {
        let number = parse_number(if first.is_empty() { second } else { first })?;
        let (value, unit) = scaled(number, number.1);
        let (from, to) = if first.is_empty() { (f64::NEG_INFINITY, value) } else { (value, f64::INFINITY) };
        return Some(Range { unit, from, to });
    }
    let (first, second) = (parse_number(first)?, parse_number(second)?);
    let (from, unit) = scaled(first, first.1);
    let (to, other) = scaled(second, &unit);
    (unit == other).then_some(Range { unit, from, to })
}

/// A whole number and the letters after it.
fn parse_number(text: &str) -> Option<(i64, &str)> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len())
        + (text.len() - digits.len());
    let (number, unit) = text.split_at(end);
    let letters = unit.bytes().all(|byte| byte.is_ascii_alphabetic());
    letters.then(|| number.parse().ok()).flatten().map(|number| (number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_told_from_patterns() {
        let range = |text: &str| parse_range(text).unwrap();
        assert!(range("1kb").contains(1024, "bytes") && !range("1kb").contains(1025, "bytes"));
        assert!(range("1kb:").contains(5000, "bytes") && range(":1kb").contains(-1, "bytes"));
        assert!(range("1kb:2mb").contains(1 << 20, "bytes") && !range("1kb:2mb").contains(1, "seconds"));
        for pattern in ["tag[13]", "1kb:2s", "x5", "", ":", "5.5", "9999999999999999999999"] {
            assert_eq!(parse_range(pattern), None, "{pattern}");
        }
    }
}
