//! What AArch64 has of its own: the layout of rules, the call-frame rows that fit in them, jumps to other modules.

pub(super) mod plt;
pub(super) mod row;
mod rule;
