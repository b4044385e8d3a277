//! The targets that are programs.

use cargo_metadata::TargetKind;

/// The kind of target that a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramKind {
    Bin,
    Example,
    Test,
}

impl ProgramKind {
    /// The word in names, paths and JSON; cargo's flag without its dashes.
    pub fn name(self) -> &'static str {
        match self {
            ProgramKind::Bin => "bin",
            ProgramKind::Example => "example",
            ProgramKind::Test => "test",
        }
    }

    pub fn is(self, target: &cargo_metadata::Target) -> bool {
        let kind = match self {
            ProgramKind::Bin => TargetKind::Bin,
            ProgramKind::Example => TargetKind::Example,
            ProgramKind::Test => TargetKind::Test,
        };
        target.kind.contains(&kind)
    }
}
