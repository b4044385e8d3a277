//! Progress: one line on stderr that rewrites itself; if stderr is no terminal, a new line every minute.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::measure::{Observer, Phase};
use crate::results::names;

/// The reader of a log wants signs of life, and a CI service may end a silent job.
const LINES_APART: Duration = Duration::from_secs(60);
/// Longer names are cut at the front.
const LONGEST_NAME: usize = 80;

/// The progress of a session.
pub struct Progress {
    bar: ProgressBar,
    is_quiet: bool,
    /// When a line was last written, if lines are written.
    last_line: Option<Instant>,
    /// The current step. A pass that takes several processes, or is repeated, begins more than once.
    step: Option<(Phase, String)>,
}

impl Progress {
    /// Silent if `quiet`.
    pub fn new(quiet: bool) -> Progress {
        let lines = !quiet && !std::io::stderr().is_terminal();
        Progress { bar: ProgressBar::hidden(), is_quiet: quiet, last_line: lines.then(Instant::now), step: None }
    }

    /// Shows a spinner with this message from now on.
    pub fn says(&mut self, message: &str) {
        self.show(ProgressBar::no_length(), "{elapsed:>4} {spinner} {wide_msg}");
        self.bar.set_message(message.to_owned());
    }

    /// Shows a bar from now on; a step is one pass over one benchmark.
    pub fn expect(&mut self, steps: u64) {
        self.show(ProgressBar::new(steps), "{elapsed:>4} [{bar:24}] {pos}/{len} {wide_msg}");
    }

    fn show(&mut self, bar: ProgressBar, template: &str) {
        self.bar.finish_and_clear();
        self.bar = bar;
        if self.is_quiet {
            self.bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.bar.enable_steady_tick(Duration::from_millis(250));
    }

    /// Leaves the terminal to cargo, or to the results.
    pub fn pause(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.pause();
    }
}

impl Observer for Progress {
    fn begins(&mut self, phase: Phase, name: &str) {
        let message = format!("{} {}", phase.doing(), shortened(&names::one_line(name)));
        if phase == Phase::List {
            self.says(&message);
        } else {
            self.bar.set_message(message.clone());
            if self.step.replace((phase, name.to_owned())).is_none_or(|(last, of)| (last, of.as_str()) != (phase, name))
            {
                self.bar.inc(1);
            }
        }
        if self.last_line.is_some_and(|last| last.elapsed() >= LINES_APART) {
            self.last_line = Some(Instant::now());
            match self.bar.length() {
                Some(all) => crate::console::note(&format!("step {} of {all}: {message}", self.bar.position())),
                None => crate::console::note(&message),
            }
        }
    }

    fn warns(&mut self, message: &str) {
        self.bar.suspend(|| crate::console::warn(message));
    }
}

/// The end of a name tells it apart from others.
fn shortened(name: &str) -> String {
    match name.chars().count().checked_sub(LONGEST_NAME) {
        None | Some(0) => name.to_owned(),
        Some(more) => format!("…{}", name.chars().skip(more + 1).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_of_several_processes_is_one_step() {
        let mut progress = Progress::new(true);
        progress.expect(4);
        for name in ["p/t/a", "p/t/b"] {
            progress.begins(Phase::Time, name);
            (0..3).for_each(|_| progress.begins(Phase::Count, name));
        }
        assert_eq!(progress.bar.position(), 4);
    }

    #[test]
    fn a_long_name_does_not_widen_the_line() {
        let long = format!("p/t/{}/end", "x".repeat(300));
        let short = shortened(&long);
        assert_eq!(short.chars().count(), LONGEST_NAME);
        assert!(short.starts_with('…') && short.ends_with("xx/end"));
        assert_eq!(shortened("p/t/a"), "p/t/a");
    }
}
