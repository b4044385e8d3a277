//! Edits at anchors: pieces of a harness's source that must occur exactly a given number of times. If they do not, the
//! source is of an untested version, and it is refused rather than guessed at.

use std::fmt;

/// Replaces every occurrence of `find` by `put`; never changes the number of lines.
#[derive(Debug, Clone, Copy)]
pub struct Edit {
    pub find: &'static str,
    pub put: &'static str,
    pub times: usize,
}

/// All edits of one source file.
#[derive(Debug, Clone, Copy)]
pub struct FileEdits {
    /// Below the folder of the crate's root source.
    pub file: &'static str,
    pub edits: &'static [Edit],
}

/// An anchor that is not there as often as it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    pub file: &'static str,
    pub anchor: &'static str,
    pub expected: usize,
    pub found: usize,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Misfit { file, anchor, expected, found } = self;
        write!(f, "src/{file} has `{anchor}` {found} times instead of {expected}")
    }
}

impl FileEdits {
    /// The edited text.
    pub fn apply(&self, text: &str) -> Result<String, Misfit> {
        let mut text = text.to_owned();
        for edit in self.edits {
            let found = text.matches(edit.find).count();
            if found != edit.times {
                return Err(Misfit { file: self.file, anchor: edit.find, expected: edit.times, found });
            }
            text = text.replace(edit.find, edit.put);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDITS: FileEdits =
        FileEdits { file: "a.rs", edits: &[Edit { find: "start();", put: "start(); open();", times: 2 }] };

    #[test]
    fn edits_every_anchor_and_keeps_the_lines() {
        let edited = EDITS.apply("x.start();\r\ny\ny.start();\n").unwrap();
        assert_eq!(edited, "x.start(); open();\r\ny\ny.start(); open();\n");
    }

    #[test]
    fn refuses_another_number_of_anchors() {
        let misfit = EDITS.apply("start();").unwrap_err();
        assert_eq!(misfit.to_string(), "src/a.rs has `start();` 1 times instead of 2");
    }
}
