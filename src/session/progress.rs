//! How far it is: one line on stderr that rewrites itself; where stderr is no terminal, one more line every minute.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::measure::{Observer, Phase};

/// Who reads a log wants to know that it goes on, and a CI service may end what is silent.
const LINES_APART: Duration = Duration::from_secs(60);

/// The progress of a run.
pub struct Progress {
    bar: ProgressBar,
    /// When a line was written last, where they are.
    last_line: Option<Instant>,
}

impl Progress {
    /// `steps` benchmarks and passes to come; silent where `quiet`.
    pub fn new(steps: u64, quiet: bool) -> Progress {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(steps) };
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} [{bar:24}] {pos}/{len} {wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        let lines = !quiet && !std::io::stderr().is_terminal();
        Progress { bar, last_line: lines.then(Instant::now) }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn begins(&mut self, phase: Phase, name: &str) {
        self.bar.set_message(format!("{} {name}", phase.doing()));
        self.bar.inc(1);
        if self.last_line.is_some_and(|last| last.elapsed() >= LINES_APART) {
            self.last_line = Some(Instant::now());
            let all = self.bar.length().unwrap_or_default();
            crate::console::note(&format!("step {} of {all}: {} {name}", self.bar.position(), phase.doing()));
        }
    }

    fn warns(&mut self, message: &str) {
        self.bar.suspend(|| crate::console::warn(message));
    }
}
