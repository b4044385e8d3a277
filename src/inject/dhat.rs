//! The dhat crate, built by the user's cargo in a folder of the tool's own: it has dependencies, which its first use fetches.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::Runtime;
use crate::{Error, Result, fs};

const SOURCE: &str = include_str!("../../templates/dhat/lib.rs");
/// The version whose way of counting was compared to the tracker's.
pub const VERSION: &str = "0.3.3";

/// A number that no other build uses, so that crates that the user's bench depends on too get other names.
const UNITS: u32 = 11;

/// The compiled allocator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dhat {
    pub library: PathBuf,
    /// The folder of its dependencies.
    pub dependencies: PathBuf,
}

impl Dhat {
    /// Builds it below `dir`, for the compiler that `runtime` was built with; cargo says what it fetches and compiles.
    ///
    /// # Errors
    /// If the crate can be neither found nor fetched.
    pub fn build(cargo: &Path, runtime: &Runtime, target: Option<&str>, offline: bool, dir: &Path) -> Result<Dhat> {
        let folder = dir.join(format!("dhat-{VERSION}"));
        let manifest = format!(
            "[package]\nname = \"memprof_dhat\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n\
             [dependencies]\ndhat = \"={VERSION}\"\n[profile.release]\ncodegen-units = {UNITS}\n[workspace]\n"
        );
        fs::create_dir_all(&folder)?;
        for (file, text) in [("Cargo.toml", manifest.as_str()), ("lib.rs", SOURCE)] {
            let path = folder.join(file);
            // cargo does not rebuild from an unchanged file.
            if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
                fs::write(&path, text)?;
            }
        }
        let built = folder.join("target").join(&runtime.hash);
        let mut command = Command::new(cargo);
        command.args(["build", "--release", "--quiet", "--manifest-path"]).arg(folder.join("Cargo.toml"));
        command.arg("--target-dir").arg(&built).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("CARGO_BUILD_BUILD_DIR", &built);
        if let Some(target) = target {
            command.args(["--target", target]);
        }
        if offline {
            command.arg("--offline");
        }
        let status = command.status().map_err(|e| Error::run(&command, e))?;
        if !status.success() {
            let advice = if offline { "; its first use fetches it: run once without --offline" } else { "" };
            return Err(Error::other(format!("the dhat crate cannot be built{advice}")));
        }
        let release = built.join(target.unwrap_or_default()).join("release");
        Ok(Dhat { library: release.join("libmemprof_dhat.rlib"), dependencies: release.join("deps") })
    }
}
