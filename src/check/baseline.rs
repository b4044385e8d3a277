//! memprof-baseline.toml: the limits for the benchmarks of a workspace, committed beside its Cargo.toml.
//!
//! Written for the person who reads its diff: one table a benchmark, sorted by name, one fact a line, nothing that
//! changes from run to run or from machine to machine (no times, no lines, no dates).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::amount::Amount;
use crate::results::check::PlacedSite;
use crate::results::metric::Metric;
use crate::results::sites::Site;

pub const FILE_NAME: &str = "memprof-baseline.toml";

/// The version of the text.
const FORMAT_VERSION: u32 = 1;

const HEAD: &str = "\
# Allocations and bytes per operation of every benchmark, and the functions that most of them come from.
# `cargo memprof check` holds the benchmarks to it; `cargo memprof check --accept` writes it.
";

/// The conditions besides the code that the numbers depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    pub rustc: String,
    pub target: String,
    pub profile: String,
}

/// The limits for one benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The counted iterations: today's count takes as many.
    #[serde(default = "one")]
    pub iterations: u64,
    pub allocs_per_op: Amount,
    pub bytes_per_op: Amount,
    /// If the baseline is a run of this machine, not the committed text.
    #[serde(skip)]
    pub ns_per_op: Option<f64>,
    /// In the committed text for programs only.
    #[serde(default)]
    pub peak_bytes: Option<Amount>,
    #[serde(skip)]
    pub retained_bytes_per_op: Option<f64>,
    /// Largest first.
    #[serde(default)]
    pub sites: Vec<Site>,
    /// Every line that allocated, if the baseline is a run with its mem.prof; else empty.
    #[serde(skip)]
    pub lines: Vec<PlacedSite>,
}

impl Entry {
    /// Whether all passes of all processes agreed on both counts.
    pub fn is_exact(&self) -> bool {
        self.allocs_per_op.is_exact() && self.bytes_per_op.is_exact()
    }
}

fn one() -> u64 {
    1
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub measured: Circumstances,
    /// By full name.
    pub entries: BTreeMap<String, Entry>,
    /// Tests, by full name; an operation is a run of the test.
    pub tests: BTreeMap<String, Entry>,
}

/// The text in the form of TOML.
#[derive(Deserialize)]
struct Document {
    measured: Circumstances,
    #[serde(default)]
    benchmark: BTreeMap<String, Entry>,
    #[serde(default)]
    test: BTreeMap<String, Entry>,
}

/// Read before the rest, which another version may write differently.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

impl Entry {
    /// The baseline's value of `metric`; `None` if it has none.
    pub fn value(&self, metric: Metric) -> Option<Amount> {
        match metric {
            Metric::AllocsPerOp => Some(self.allocs_per_op),
            Metric::BytesPerOp => Some(self.bytes_per_op),
            Metric::NsPerOp => self.ns_per_op.map(Amount::exact),
            Metric::PeakBytes => self.peak_bytes,
            Metric::RetainedBytesPerOp => self.retained_bytes_per_op.map(Amount::exact),
        }
    }
}

impl Baseline {
    /// # Errors
    /// The mistake, and its place in the text, if it has one.
    pub fn parse(text: &str) -> Result<Baseline, toml::de::Error> {
        let version: Version = toml::from_str(text)?;
        if version.format_version != FORMAT_VERSION {
            return Err(serde::de::Error::custom(format!(
                "format_version {} is not understood, only {FORMAT_VERSION}: use the cargo-memprof that wrote it, or write it anew with --accept",
                version.format_version
            )));
        }
        let document: Document = toml::from_str(text)?;
        Ok(Baseline { measured: document.measured, entries: document.benchmark, tests: document.test })
    }

