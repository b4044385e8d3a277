//! Profiles as text, in the forms of Go 1.27's net/http/pprof: `debug=1` and `debug=2`, and the index page.
//!
//! Readers of these forms halve heap's rate and scale by it: an exact heap has rate 1 (`heap/2`), and one of samples has
//! their rate and their own numbers.

mod contention;
mod count;
mod heap;
mod index;
mod panic;
mod stacks;

pub use contention::{block, mutex};
pub use count::count;
pub use heap::{MemStats, heap};
pub use index::index;
pub use panic::{Thread, panic};
pub use stacks::Stacks;
