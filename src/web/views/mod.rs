//! The data of each page: plain values that are written as JSON. Each function makes them from a prepared report and
//! knows neither HTTP nor HTML, so that the server's pages, the one-file report and the tests have the same numbers.

pub mod blocks;
pub mod flame;
pub mod graph;
mod grow;
pub mod layout;
mod short_names;
pub mod source;
pub mod top;

pub use short_names::{Origin, origin, short_names};
