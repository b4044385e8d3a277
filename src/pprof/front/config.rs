//! The values of the options.

use super::options::{OptionSpec, Slot, find, find_choice};
use crate::go::flags::boolean;
use crate::go::float::{parse_float, shortest};

/// The values of the options. Every field has its row in [`super::options::OPTIONS`], which explains it.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub output: String,
    pub call_tree: bool,
    pub relative_percentages: bool,
    pub unit: String,
    pub compact_labels: bool,
    pub source_path: String,
    pub trim_path: String,
    pub intel_syntax: bool,
    pub mean: bool,
    pub sample_index: String,
    pub divide_by: f64,
    pub normalize: bool,
    /// `flat` or `cum`.
    pub sort: String,
    pub tagroot: String,
    pub tagleaf: String,
    pub drop_negative: bool,
    /// -1: the report's own default.
    pub nodecount: i64,
    pub nodefraction: f64,
    pub edgefraction: f64,
    pub trim: bool,
    pub focus: String,
    pub ignore: String,
    pub prune_from: String,
    pub hide: String,
    pub show: String,
    pub show_from: String,
    pub tagfocus: String,
    pub tagignore: String,
    pub tagshow: String,
    pub taghide: String,
    pub noinlines: bool,
    pub showcolumns: bool,
    /// Empty: functions.
    pub granularity: String,
    pub per_op: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            output: String::new(),
            call_tree: false,
            relative_percentages: false,
            unit: "minimum".into(),
            compact_labels: false,
            source_path: String::new(),
            trim_path: String::new(),
            intel_syntax: false,
            mean: false,
            sample_index: String::new(),
            divide_by: 1.0,
            normalize: false,
            sort: "flat".into(),
            tagroot: String::new(),
            tagleaf: String::new(),
            drop_negative: false,
            nodecount: -1,
            nodefraction: 0.005,
            edgefraction: 0.001,
            trim: true,
            focus: String::new(),
            ignore: String::new(),
            prune_from: String::new(),
            hide: String::new(),
            show: String::new(),
            show_from: String::new(),
            tagfocus: String::new(),
            tagignore: String::new(),
            tagshow: String::new(),
            taghide: String::new(),
            noinlines: false,
            showcolumns: false,
            granularity: String::new(),
            per_op: false,
        }
    }
}

impl Config {
    /// The value of `option` as text.
    pub fn get(&self, option: &OptionSpec) -> String {
        match option.slot {
            Slot::Flag(get, _) => get(self).to_string(),
            Slot::Int(get, _) => get(self).to_string(),
            Slot::Float(get, _) => shortest(*get(self)),
            Slot::Text(get, _) | Slot::Choice(_, get, _) => get(self).clone(),
        }
    }

    /// Sets `option`, as the shell and the page do.
    pub fn set(&mut self, option: &OptionSpec, value: &str) -> Result<(), String> {
        let refused = |expected: &str| format!("{}: {value:?} is not {expected}", option.name);
        match option.slot {
            // Alone, a switch is on.
            Slot::Flag(_, slot) if value.is_empty() => *slot(self) = true,
            Slot::Flag(_, slot) => *slot(self) = boolean(value).ok_or_else(|| refused("true or false"))?,
            Slot::Int(_, slot) => {
                *slot(self) = value.parse().map_err(|_| format!("strconv.Atoi: parsing {value:?}: invalid syntax"))?
            }
            Slot::Float(_, slot) => *slot(self) = parse_float(value).map_err(|_| refused("a number"))?,
            Slot::Choice(choices, _, _) if !choices.contains(&value) => {
                return Err(format!("invalid {:?} value {value:?}", option.name));
            }
            Slot::Text(_, slot) | Slot::Choice(_, _, slot) => *slot(self) = value.into(),
        }
        Ok(())
    }

    /// `name=value` of the shell: an option, or a choice that is set to true.
    pub fn configure(&mut self, name: &str, value: &str) -> Result<(), String> {
        if let Some(option) = find(name) {
            return self.set(option, value);
        }
        match find_choice(name) {
            Some(option) if boolean(value) == Some(true) => self.set(option, name),
            _ => Err(format!("unknown config field {name:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::OPTIONS;
    use super::*;

    #[test]
    fn every_option_can_be_read_and_set_to_what_it_is() {
        let defaults = Config::default();
        for option in OPTIONS {
            let mut config = defaults.clone();
            let value = config.get(option);
            if !value.is_empty() || option.choices().is_empty() {
                config.set(option, &value).unwrap();
            }
            assert_eq!(config, defaults, "{}", option.name);
        }
    }

    #[test]
    fn choices_are_switches() {
        let mut config = Config::default();
        config.configure("lines", "1").unwrap();
        assert_eq!(config.granularity, "lines");
        let error = |name: &str, value: &str| Config::default().configure(name, value).unwrap_err();
        assert_eq!(error("cum", ""), "unknown config field \"cum\"");
        assert_eq!(error("granularity", "x"), "invalid \"granularity\" value \"x\"");
        assert_eq!(error("nodecount", "abc"), "strconv.Atoi: parsing \"abc\": invalid syntax");
        assert_eq!(error("trim", "perhaps"), "trim: \"perhaps\" is not true or false");
    }
}
