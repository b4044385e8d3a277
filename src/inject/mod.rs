//! What is added to the user's build, without a change to anything of the user's.
//!
//! cargo calls this executable as its rustc wrapper ([`wrapper`]). Every call passes through, except that harnesses get the hook
//! ([`harness`]), and each bench root is linked a second time with the counting allocator.

mod allocator;
mod arguments;
mod bench_root;
mod dep_info;
mod dhat;
mod harness;
mod overlay;
mod runtime;
mod tidy;
mod wrapper;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

pub use bench_root::{counted_path, dhat_path, is_own_allocator, is_pair, stamp};
pub use dhat::{Dhat, VERSION as DHAT_VERSION};
pub use harness::{declares_benches, known as known_harnesses};
pub use runtime::{Runtime, Toolchain};
pub use tidy::remove_unused;
pub use wrapper::run as run_wrapper;

/// Under this name cargo calls the executable as its rustc wrapper.
pub const WRAPPER_NAME: &str = "memprof-rustc";
/// Names the file with the [`Setup`].
const SETUP_VARIABLE: &str = "MEMPROF_SETUP";
/// Its value is the runtime's hash: what was built with another one is out of date.
const RUNTIME_VARIABLE: &str = "MEMPROF_RUNTIME";

/// What the wrapper has to know; written before the build, read by every call.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    pub runtime: Runtime,
    /// Root sources of all bench targets, without symbolic links.
    pub bench_roots: Vec<PathBuf>,
    /// Overlays lie here.
    pub overlays: PathBuf,
    /// One file for each crate that could not be prepared.
    pub refusals: PathBuf,
    /// The user's own RUSTC_WRAPPER.
    pub user_wrapper: Option<PathBuf>,
    /// The dhat crate, where it is asked for.
    pub dhat: Option<Dhat>,
    /// Stable or beta: unstable flags change what it does.
    pub stable_compiler: bool,
}

/// Why a crate, and with it every bench that links it, cannot be measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refusal {
    pub message: String,
    /// Name and version of its package.
    pub package: (String, String),
    /// Where only one bench is meant: its root source, without symbolic links.
    pub root: Option<PathBuf>,
}

impl Setup {
    /// Writes the setup to `scratch`, which is this run's alone, and gives the variables that make cargo use it. The wrapper
    /// stays at one place in `dir`, so that cargo need not ask the compiler anew each time.
    pub fn install(&self, dir: &Path, scratch: &Path) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
        let file = scratch.join("setup.json");
        std::fs::write(&file, serde_json::to_vec(self)?).with_context(|| format!("cannot write {}", file.display()))?;
        std::fs::create_dir_all(&self.refusals)?;
        let wrapper = link_to_self(dir, WRAPPER_NAME)?;
        Ok(vec![
            ("RUSTC_WRAPPER", wrapper),
            (SETUP_VARIABLE, file),
            (RUNTIME_VARIABLE, PathBuf::from(&self.runtime.hash)),
        ])
    }

    fn load() -> anyhow::Result<Setup> {
        let file = std::env::var_os(SETUP_VARIABLE).context("this name is for cargo's use only")?;
        let text = std::fs::read(&file).with_context(|| format!("cannot read {}", Path::new(&file).display()))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// This run's own folder.
    fn scratch(&self) -> &Path {
        self.refusals.parent().unwrap_or(&self.refusals)
    }

    /// What the wrapper refused in the last build.
    pub fn refused(&self) -> Vec<Refusal> {
        let entries = std::fs::read_dir(&self.refusals).into_iter().flatten().flatten();
        let mut found: Vec<Refusal> = entries
            .filter_map(|entry| std::fs::read(entry.path()).ok())
            .filter_map(|text| serde_json::from_slice(&text).ok())
            .collect();
        found.sort_by(|a, b| a.message.cmp(&b.message));
        found
    }

    /// Before a build of what is left.
    pub fn forget_refusals(&self) -> std::io::Result<()> {
        std::fs::remove_dir_all(&self.refusals)?;
        std::fs::create_dir_all(&self.refusals)
    }

    fn refuse(&self, crate_name: &str, root: Option<PathBuf>, message: String) -> anyhow::Result<()> {
        let said = |name: &str| std::env::var(name).unwrap_or_default();
        let package = (said("CARGO_PKG_NAME"), said("CARGO_PKG_VERSION"));
        // cargo shows the whole command line of a call that fails without a diagnostic.
        let diagnostic = serde_json::json!({
            "$message_type": "diagnostic", "level": "error", "code": null, "spans": [], "children": [],
            "message": "cannot be measured",
            "rendered": format!("error: `{crate_name}` cannot be measured; why is said below\n"),
        });
        eprintln!("{diagnostic}");
        let text = serde_json::to_vec(&Refusal { message, package, root })?;
        Ok(std::fs::write(self.refusals.join(format!("{crate_name}-{}.json", std::process::id())), text)?)
    }
}

/// Whether a harness with the hook in it is linked into an executable: the runtime has this text where a harness asks for it.
pub fn is_hooked(executable: &Path) -> anyhow::Result<bool> {
    const MARK: &[u8] = b"memprof: a harness with the hook in it";
    let bytes = std::fs::read(executable).with_context(|| format!("cannot read {}", executable.display()))?;
    Ok(memchr::memmem::find(&bytes, MARK).is_some())
}

/// A symbolic link to this executable, which tells by the name it is called with what it is to do.
pub fn link_to_self(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this executable is")?;
    // Two versions of the tool may take turns in one target directory, or work at the same time.
    let mut hasher = DefaultHasher::new();
    this.hash(&mut hasher);
    let folder = dir.join(format!("tool-{:016x}", hasher.finish()));
    let link = folder.join(name);
    if std::fs::read_link(&link).ok().as_deref() != Some(&this) {
        let cannot = || format!("cannot make {}", link.display());
        std::fs::create_dir_all(&folder).with_context(cannot)?;
        let draft = folder.join(format!("{name}-{}", std::process::id()));
        std::os::unix::fs::symlink(&this, &draft).with_context(cannot)?;
        std::fs::rename(&draft, &link).with_context(cannot)?;
    }
    Ok(link)
}
