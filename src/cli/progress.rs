//! How far it is: one line on stderr that rewrites itself, and is not there where stderr is no terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::measure::{Observer, Phase};

/// The progress of a run.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// `steps` benchmarks and passes to come; silent where `quiet`.
    pub fn new(steps: u64, quiet: bool) -> Progress {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(steps) };
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} [{bar:24}] {pos}/{len} {wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(250));
        Progress { bar }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn begins(&mut self, phase: Phase, name: &str) {
        self.bar.set_message(format!("{} {name}", phase.doing()));
        self.bar.inc(1);
    }

    fn warns(&mut self, message: &str) {
        self.bar.suspend(|| super::shell::warn(message));
    }
}
