//! The context of a measurement.

use super::observer::Observer;
use super::options::PassOptions;
use super::process::Interrupt;
use super::rivals::Rivals;
use super::tables::Tables;

/// The context of every pass over every suite of a run.
pub struct Measuring<'a> {
    pub options: &'a PassOptions,
    /// The reference of all benchmarks, if that is another revision.
    pub rivals: Option<&'a Rivals>,
    pub tables: &'a mut Tables,
    pub observer: &'a mut dyn Observer,
    pub interrupt: &'a Interrupt,
}

impl Measuring<'_> {
    /// The same with other options.
    pub fn with<'b>(&'b mut self, options: &'b PassOptions) -> Measuring<'b> {
        let Measuring { rivals, ref mut tables, ref mut observer, interrupt, .. } = *self;
        Measuring { options, rivals, tables, observer: *observer, interrupt }
    }
}
