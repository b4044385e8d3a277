//! How far a metric may go: the configuration's limits for one benchmark.

use std::collections::BTreeMap;

use crate::results::metric::Metric;

/// How far above the baseline a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// Parts of one.
    Share(f64),
    /// In the metric's own unit.
    Absolute(f64),
    /// It is not compared with the baseline.
    Off,
}

/// An absolute limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Max {
    /// A bare number: for counts that are exact.
    Exact(f64),
    /// `{ max = … }`: the top of a range may not exceed it.
    Top(f64),
}

/// The limits for one metric; `None` if there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limit {
    pub max: Option<Max>,
    pub tolerance: Option<Tolerance>,
}

/// The limits for one benchmark; a metric that is not in it has the defaults.
pub type Limits = BTreeMap<Metric, Limit>;
