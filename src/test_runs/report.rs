//! Each test's verdict, as libtest prints it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::build::Executable;
use super::list::Test;
use super::run::Ran;
use super::select::Choice;
use crate::results::names::one_line;
use crate::results::tests::Outcome;

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
