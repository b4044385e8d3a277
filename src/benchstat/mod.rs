//! `cargo memprof compare`: benchstat's comparison, for Go's benchmark text and for our own results.
//!
//! `input` reads measurements from files, `query` selects and groups them, `statistics` summarizes and compares the
//! groups, and `table` gathers, analyses and prints them. Nothing here reads a file or writes to the terminal.

pub mod input;
pub mod query;
pub mod scale;
pub mod statistics;
pub mod tables;
pub mod unit;

use input::labels::Input;
use input::record::{Config, Event};
use input::{gobench, results};
use query::filter::Filter;
use query::projections::{Expressions, Projections};
use statistics::sample::Analyst;
use tables::analysis::{Tables, analyse};
use tables::gather::Gathering;
use unit::Metadata;

/// The options of a comparison, with benchstat's defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Projections: the keys that split tables, rows and columns, and the keys to ignore.
    pub table: String,
    pub row: String,
    pub column: String,
    pub ignore: String,
    pub filter: String,
    /// A difference counts if p is not above this.
    pub alpha: f64,
    /// The confidence level of the intervals.
    pub confidence: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            table: ".config".to_owned(),
            row: ".fullname".to_owned(),
            column: ".file".to_owned(),
            ignore: String::new(),
            filter: "*".to_owned(),
            alpha: 0.05,
            confidence: 0.95,
        }
    }
}

/// A comparison while its files are read.
#[derive(Debug)]
pub struct Comparison {
    filter: Filter,
    gathering: Gathering,
    units: Metadata,
    analyst: Analyst,
    /// Some input is a results.jsonl.
    pub has_results: bool,
    /// How many measurements were read, and how many of them are compared.
    pub measured: usize,
    pub admitted: usize,
}

impl Comparison {
    /// The error names the invalid options.
    pub fn new(options: &Options) -> Result<Self, String> {
        let filter = Filter::parse(&options.filter).map_err(|error| format!("parsing -filter: {error}"))?;
        let projections = Projections::parse(&Expressions {
            table: &options.table,
            row: &options.row,
            column: &options.column,
            ignore: &options.ignore,
        })?;
        for (flag, value) in [("-alpha", options.alpha), ("-confidence", options.confidence)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("{flag} must be in range [0, 1]"));
            }
        }
        Ok(Comparison {
            filter,
            gathering: Gathering::new(projections),
            units: Metadata::default(),
            analyst: Analyst::new(options.confidence, options.alpha),
            has_results: false,
            measured: 0,
            admitted: 0,
        })
    }

    /// Adds the measurements of a file. Skips lines that do not parse, and returns them. The error is one line: the
    /// file cannot be used at all.
    pub fn read(&mut self, input: &Input, text: &str) -> Result<Vec<String>, String> {
        let Comparison { filter, gathering, units, measured, admitted, .. } = self;
        let mut problems = Vec::new();
        let mut sink = |event: Event<'_>| match event {
            Event::Problem(problem) => problems.push(problem),
            Event::Measured(mut record) => {
                *measured += 1;
                gathering.projections.notice(&record);
                if gathering.projections.admits(&record) && filter.apply(&mut record) {
                    *admitted += 1;
                    gathering.add(&record);
                }
            }
        };
        let config = Config::of_file(&input.label);
        if results::is_results(text) {
            self.has_results = true;
            results::read(text, &input.path, config, &mut sink)?;
        } else {
            gobench::read(text, &input.path, config, units, &mut sink);
        }
        Ok(problems)
    }

    /// The keys of -table, -row and -col that no measurement has.
    pub fn absent_keys(&self) -> &[String] {
        self.gathering.projections.absent()
    }

    /// A key that measurements have and whose spelling is close to `key`.
    pub fn key_like(&self, key: &str) -> Option<&str> {
        let nearly = |known: &&String| strsim::damerau_levenshtein(known, key) <= 2;
        let likely = self.gathering.projections.known().iter().filter(nearly);
        likely.min_by_key(|known| strsim::damerau_levenshtein(known, key)).map(String::as_str)
    }

    /// The tables of all measurements that were read.
    pub fn tables(self) -> Tables {
        analyse(self.gathering, &self.units, self.analyst)
    }
}
