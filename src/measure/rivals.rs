//! The executables of another revision, for a run that compares itself with it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::build::{Build, Executable};
use super::launch::Launch;
use super::suite::Suite;

/// The executables of another revision, whose benchmarks of the same names are the references.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Rivals {
    /// The revision, as it was typed.
    pub label: String,
    all: Vec<Rival>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Rival {
    package: String,
    target: String,
    pub program: PathBuf,
    pub launch: Launch,
}

impl Rivals {
    /// The executables built here, for a run that compares itself with this one.
    pub fn of(build: &Build) -> Rivals {
        let rival = |one: &Executable| {
            let (package, target) = (one.target.package.clone(), one.target.name.clone());
            Some(Rival { package, target, program: one.timed.clone(), launch: one.launch.clone()? })
        };
        Rivals { label: String::new(), all: build.executables.iter().filter_map(rival).collect() }
    }

    /// The executables of the revision that was typed as this.
    pub fn called(self, label: &str) -> Rivals {
        Rivals { label: label.to_owned(), ..self }
    }

    pub fn of_suite(&self, suite: &Suite) -> Option<&Rival> {
        let own = suite.target();
        self.all.iter().find(|one| (&one.package, &one.target) == (&own.package, &own.name))
    }
}
