//! A run as it is printed at its end.

use std::io::Write as _;
use std::path::PathBuf;

use super::Writer;
use crate::formats::{Format, View};
use crate::results::groups;
use crate::results::lines::Run;
use crate::{Error, Result, console, formats};

impl Writer<'_> {
    /// Files are named from the workspace's root; GitHub looks for them from the top of its checkout.
    pub(super) fn shown_root(&self) -> PathBuf {
        let top = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
        let top = top.filter(|top| self.args.format().step_summary().is_some() && self.root.starts_with(top));
        top.unwrap_or_else(|| self.root.clone())
    }

    /// Everything but JSON, which has been shown.
    pub(super) fn show(&self) -> Result<()> {
        let against = self.args.output.against.clone();
        if let Some(variant) = against.as_deref().filter(|variant| !groups::has_variant(&self.run.finished, variant)) {
            console::warn(&format!(
                "--against {variant}: no group has such a row (benchmarks outside of groups are not compared)"
            ));
        }
        let view =
            View { memory: self.args.measure.benchmem, against, base: self.base.clone(), root: self.shown_root() };
        self.print(&self.run, &view)
    }

    pub(super) fn print(&self, run: &Run, view: &View) -> Result<()> {
        print_whole(self.args.format(), run, view)
    }
}

/// Prints a run that has ended, if it was not printed as it came.
pub fn print_whole(format: &dyn Format, run: &Run, view: &View) -> Result<()> {
    if format.is_stream() {
        return Ok(());
    }
    console::print(&format.render(run, view))?;
    if !run.checks.is_empty() && !format.has_verdicts() {
        console::tell(&formats::verdicts(run, view));
    }
    format.step_summary().map_or(Ok(()), |summary| step_summary(summary, run, view))
}

/// GitHub shows this file on the run's own page.
fn step_summary(format: &dyn Format, run: &Run, view: &View) -> Result<()> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(());
    };
    let text = format.render(run, view);
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|e| Error::file("write", &path, e))
}
