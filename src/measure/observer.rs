//! The receiver of progress and warnings.

use super::phase::Phase;

/// Receives progress and warnings.
pub trait Observer {
    /// A benchmark begins; `name` is its full name.
    fn begins(&mut self, phase: Phase, name: &str);
    /// Something the user should know.
    fn warns(&mut self, message: &str);
}
