//! Which programs a command line names.

use std::path::PathBuf;

use cargo_metadata::Metadata;

pub use crate::project::ProgramKind as Kind;
use crate::project::{self, CargoConfig, CargoOptions};
use crate::{Error, Result};

/// A program of the workspace.
#[derive(Debug, Clone)]
pub struct Program {
    pub package: String,
    pub package_id: String,
    pub kind: Kind,
    /// As cargo knows it.
    pub target: String,
    /// Tells the runs of one target apart, with a `/` in front; empty if there is only one.
    pub case: String,
}

impl Program {
    /// `PACKAGE/KIND/NAME`.
    pub fn name(&self) -> String {
        format!("{}/{}/{}{}", self.package, self.kind.name(), self.target, self.case)
    }
}

/// Where the programs are.
pub struct Place {
    pub root: PathBuf,
    /// Where the tool keeps everything: `<target dir>/memprof`.
    pub home: PathBuf,
    /// Root sources of everything that could be a program, without symbolic links.
    pub roots: Vec<PathBuf>,
    pub programs: Vec<Program>,
}

/// Finds the programs of these names.
///
/// # Errors
/// One of them is not there; the message names those that are, nearest first.
pub fn find(options: &CargoOptions, config: &CargoConfig, names: &[(Kind, String)]) -> Result<Place> {
    let metadata = project::metadata(options, config)?;
    let programs = names.iter().map(|(kind, name)| one(&metadata, options, *kind, name)).collect::<Result<_>>()?;
    let home = project::home(options, &metadata)?;
    let targets = metadata.workspace_packages().into_iter().flat_map(|package| &package.targets);
    let is_program = |target: &&cargo_metadata::Target| {
        [Kind::Bin, Kind::Example, Kind::Test].into_iter().any(|kind| kind.is(target))
    };
    let sources = targets.filter(is_program).map(|target| target.src_path.clone().into_std_path_buf());
    Ok(Place {
        roots: sources.map(|source| source.canonicalize().unwrap_or(source)).collect(),
        root: metadata.workspace_root.clone().into_std_path_buf(),
        home,
        programs,
    })
}

/// The one program that a command takes; `does`: the command and its verb.
pub fn only(bin: Option<&String>, example: Option<&String>, does: &str) -> Result<(Kind, String)> {
    let named = bin.map(|name| (Kind::Bin, name)).or(example.map(|name| (Kind::Example, name)));
    let (kind, name) =
        named.ok_or_else(|| Error::usage(format!("{does} one program: name it with --bin NAME or --example NAME")))?;
    Ok((kind, name.clone()))
}

fn one(metadata: &Metadata, options: &CargoOptions, kind: Kind, name: &str) -> Result<Program> {
    let mut found = Vec::new();
    let mut others: Vec<&str> = Vec::new();
    for package in project::packages(metadata, options)? {
        for target in package.targets.iter().filter(|target| kind.is(target)) {
            if target.name == name {
                found.push(package);
            }
            others.push(&target.name);
        }
    }
    let word = kind.name();
    match found.as_slice() {
        [package] => Ok(Program {
            package: package.name.to_string(),
            package_id: package.id.repr.clone(),
            kind,
            target: name.to_owned(),
            case: String::new(),
        }),
        [] => {
            let alike = |other: &&str| strsim::jaro_winkler(name, other);
            others.sort_by(|a, b| alike(b).total_cmp(&alike(a)).then(a.cmp(b)));
            others.dedup();
            let there = match others.as_slice() {
                [] => format!("there is no {word} target here"),
                others => format!("there are: {}", others.join(", ")),
            };
            let message = match name {
                "" => format!("--{word} takes a name; {there}"),
                name => format!("no {word} target `{name}`; {there}"),
            };
            Err(if name.is_empty() { Error::usage(message) } else { Error::nothing_measured(message) })
        }
        several => {
            let packages: Vec<&str> = several.iter().map(|package| package.name.as_str()).collect();
            let message = format!(
                "several packages have a {word} target `{name}`; take one of them with -p: {}",
                packages.join(", ")
            );
            Err(Error::usage(message))
        }
    }
}
