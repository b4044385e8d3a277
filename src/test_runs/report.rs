//! What people read: each test's verdict as libtest prints it, and the table of the counts.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::build::Executable;
use super::list::Test;
use super::run::Ran;
use super::select::Choice;
use crate::formats::columns::aligned;
use crate::results::names::{self, one_line};
use crate::results::notation::grouped;
use crate::results::tests::{Outcome, TestFinished, TestMemory};

/// The verdicts on one executable's tests, on stderr.
pub struct Verdicts {
    quiet: bool,
    passed: usize,
    ignored: usize,
    filtered_out: usize,
    /// Name and output of those that failed, and of those that passed and whose output is wanted.
    failed: Vec<(String, String)>,
    outputs: Vec<(String, String)>,
}

fn say(text: &str) {
    // If stderr is closed, the text has no reader.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

fn colored(color: AnsiColor, text: &str) -> String {
    let style = Style::new().fg_color(Some(color.into()));
    format!("{style}{text}{style:#}")
}

impl Verdicts {
    /// Begins, with the number of tests that are not filtered out.
    pub fn begin(executable: &Executable, choices: &[(&Test, Choice)], quiet: bool) -> Verdicts {
        let filtered_out = choices.iter().filter(|(_, choice)| *choice == Choice::FilteredOut).count();
        let number = choices.len() - filtered_out;
        if !quiet {
            let target = &executable.target;
            let tests = if number == 1 { "test" } else { "tests" };
            say(&format!(
                "\n    Counting {} ({})\n\nrunning {number} {tests}\n",
                target.full_name(),
                target.shown_source
            ));
        }
        let empty = Vec::new;
        let mut verdicts = Verdicts { quiet, passed: 0, ignored: 0, filtered_out, failed: empty(), outputs: empty() };
        for (test, _) in choices.iter().filter(|(_, choice)| *choice == Choice::Ignored) {
            verdicts.ignored += 1;
            let why = test.message.as_ref().map(|message| format!(", {message}")).unwrap_or_default();
            verdicts.line(test, &format!("{}{}", colored(AnsiColor::Yellow, "ignored"), one_line(&why)));
        }
        verdicts
    }

    fn line(&self, test: &Test, verdict: &str) {
        if !self.quiet {
            let panics = if test.should_panic { " - should panic" } else { "" };
            say(&format!("test {}{panics} ... {verdict}\n", one_line(&test.id)));
        }
    }

    pub fn take(&mut self, test: &Test, ran: &Ran) {
        match ran.finished.outcome {
            Outcome::Failed => {
                self.line(test, &colored(AnsiColor::Red, "FAILED"));
                let mut output = ran.printed.clone();
                if let (Some(error), false) = (&ran.finished.error, ran.says_why) {
                    let end = if output.is_empty() || output.ends_with('\n') { "" } else { "\n" };
                    let _ = writeln!(output, "{end}error: {error}");
                }
                self.failed.push((test.id.clone(), output));
            }
            _ => {
                self.passed += 1;
                self.line(test, &colored(AnsiColor::Green, "ok"));
                if !ran.printed.is_empty() {
                    self.outputs.push((test.id.clone(), ran.printed.clone()));
                }
            }
        }
    }

    /// The outputs, and the line that sums up.
    pub fn end(mut self, took: Duration) {
        for (title, outputs) in [("successes", &mut self.outputs), ("failures", &mut self.failed)] {
            if outputs.is_empty() {
                continue;
            }
            outputs.sort();
            say(&format!("\n{title}:\n"));
            for (id, output) in outputs.iter().filter(|(_, output)| !output.is_empty()) {
                say(&format!("\n---- {} stdout ----\n{output}", one_line(id)));
            }
            say(&format!("\n\n{title}:\n"));
            outputs.iter().for_each(|(id, _)| say(&format!("    {}\n", one_line(id))));
        }
        if self.quiet && self.failed.is_empty() {
            return;
        }
        let result = match self.failed.len() {
            0 => colored(AnsiColor::Green, "ok"),
            _ => colored(AnsiColor::Red, "FAILED"),
        };
        say(&format!(
            "\ntest result: {result}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
            self.passed,
            self.failed.len(),
            self.ignored,
            self.filtered_out,
            took.as_secs_f64()
        ));
    }
}

/// The counts of all tests that passed, those that allocate most first.
pub fn table(tests: &[TestFinished]) -> String {
    let mut rows: Vec<(&TestFinished, &TestMemory)> =
        tests.iter().filter_map(|test| Some((test, test.memory.as_ref()?))).collect();
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by(|(a, x), (b, y)| (y.bytes, y.allocs, &a.name).cmp(&(x.bytes, x.allocs, &b.name)));
    let full: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
    let ids: Vec<&str> = tests.iter().map(|test| test.id.as_str()).collect();
    let short: std::collections::HashMap<&str, String> =
        full.iter().copied().zip(names::shortest(&full, &ids)).collect();
    let mut cells = vec![["test", "allocs", "bytes", "peak B", "live blocks", "live B"].map(str::to_owned).to_vec()];
    for (test, memory) in rows {
        let number = |value: u64| grouped(&value.to_string());
        cells.push(vec![
            one_line(&short[test.name.as_str()]).into_owned(),
            ranged(memory.allocs_range()),
            ranged(memory.bytes_range()),
            number(memory.peak_bytes),
            number(memory.live_blocks),
            number(memory.live_bytes),
        ]);
    }
    let mut text = aligned(&cells, false).join("\n");
    text.push('\n');
    text
}

fn ranged([least, most]: [u64; 2]) -> String {
    let (low, high) = (grouped(&least.to_string()), grouped(&most.to_string()));
    if least == most { low } else { format!("{low}–{high}") }
}
