//! `cargo memprof compare`: benchstat's flags, read as Go reads flags, and its messages.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::benchstat::input::encoding;
use crate::benchstat::input::labels::{Input, inputs};
use crate::benchstat::tables::{csv, markdown, text};
use crate::benchstat::{Comparison, Options};
use crate::go::flags::Flags;
use crate::results::names::one_line;
use crate::session::baseline;
use crate::{Result, console, exit, fs};

const USAGE: &str = "\
Usage: cargo memprof compare [flags] inputs...

Computes statistical summaries and A/B comparisons of benchmarks, as
benchstat does. It shows benchmark medians in a table with a row for each
benchmark and a column for each input. If there is more than one input, it
also shows A/B comparisons between them. If a difference is likely to be
noise, it shows \"~\".

An input is a results.jsonl, a file of Go's benchmark text, the name of a
saved baseline, - for the standard input, or label=input.

  -alpha α
    \tconsider change significant if p < α (default 0.05)
  -col projection
    \tsplit results into columns by distinct values of projection (default \".file\")
  -confidence level
    \tconfidence level for ranges (default 0.95)
  -filter query
    \tuse only benchmarks matching benchfilter query (default \"*\")
  -format format
    \tprint results in format:
    \t  text - plain text
    \t  csv  - comma-separated values (warnings will be written to stderr)
    \t  markdown - tables for a pull request
    \t (default \"text\")
  -ignore keys
    \tignore variations in keys
  -row projection
    \tsplit results into rows by distinct values of projection (default \".fullname\")
  -table projection
    \tsplit results into tables by distinct values of projection (default \".config\")

For keys, queries and projections, see
https://pkg.go.dev/golang.org/x/perf/cmd/benchstat. The parts of a results.jsonl's
names GROUP/FUNCTION/PARAMETER are the keys /group, /variant and /param:
`-col /variant` sets the variants of a group side by side.
";

/// The arguments as typed.
struct Arguments {
    options: Options,
    format: String,
    inputs: Vec<String>,
}

pub fn run(args: &[OsString]) -> Result<u8> {
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let arguments = match parse(&args) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            console::print(USAGE)?;
            return Ok(exit::OK);
        }
        Err(message) => return Ok(complain(&message, exit::USAGE)),
    };
    let format = arguments.format.as_str();
    let mut comparison = match Comparison::new(&arguments.options) {
        Ok(_) if !matches!(format, "text" | "csv" | "markdown") => {
            let message = format!("-format is text, csv or markdown, not {format:?}");
            return Ok(complain(&message, exit::USAGE));
        }
        Ok(comparison) => comparison,
        Err(message) => return Ok(complain(&message, exit::USAGE)),
    };
    // The inputs without measurements, and whether their text is `go test`'s message about no benchmarks.
    let mut without = Vec::new();
    for input in inputs(&arguments.inputs) {
        let text = match read(&input) {
            Ok(text) => text,
            Err(message) => return Ok(complain(&message, exit::ERROR)),
        };
        let before = comparison.measured;
        match comparison.read(&input, &text) {
            Ok(problems) => problems.iter().for_each(|problem| say(&format!("{}\n", one_line(problem)))),
            Err(message) => return Ok(complain(&message, exit::ERROR)),
        }
        if comparison.measured == before {
            let message = format!("no benchmark in {}: {}", input.path, encoding::describe(&text));
            without.push((message, encoding::is_go_test(&text)));
        }
    }
    // Beside other inputs, a run of Go's tests without benchmarks is skipped, as benchstat does.
    without.retain(|(_, is_go_test)| comparison.measured == 0 || !is_go_test);
    without.iter().for_each(|(message, _)| console::error(message));
    if comparison.measured == 0 {
        return Ok(exit::NOTHING_MEASURED);
    }
    if comparison.has_results && comparison.admitted == 0 {
        let message = "no benchmark is what -filter and the orders in -table, -row and -col admit";
        return Ok(complain(message, exit::NOTHING_MEASURED));
    }
    for key in comparison.absent_keys() {
        if let Some(like) = comparison.key_like(key) {
            console::warn(&format!("no benchmark has the key {key}; did you mean {like}?"));
        } else if comparison.has_results {
            let message = "the names in a results.jsonl have /group, /variant and /param";
            console::warn(&format!("no benchmark has the key {key}; {message}"));
        }
    }
    let tables = comparison.tables();
    match format {
        "csv" => {
            let csv = csv::render(&tables);
            say(&csv.warnings);
            console::print(&csv.data)?;
        }
        "markdown" => console::print(&markdown::render(&tables))?,
        _ => console::print(&text::render(&tables))?,
    }
    Ok(if without.is_empty() { exit::OK } else { exit::NOTHING_MEASURED })
}

/// Reads the flags and the inputs behind them. None if help is asked for.
fn parse(args: &[String]) -> Result<Option<Arguments>, String> {
    let mut arguments = Arguments { options: Options::default(), format: "text".to_owned(), inputs: Vec::new() };
    let mut flags = Flags::new(args);
    while let Some(flag) = flags.next_flag()? {
        let options = &mut arguments.options;
        match flag.name {
            "table" => options.table = flags.value(&flag)?.into(),
            "row" => options.row = flags.value(&flag)?.into(),
            "col" => options.column = flags.value(&flag)?.into(),
            "ignore" => options.ignore = flags.value(&flag)?.into(),
            "filter" => options.filter = flags.value(&flag)?.into(),
            "format" => arguments.format = flags.value(&flag)?.into(),
            "alpha" => options.alpha = flags.float(&flag)?,
            "confidence" => options.confidence = flags.float(&flag)?,
            "h" | "help" => return Ok(None),
            _ => return Err(flag.unknown()),
        }
    }
    arguments.inputs = flags.rest().to_vec();
    if arguments.inputs.is_empty() {
        return Err("name the results to compare: OLD NEW...; -help explains".into());
    }
    Ok(Some(arguments))
}

/// The text of an input. The error is one line.
fn read(input: &Input) -> Result<String, String> {
    let bytes = if input.path == "-" {
        fs::read_bounded(io::stdin(), fs::MOST_INPUT)
    } else {
        let path = Path::new(&input.path);
        let baseline = if path.exists() { None } else { baseline::find(&input.path) };
        fs::read_input(baseline.as_deref().unwrap_or(path))
    };
    match bytes {
        Ok(bytes) => encoding::decode(bytes).map_err(|error| format!("{}: {error}", input.path)),
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            Err(format!("{} is a directory; its results.jsonl may be what is meant", input.path))
        }
        Err(error) => Err(format!("cannot read {}: {}", input.path, reason(&error))),
    }
}

/// The system's message without Rust's `(os error N)`, in lower case as in Go.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_lowercase().chain(characters).collect())
}

/// Prints the mistake; passes the exit code through.
fn complain(message: &str, code: u8) -> u8 {
    console::error(message);
    code
}

/// Writes to the standard error. If that fails, there is no reader.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Arguments>, String> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_as_go_reads_them() {
        let arguments = parsed("-col .name --format=csv -alpha 1e-3 -filter a=b old -row new").unwrap().unwrap();
        assert_eq!(arguments.options.column, ".name");
        assert_eq!(arguments.options.filter, "a=b");
        assert_eq!(arguments.options.alpha, 0.001);
        assert_eq!(arguments.format, "csv");
        assert_eq!(arguments.inputs, ["old", "-row", "new"]);
        assert_eq!(parsed("-- -x").unwrap().unwrap().inputs, ["-x"]);
        assert_eq!(parsed("- x").unwrap().unwrap().inputs, ["-", "x"]);
        assert!(parsed("-h").unwrap().is_none());
    }

    #[test]
    fn flags_that_are_wrong() {
        for line in ["-x in", "-col", "---x in", "-alpha x in", "-alpha"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_systems_words() {
        let error = std::fs::read("/no such directory/x").unwrap_err();
        assert_eq!(reason(&error), "no such file or directory");
    }
}
