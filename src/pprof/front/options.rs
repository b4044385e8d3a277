//! The options: ONE table; the flags, the shell's variables, the help and the page's URL parameters are made from it.

use super::config::Config;
use crate::go::flags::boolean;
use crate::go::float::{parse_float, shortest};

/// The field that holds an option's value: how to read it and how to get a reference for writing.
#[derive(Clone, Copy)]
pub enum Slot {
    Flag(fn(&Config) -> &bool, fn(&mut Config) -> &mut bool),
    Int(fn(&Config) -> &i64, fn(&mut Config) -> &mut i64),
    Float(fn(&Config) -> &f64, fn(&mut Config) -> &mut f64),
    Text(fn(&Config) -> &String, fn(&mut Config) -> &mut String),
    /// One of these words. Each is a flag of its own on the command line.
    Choice(&'static [&'static str], fn(&Config) -> &String, fn(&mut Config) -> &mut String),
}

/// A row of [`OPTIONS`].
pub struct OptionSpec {
    pub name: &'static str,
    pub slot: Slot,
    /// Lists show only the first line.
    pub help: &'static str,
    /// Its name in the page's addresses; empty: it is not in them.
    pub url: &'static str,
    /// Whether a saved view of the page keeps it.
    pub saved: bool,
    /// Not an option of pprof's: lists that match pprof's word for word leave it out.
    pub ours: bool,
}

macro_rules! slot {
    (Choice $field:ident $choices:expr) => {
        Slot::Choice($choices, |config| &config.$field, |config| &mut config.$field)
    };
    ($kind:ident $field:ident) => {
        Slot::$kind(|config| &config.$field, |config| &mut config.$field)
    };
}

const fn row(name: &'static str, slot: Slot, url: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec { name, slot, help, url, saved: true, ours: false }
}

const fn unsaved(name: &'static str, slot: Slot, url: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec { name, slot, help, url, saved: false, ours: false }
}

pub const SORTS: &[&str] = &["cum", "flat"];
pub const GRANULARITIES: &[&str] = &["functions", "filefunctions", "files", "lines", "addresses"];

/// All options. The texts are pprof's: tutorials quote them.
pub static OPTIONS: &[OptionSpec] = &[
    unsaved("output", slot!(Text output), "", "Output filename for file-based outputs\n"),
    row(
        "call_tree",
        slot!(Flag call_tree),
        "calltree",
        "Create a context-sensitive call tree\nTreat locations reached through different paths as separate.\n",
    ),
    row(
        "relative_percentages",
        slot!(Flag relative_percentages),
        "rel",
        "Show percentages relative to focused subgraph\nIf unset, percentages are relative to full graph before focusing\nto facilitate comparison with original graph.\n",
    ),
    row(
        "unit",
        slot!(Text unit),
        "unit",
        "Measurement units to display\nScale the sample values to this unit.\nFor time-based profiles, use seconds, milliseconds, nanoseconds, etc.\nFor memory profiles, use megabytes, kilobytes, bytes, etc.\nUsing auto will scale each value independently to the most natural unit.\n",
    ),
    row("compact_labels", slot!(Flag compact_labels), "compact", "Show minimal headers"),
    unsaved("source_path", slot!(Text source_path), "", "Search path for source files"),
    unsaved("trim_path", slot!(Text trim_path), "", "Path to trim from source paths before search"),
    row(
        "intel_syntax",
        slot!(Flag intel_syntax),
        "intel",
        "Show assembly in Intel syntax\nOnly applicable to commands `disasm` and `weblist`\n",
    ),
    row(
        "mean",
        slot!(Flag mean),
        "mean",
        "Average sample value over first value (count)\nFor memory profiles, report average memory per allocation.\nFor time-based profiles, report average time per event.\n",
    ),
    unsaved(
        "sample_index",
        slot!(Text sample_index),
        "si",
        "Sample value to report (0-based index or name)\nProfiles contain multiple values per sample.\nUse sample_index=i to select the ith value (starting at 0).\n",
    ),
    unsaved(
        "divide_by",
        slot!(Float divide_by),
        "",
        "Ratio to divide all samples before visualization\nDivide all samples values by a constant, eg the number of processors or jobs.\n",
    ),
    row("normalize", slot!(Flag normalize), "norm", "Scales profile based on the base profile.\n"),
    row("sort", slot!(Choice sort SORTS), "sort", ""),
    row(
        "tagroot",
        slot!(Text tagroot),
        "",
        "Adds pseudo stack frames for labels key/value pairs at the callstack root.\nA comma-separated list of label keys.\nThe first key creates frames at the new root.\n",
    ),
    row(
        "tagleaf",
        slot!(Text tagleaf),
        "",
        "Adds pseudo stack frames for labels key/value pairs at the callstack leaf.\nA comma-separated list of label keys.\nThe last key creates frames at the new leaf.\n",
    ),
    row(
        "drop_negative",
        slot!(Flag drop_negative),
        "dropneg",
        "Ignore negative differences\nDo not show any locations with values <0.\n",
    ),
    row(
        "nodecount",
        slot!(Int nodecount),
        "n",
        "Max number of nodes to show\nUses heuristics to limit the number of locations to be displayed.\nOn graphs, dotted edges represent paths through nodes that have been removed.\n",
    ),
    row("nodefraction", slot!(Float nodefraction), "nf", "Hide nodes below <f>*total"),
    row("edgefraction", slot!(Float edgefraction), "ef", "Hide edges below <f>*total"),
    row(
        "trim",
        slot!(Flag trim),
        "trim",
        "Honor nodefraction/edgefraction/nodecount defaults\nSet to false to get the full profile, without any trimming.\n",
    ),
    row(
        "focus",
        slot!(Text focus),
        "f",
        "Restricts to samples going through a node matching regexp\nDiscard samples that do not include a node matching this regexp.\nMatching includes the function name, filename or object name.\n",
    ),
    row(
        "ignore",
        slot!(Text ignore),
        "i",
        "Skips paths going through any nodes matching regexp\nIf set, discard samples that include a node matching this regexp.\nMatching includes the function name, filename or object name.\n",
    ),
    row(
        "prune_from",
        slot!(Text prune_from),
        "prunefrom",
        "Drops any functions below the matched frame.\nIf set, any frames matching the specified regexp and any frames\nbelow it will be dropped from each sample.\n",
    ),
    row(
        "hide",
        slot!(Text hide),
        "h",
        "Skips nodes matching regexp\nDiscard nodes that match this location.\nOther nodes from samples that include this location will be shown.\nMatching includes the function name, filename or object name.\n",
    ),
    row(
        "show",
        slot!(Text show),
        "s",
        "Only show nodes matching regexp\nIf set, only show nodes that match this location.\nMatching includes the function name, filename or object name.\n",
    ),
    row(
        "show_from",
        slot!(Text show_from),
        "sf",
        "Drops functions above the highest matched frame.\nIf set, all frames above the highest match are dropped from every sample.\nMatching includes the function name, filename or object name.\n",
    ),
    row("tagfocus", slot!(Text tagfocus), "tf", TAG_FOCUS_HELP),
    row("tagignore", slot!(Text tagignore), "ti", TAG_IGNORE_HELP),
    row(
        "tagshow",
        slot!(Text tagshow),
        "ts",
        "Only consider tags matching this regexp\nDiscard tags that do not match this regexp\n",
    ),
    row("taghide", slot!(Text taghide), "th", "Skip tags matching this regexp\nDiscard tags that match this regexp\n"),
    row(
        "noinlines",
        slot!(Flag noinlines),
        "noinlines",
        "Ignore inlines.\nAttributes inlined functions to their first out-of-line caller.\n",
    ),
    row("showcolumns", slot!(Flag showcolumns), "showcolumns", "Show column numbers at the source code line level.\n"),
    row("granularity", slot!(Choice granularity GRANULARITIES), "g", ""),
    OptionSpec {
        name: "per_op",
        slot: slot!(Flag per_op),
        help: "Divide values by the profile's iterations\nShows what one iteration of the benchmark costs. Each side of a comparison is divided by its own.\n",
        url: "perop",
        saved: true,
        ours: true,
    },
];

