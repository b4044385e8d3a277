//! A program that `check` runs, beside the benches.

use std::path::PathBuf;

use serde::Deserialize;

use crate::project::ProgramKind as Kind;

/// `[[program]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Program {
    /// The name of its results behind PACKAGE/KIND/TARGET, if that is not enough; or the target's name, if `target`
    /// says no more than its kind.
    pub name: Option<String>,
    /// `bin/NAME`, `example/NAME`, `test/NAME` or the name of a binary; PACKAGE may stand in front.
    pub target: Option<String>,
    #[serde(default)]
    pub args: Vec<String>,
    /// A file beside memprof.toml that the program reads; without it stdin is empty.
    pub stdin: Option<PathBuf>,
}

/// The target that a `[[program]]` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    pub package: Option<String>,
    pub kind: Kind,
    pub target: String,
    /// Tells runs of the same target apart.
    pub case: Option<String>,
}

impl Program {
    /// # Errors
    /// It names no target.
    pub fn meant(&self) -> Result<Meant, String> {
        let kind_of = |word: &str| [Kind::Bin, Kind::Example, Kind::Test].into_iter().find(|kind| kind.name() == word);
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        let parts: Vec<&str> = self.target.iter().flat_map(|target| target.split('/')).collect();
        let (package, kind, target) = match (parts[..].as_ref(), name) {
            ([], Some(name)) => (None, Kind::Bin, name),
            ([kind], Some(name)) if kind_of(kind).is_some() => (None, kind_of(kind).unwrap_or(Kind::Bin), name),
            ([target], _) => (None, Kind::Bin, *target),
            ([kind, target], _) if kind_of(kind).is_some() => (None, kind_of(kind).unwrap_or(Kind::Bin), *target),
            ([package, kind, target], _) if kind_of(kind).is_some() => {
                (Some((*package).to_owned()), kind_of(kind).unwrap_or(Kind::Bin), *target)
            }
            ([], None) => return Err("a [[program]] needs a target, such as \"bin/NAME\"".to_owned()),
            _ => {
                return Err(format!(
                    "the [[program]] target `{}` is none of bin/NAME, example/NAME and test/NAME",
                    self.target.as_deref().unwrap_or_default()
                ));
            }
        };
        let case = name.filter(|name| *name != target).map(str::to_owned);
        Ok(Meant { package, kind, target: target.to_owned(), case })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_meant_by_its_kind_and_name() {
        let meant = |text: &str| toml::from_str::<Program>(text).unwrap().meant();
        let of = |kind, target: &str, case: Option<&str>| {
            Ok(Meant { package: None, kind, target: target.to_owned(), case: case.map(str::to_owned) })
        };
        assert_eq!(meant("target = \"bin/server\""), of(Kind::Bin, "server", None));
        assert_eq!(meant("target = \"server\"\nname = \"small\""), of(Kind::Bin, "server", Some("small")));
        assert_eq!(meant("name = \"server\""), of(Kind::Bin, "server", None));
        assert_eq!(meant("name = \"shown\"\ntarget = \"example\""), of(Kind::Example, "shown", None));
        assert_eq!(meant("name = \"whole\"\ntarget = \"test/whole\""), of(Kind::Test, "whole", None));
        let of_package = meant("target = \"p/bin/server\"").unwrap();
        assert_eq!((of_package.package.as_deref(), of_package.kind), (Some("p"), Kind::Bin));
        assert!(meant("args = []").is_err() && meant("target = \"bench/x\"").is_err());
    }
}
