//! Why does this allocate, and what would stop it?
//!
//! Stacks and lives (`recording`) become sites (`sites`): a line of the user's, its operation in the language's own
//! words (`operation`, from the frames between that line and the allocator, by the table `calls`), and the fate of the
//! blocks. A table of rules (`rules`) looks at each site and may give a remedy with its effect. Nothing here does I/O:
//! source text comes through a function.

mod blocks;
mod calls;
mod case;
#[cfg(test)]
mod cases;
mod diff;
mod explanation;
mod frames;
mod group;
mod operation;
mod origin;
mod recording;
mod rule_table;
mod rules;
mod sentences;
mod sites;
mod source;
mod successions;
mod text;

pub use blocks::{BLOCKS, BlockStack, Blocks, blocks};
pub use diff::{Change, diff};
pub use explanation::{Effect, Explanation, Freeing, PROFILE, Remedy, SIDECAR, Site};
pub use operation::{Container, Operation};
pub use origin::Surroundings;
pub use recording::{Recorded, Recording};
pub use rule_table::RULES;
pub use sites::explain;
pub use text::{diff_text, text};