const TAG_FOCUS_HELP: &str = "Restricts to samples with tags in range or matched by regexp\nUse name=value syntax to limit the matching to a specific tag.\nNumeric tag filter examples: 1kb, 1kb:10kb, memory=32mb:\nString tag filter examples: foo, foo.*bar, mytag=foo.*bar\n";
const TAG_IGNORE_HELP: &str = "Discard samples with tags in range or matched by regexp\nUse name=value syntax to limit the matching to a specific tag.\nNumeric tag filter examples: 1kb, 1kb:10kb, memory=32mb:\nString tag filter examples: foo, foo.*bar, mytag=foo.*bar\n";

/// The help of a word that chooses one of several values; `None` for words that do not.
pub fn choice_help(choice: &str) -> Option<&'static str> {
    Some(match choice {
        "flat" => "Sort entries based on own weight\n",
        "cum" => "Sort entries based on cumulative weight\n",
        "functions" => "Aggregate at the function level.\nIgnores the filename where the function was defined.\n",
        "filefunctions" => {
            "Aggregate at the function level.\nTakes into account the filename where the function was defined.\n"
        }
        "files" => "Aggregate at the file level.",
        "lines" => "Aggregate at the source code line level.",
        "addresses" => "Aggregate at the address level.\nIncludes functions' addresses in the output.\n",
        _ => return None,
    })
}

/// The help of an option or of a choice; `None` for options that only appear as their choices.
pub fn help_of(name: &str) -> Option<&'static str> {
    find(name).map(|option| option.help).or_else(|| choice_help(name)).filter(|help| !help.is_empty())
}

/// The option called `name`.
pub fn find(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// The option that has `name` as one of its choices.
pub fn find_choice(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.choices().contains(&name))
}

/// Whether `name` can be set: it is an option, or a choice of one.
pub fn is_configurable(name: &str) -> bool {
    find(name).or_else(|| find_choice(name)).is_some()
}

/// Whether `name` can be set without a value.
pub fn is_switch(name: &str) -> bool {
    find(name).map_or(find_choice(name).is_some(), |option| matches!(option.slot, Slot::Flag(..)))
}

impl OptionSpec {
    pub fn choices(&self) -> &'static [&'static str] {
        match self.slot {
            Slot::Choice(choices, ..) => choices,
            _ => &[],
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
