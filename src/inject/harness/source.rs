//! A harness that is a crate: compiled from an overlay with the hook at known places of its source.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::anchors::FileEdits;
use super::{Call, Harness, Prepared};
use crate::inject::arguments::Arguments;
use crate::inject::overlay::Overlay;
use crate::{Error, Result, fs};

/// Where the hook goes in a crate's source.
pub struct Source {
    /// The package, as its Cargo.toml names it.
    pub package: &'static str,
    /// Its library.
    pub crate_name: &'static str,
    /// A file that only these versions have beside the root of their sources; empty if no file tells them apart.
    pub with_file: &'static str,
    /// Versions that were tried.
    pub versions: &'static str,
    /// Name and versions, for people.
    pub known: &'static str,
    pub edits: &'static [FileEdits],
    /// The module that is added to the crate.
    pub hook: fn() -> String,
}

impl Harness for Source {
    fn known(&self) -> &'static str {
        self.known
    }

    fn is_made_by(&self, call: &Call, args: &Arguments) -> bool {
        call.crate_name == self.crate_name
            && std::env::var("CARGO_PKG_NAME").is_ok_and(|package| package == self.package)
            && !args.has("--test")
            && args.source().and_then(|root| Some(root.parent()?.join(self.with_file).exists())).unwrap_or(true)
    }

    fn prepare(&self, call: &Call, args: &mut Arguments) -> Result<Prepared> {
        let no_file = || Error::other(format!("{} is compiled from no file in a folder", self.package));
        let root = args.source().ok_or_else(no_file)?;
        let source_dir = root.parent().ok_or_else(no_file)?.to_owned();
        // Sources name files of their package that are not beside them (`include_str!("../README.md")`).
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let base = package.filter(|package| source_dir.starts_with(package)).unwrap_or_else(|| source_dir.clone());
        let below = source_dir.strip_prefix(&base).map_err(|_| no_file())?.to_owned();
        let mut edited = BTreeMap::new();
        for file in self.edits {
            let place = below.join(file.file);
            let before = edited.remove(&place);
            let text = before.unwrap_or_else(|| std::fs::read_to_string(base.join(&place)).unwrap_or_default());
            match file.apply(&text) {
                Ok(text) => edited.insert(place, text),
                Err(misfit) => {
                    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
                    return Ok(Prepared::Refused(format!(
                        "{} {version} ({}) is none that this version can hook into: {misfit}; known are {}",
                        self.package,
                        source_dir.display(),
                        self.versions
                    )));
                }
            };
        }
        let root_name = below.join(root.file_name().ok_or_else(no_file)?);
        let text = match edited.remove(&root_name) {
            Some(text) => text,
            None => fs::read_to_string(&root)?,
        };
        edited.insert(root_name, format!("{text}\nmod memprof_hook {{\n{}}}\n", (self.hook)()));
        let overlay = Overlay::lay_out(&call.setup.overlays, &base, &edited)?;
        overlay.compile_from_it(args);
        args.link("memprof_rt", &call.setup.runtime.library);
        Ok(Prepared::From(overlay))
    }

    fn texts(&self) -> String {
        format!("{:?}{}", self.edits, (self.hook)())
    }
}
