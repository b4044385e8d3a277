//! Which benchmarks an executable has: its own code run to the point where each would be measured.

use std::path::Path;

use super::pass::{FOREIGN, Pass, Phase};
use super::process::Interrupt;
use super::{PassOptions, capture::Launch};
use crate::Result;
use crate::records::{Module, Record};

/// A benchmark of an executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    /// How many of the same id came before it.
    pub occurrence: u32,
    /// The harness's own description, as JSON.
    pub description: String,
    /// Harness and version.
    pub harness: String,
}

/// What listing found.
#[derive(Debug, Default)]
pub struct Listing {
    pub benchmarks: Vec<Listed>,
    /// The objects that such a process maps.
    pub modules: Vec<Module>,
    /// Why it ended early.
    pub failure: Option<String>,
}

/// Asks `program` for its benchmarks, in their order.
///
/// `whole_process`: it has no harness, and the runtime itself answers that there is one, `main`.
pub fn list(
    program: &Path,
    launch: &Launch,
    options: &PassOptions,
    whole_process: bool,
    interrupt: &Interrupt,
) -> Result<Listing> {
    let options = &PassOptions { whole_process: whole_process.then_some(0), ..options.clone() };
    let mut listing = Listing::default();
    let pass = Pass { phase: Phase::List, executable: program, launch, options, table: None };
    let process = pass.start(&[])?;
    let (mut own, mut foreign) = (None, false);
    let end = process.follow(options.timeout, interrupt, &mut |record| match record {
        Record::Benchmark { occurrence, id, description, harness } => {
            listing.benchmarks.push(Listed { id, occurrence, description, harness });
        }
        Record::Object(module) => listing.modules.push(module),
        Record::Start { pid } => foreign |= *own.get_or_insert(pid) != pid,
        _ => (),
    })?;
    listing.failure = end.failure;
    if foreign {
        listing.benchmarks.clear();
        listing.failure = Some(FOREIGN.to_owned());
    }
    Ok(listing)
}
