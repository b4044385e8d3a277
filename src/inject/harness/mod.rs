//! The harnesses that take the hook, one file each.
//!
//! Most are crates, compiled from an overlay with the hook at known places of their source ([`Source`]); the compiler's own
//! `test` crate is replaced as a whole ([`Libtest`]). An executable without any of them is measured as a whole process.

mod anchors;
mod codspeed_criterion;
mod codspeed_divan;
mod criterion;
mod criterion2;
mod divan;
mod libtest;
mod source;

use super::Setup;
use super::arguments::Arguments;
use super::overlay::Overlay;
use crate::Result;

pub use libtest::{LIBTEST, Libtest};

/// One rustc call, as far as a harness needs to know it.
pub struct Call<'a> {
    pub crate_name: &'a str,
    /// It makes the executable of a bench.
    pub is_bench_root: bool,
    pub setup: &'a Setup,
}

/// The result of preparing a call.
pub enum Prepared {
    /// It is compiled from this folder.
    From(Overlay),
    /// Only its arguments changed.
    AsItIs,
    /// Why it cannot be prepared.
    Refused(String),
}

/// A harness, and where it takes the hook.
pub trait Harness: Sync {
    /// Harness and versions that were tried, for people.
    fn known(&self) -> &'static str;

    /// Whether this call compiles the crate that takes the hook.
    fn is_made_by(&self, call: &Call, args: &Arguments) -> bool;

    /// Puts the hook in.
    fn prepare(&self, call: &Call, args: &mut Arguments) -> Result<Prepared>;

    /// The whole inserted text: if it changes, earlier builds are out of date.
    fn texts(&self) -> String;
}

/// All of them.
pub const HARNESSES: &[&dyn Harness] = &[
    &criterion::CRITERION,
    &criterion2::CRITERION2,
    &codspeed_criterion::CODSPEED_CRITERION,
    &divan::DIVAN_WITH_BENCH,
    &divan::DIVAN,
    &codspeed_divan::CODSPEED_DIVAN,
    &LIBTEST,
];

/// Their names, in one line.
pub fn known() -> String {
    let mut known: Vec<_> = HARNESSES.iter().map(|harness| harness.known()).collect();
    known.dedup();
    known.join(", ")
}