    /// The text.
    pub fn render(&self) -> String {
        let mut text = format!("{HEAD}format_version = {FORMAT_VERSION}\n\n[measured]\n");
        let Circumstances { rustc, target, profile } = &self.measured;
        for (key, value) in [("rustc", rustc), ("target", target), ("profile", profile)] {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{key} = {}", quoted(value));
        }
        for (name, entry) in &self.entries {
            let _ = write!(
                text,
                "\n[benchmark.{}]\niterations = {}\nallocs_per_op = {}\nbytes_per_op = {}\n",
                quoted(name),
                entry.iterations,
                entry.allocs_per_op,
                entry.bytes_per_op
            );
            if let Some(peak) = entry.peak_bytes {
                let _ = writeln!(text, "peak_bytes = {peak}");
            }
            if entry.sites.is_empty() {
                continue;
            }
            text.push_str("sites = [\n");
            for Site { function, allocs_per_op, bytes_per_op } in &entry.sites {
                let _ = writeln!(
                    text,
                    "    {{ function = {}, allocs_per_op = {allocs_per_op}, bytes_per_op = {bytes_per_op} }},",
                    quoted(function)
                );
            }
            text.push_str("]\n");
        }
        for (name, entry) in &self.tests {
            let (allocs, bytes) = (entry.allocs_per_op, entry.bytes_per_op);
            let _ = write!(text, "\n[test.{}]\nallocs_per_op = {allocs}\nbytes_per_op = {bytes}\n", quoted(name));
        }
        text
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        let measured = Circumstances {
            rustc: "1.95.0".into(),
            target: "x86_64-unknown-linux-gnu".into(),
            profile: "bench".into(),
        };
        let entry = |allocs, sites| Entry {
            iterations: 1000,
            allocs_per_op: allocs,
            bytes_per_op: Amount::exact(1024.0),
            ns_per_op: None,
            peak_bytes: None,
            retained_bytes_per_op: None,
            sites,
            lines: Vec::new(),
        };
        let site = Site { function: "p::<impl \"A\">::grow".into(), allocs_per_op: 0.016, bytes_per_op: 1024.0 };
        let test = Entry { iterations: 1, ..entry(Amount { low: 3.0, high: 4.0 }, vec![]) };
        let entries = [
            ("p/t/b \\ c\n".to_owned(), entry(Amount { low: 0.5, high: 1.25 }, vec![])),
            ("p/t/a".to_owned(), entry(Amount::exact(1.0), vec![site])),
        ];
        Baseline { measured, entries: entries.into(), tests: [("p/lib/a::b".to_owned(), test)].into() }
    }

    const TEXT: &str = r#"format_version = 1

[measured]
rustc = "1.95.0"
target = "x86_64-unknown-linux-gnu"
profile = "bench"

[benchmark."p/t/a"]
iterations = 1000
allocs_per_op = 1
bytes_per_op = 1024
sites = [
    { function = "p::<impl \"A\">::grow", allocs_per_op = 0.016, bytes_per_op = 1024 },
]

[benchmark."p/t/b \\ c\u000A"]
iterations = 1000
allocs_per_op = [0.5, 1.25]
bytes_per_op = 1024

[test."p/lib/a::b"]
allocs_per_op = [3, 4]
bytes_per_op = 1024
"#;

    #[test]
    fn the_text_is_stable_and_reads_back() {
        let text = baseline().render();
        assert_eq!(text, format!("{HEAD}{TEXT}"));
        assert_eq!(Baseline::parse(&text).unwrap(), baseline());
        assert_eq!(Baseline::parse(&text).unwrap().render(), text);
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        let message = |text: &str| Baseline::parse(text).unwrap_err().message().to_owned();
        assert!(message("format_version = 2\n").starts_with("format_version 2 is not understood"));
        assert!(message("").contains("missing field `format_version`"));
        assert!(message(&format!("{TEXT}\n[benchmark.\"p/t/a\"]\n")).contains("duplicate key"));
        assert!(message(&TEXT.replace("bytes_per_op = 1024\n", "bytes_per_op = nan\n")).contains("no amount"));
        assert!(message(&TEXT.replace("allocs_per_op = 1\n", "allocs_per_op = -1\n")).contains("no amount"));
    }

    #[test]
    fn an_error_says_where() {
        let error = Baseline::parse(&TEXT.replace("= [0.5, 1.25]", "= \"x\"")).unwrap_err();
        let text = &TEXT.replace("= [0.5, 1.25]", "= \"x\"")[error.span().unwrap()];
        assert_eq!(text, "\"x\"");
    }
}
