//! What can have tests: every target of every selected package.

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, Package, TargetKind};

use crate::Result;
use crate::project::{self, CargoConfig, CargoOptions};

/// The kind of a target; its name in full names, where that of the target alone is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Lib,
    Bin,
    Test,
    Example,
    Bench,
}

impl Kind {
    pub fn of(target: &cargo_metadata::Target) -> Option<Kind> {
        Some(match target.kind.first()? {
            TargetKind::Bin => Kind::Bin,
            TargetKind::Test => Kind::Test,
            TargetKind::Example => Kind::Example,
            TargetKind::Bench => Kind::Bench,
            TargetKind::CustomBuild => return None,
            _ => Kind::Lib,
        })
    }

    /// As the manifest and cargo's options call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Lib => "lib",
            Kind::Bin => "bin",
            Kind::Test => "test",
            Kind::Example => "example",
            Kind::Bench => "bench",
        }
    }
}

/// A target that can have tests.
#[derive(Debug, Clone)]
pub struct TestTarget {
    pub package: String,
    pub package_id: String,
    pub kind: Kind,
    /// As the tests' full names have it: `lib`, or cargo's name, with the kind in front where another target of the package
    /// is called the same.
    pub name: String,
    /// As cargo knows it.
    pub cargo_name: String,
    pub source: PathBuf,
    /// Its source, from the package's folder.
    pub shown_source: String,
    /// It has a main function of its own: `harness = false`.
    pub own_main: bool,
}

impl TestTarget {
    /// `PACKAGE/TARGET`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.package, self.name)
    }
}

/// The workspace, as far as tests are concerned.
#[derive(Debug)]
pub struct Place {
    pub root: PathBuf,
    /// Where the tool keeps everything: `<target dir>/memprof`.
    pub home: PathBuf,
    /// Of all packages of the workspace.
    pub targets: Vec<TestTarget>,
    /// Names of the packages that the command line selects.
    pub selected: Vec<String>,
    /// Those of them that have doc tests.
    pub with_doc_tests: Vec<String>,
    /// Names of all members.
    pub members: Vec<String>,
    /// `[workspace.metadata.memprof]`, or null.
    pub metadata: serde_json::Value,
}

impl Place {
    pub fn find(options: &CargoOptions, config: &CargoConfig) -> Result<Place> {
        let mut metadata = project::metadata(options, config)?;
        let home = project::home(options, &metadata)?;
        let selected = project::packages(&metadata, options)?;
        let name = |package: &&Package| package.name.to_string();
        let has_doc_tests = |package: &&&Package| package.targets.iter().any(|target| target.doctest);
        let with_doc_tests = selected.iter().filter(has_doc_tests).map(name).collect();
        let selected = selected.iter().map(name).collect();
        let members = metadata.workspace_packages().iter().map(name).collect();
        let targets = targets(&metadata);
        Ok(Place {
            root: metadata.workspace_root.into_std_path_buf(),
            home,
            targets,
            selected,
            with_doc_tests,
            members,
            metadata: metadata.workspace_metadata["memprof"].take(),
        })
    }

    /// Root sources of all targets, without symbolic links.
    pub fn roots(&self) -> Vec<PathBuf> {
        let real = |target: &TestTarget| target.source.canonicalize().unwrap_or_else(|_| target.source.clone());
        self.targets.iter().map(real).collect()
    }

    /// The target of an executable that cargo has made.
    pub fn target_of(&self, package_id: &str, target: &cargo_metadata::Target) -> Option<&TestTarget> {
        let kind = Kind::of(target)?;
        let is_it = |one: &&TestTarget| {
            one.package_id == package_id && one.kind == kind && (kind == Kind::Lib || one.cargo_name == target.name)
        };
        self.targets.iter().find(is_it)
    }
}

fn targets(metadata: &Metadata) -> Vec<TestTarget> {
    let mut all = Vec::new();
    for package in metadata.workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
        let manifest: toml::Table = manifest.parse().unwrap_or_default();
        let folder = package.manifest_path.parent().map_or(Path::new(""), |folder| folder.as_std_path());
        let mut found: Vec<_> = package.targets.iter().filter_map(|target| Some((Kind::of(target)?, target))).collect();
        found.sort_by_key(|(kind, _)| *kind);
        let mut names: Vec<String> = Vec::new();
        for (kind, target) in found {
            // Selected or not: a test's name does not depend on the others that are run with it.
            let own = if kind == Kind::Lib { "lib" } else { &target.name };
            let name =
                if names.iter().any(|name| name == own) { format!("{}-{own}", kind.name()) } else { own.to_owned() };
            names.push(name.clone());
            let source = target.src_path.clone().into_std_path_buf();
            all.push(TestTarget {
                package: package.name.to_string(),
                package_id: package.id.repr.clone(),
                kind,
                name,
                cargo_name: target.name.clone(),
                shown_source: source.strip_prefix(folder).unwrap_or(&source).display().to_string(),
                source,
                own_main: has_own_main(&manifest, kind, &target.name),
            });
        }
    }
    all
}

/// Whether the manifest says `harness = false`; cargo's metadata do not tell.
fn has_own_main(manifest: &toml::Table, kind: Kind, name: &str) -> bool {
    let says = |table: &toml::Value| table.get("harness").and_then(toml::Value::as_bool) == Some(false);
    match manifest.get(kind.name()) {
        Some(lib @ toml::Value::Table(_)) if kind == Kind::Lib => says(lib),
        Some(toml::Value::Array(tables)) => {
            let is_it = |table: &&toml::Value| table.get("name").and_then(toml::Value::as_str) == Some(name);
            tables.iter().find(is_it).is_some_and(says)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_who_has_a_main_function_of_its_own() {
        let manifest: toml::Table =
            "[lib]\nharness = false\n[[test]]\nname = \"a\"\nharness = false\n[[test]]\nname = \"b\"\n"
                .parse()
                .unwrap();
        let own = |kind, name| has_own_main(&manifest, kind, name);
        assert!(own(Kind::Lib, "x") && own(Kind::Test, "a"));
        assert!(!own(Kind::Test, "b") && !own(Kind::Test, "c") && !own(Kind::Bin, "a"));
    }
}
