//! The additions to the user's build; the user's own files are not changed.
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

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::project::CargoConfig;
use crate::{Error, Result, fs};

pub use bench_root::{counted_path, dhat_path, is_own_allocator, is_pair, stamp};
pub use dhat::{Dhat, VERSION as DHAT_VERSION};
pub use harness::known as known_harnesses;
pub use runtime::Runtime;
pub use tidy::remove_unused;
pub use wrapper::run as run_wrapper;

/// Under this name cargo calls the executable as its rustc wrapper.
pub const WRAPPER_NAME: &str = "memprof-rustc";
/// Names the file with the [`Setup`].
const SETUP_VARIABLE: &str = "MEMPROF_SETUP";
/// Its value is the runtime's hash: builds with another one are out of date.
const RUNTIME_VARIABLE: &str = "MEMPROF_RUNTIME";

/// Instructions for the wrapper, written before the build and read by every call.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    pub runtime: Runtime,
    pub purpose: Purpose,
    /// Root sources of all bench targets, without symbolic links.
    pub bench_roots: Vec<PathBuf>,
    /// Overlays lie here.
    pub overlays: PathBuf,
    /// One file for each crate that could not be prepared.
    pub refusals: PathBuf,
    /// The user's own RUSTC_WRAPPER.
    pub user_wrapper: Option<PathBuf>,
    /// The dhat crate, if it is asked for.
    pub dhat: Option<Dhat>,
    /// Stable or beta: unstable flags change what it does.
    pub stable_compiler: bool,
}

/// The executables that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    Benches,
    /// Programs run as they are, even with a harness in them.
    Programs,
    /// Tests are counted in a second executable; the first has the compiler's own harness, as its user knows it.
    Tests,
}

/// Why a crate, and with it every bench that links it, cannot be measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refusal {
    pub message: String,
    /// Name and version of its package.
    pub package: (String, String),
    /// If only one bench is meant: its root source, without symbolic links.
    pub root: Option<PathBuf>,
}

impl Setup {
    /// Compiles the runtime for benches with these root sources. `home` is the tool's folder in the target directory,
    /// `scratch` this run's own.
    pub fn new(config: &CargoConfig, home: &Path, scratch: &Path, bench_roots: Vec<PathBuf>) -> Result<Setup> {
        let dir = home.join("inject");
        let overlays = dir.join("overlays");
        fs::create_dir_all(&overlays)?;
        let runtime = Runtime::build(&config.toolchain, &dir)?;
        remove_unused(&dir, "runtime-");
        remove_unused(&overlays, "");
        Ok(Setup {
            runtime,
            purpose: Purpose::Benches,
            bench_roots,
            overlays,
            refusals: scratch.join("refusals"),
            user_wrapper: config.wrapper.clone(),
            dhat: None,
            stable_compiler: config.toolchain.is_stable(),
        })
    }

    /// Compiles the dhat crate, too.
    pub fn add_dhat(&mut self, config: &CargoConfig, home: &Path, offline: bool) -> Result<()> {
        let (target, dir) = (config.toolchain.target.as_deref(), home.join("inject"));
        self.dhat = Some(Dhat::build(&config.cargo, &self.runtime, target, offline, &dir)?);
        Ok(())
    }

    /// Writes the setup to this run's folder, and returns the variables that make cargo use it, and build in
    /// `build_dir`. The wrapper stays at one place in `home`, so that cargo need not ask the compiler again each time.
    pub fn install(&self, home: &Path, build_dir: &Path) -> Result<Vec<(String, OsString)>> {
        let file = self.scratch().join("setup.json");
        fs::write(&file, to_json(self)?)?;
        fs::create_dir_all(&self.refusals)?;
        let wrapper = link_to_self(&home.join("inject"), WRAPPER_NAME)?;
        let variables = [
            ("RUSTC_WRAPPER", wrapper.into()),
            (SETUP_VARIABLE, file.into()),
            (RUNTIME_VARIABLE, OsString::from(&self.runtime.hash)),
            // With `build.build-dir` set, cargo would keep intermediate artifacts there, and use ours in its own next
            // build.
            ("CARGO_BUILD_BUILD_DIR", build_dir.into()),
        ];
        Ok(variables.map(|(name, value)| (name.to_owned(), value)).to_vec())
    }

    fn load() -> Result<Setup> {
        let file = std::env::var_os(SETUP_VARIABLE).ok_or_else(for_cargo_only)?;
        let cannot = |e| Error::with(format!("cannot read {}", Path::new(&file).display()), e);
        serde_json::from_slice(&fs::read(&file)?).map_err(|e: serde_json::Error| cannot(e))
    }

    /// This run's own folder.
    fn scratch(&self) -> &Path {
        self.refusals.parent().unwrap_or(&self.refusals)
    }

    /// The refusals of the last build.
    pub fn refused(&self) -> Vec<Refusal> {
        let entries = std::fs::read_dir(&self.refusals).into_iter().flatten().flatten();
        let mut found: Vec<Refusal> = entries
            .filter_map(|entry| std::fs::read(entry.path()).ok())
            .filter_map(|text| serde_json::from_slice(&text).ok())
            .collect();
        found.sort_by(|a, b| a.message.cmp(&b.message));
        found
    }

    /// Makes room for the next build.
    pub fn forget_refusals(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.refusals).map_err(|e| Error::file("empty", &self.refusals, e))?;
        fs::create_dir_all(&self.refusals)
    }

    fn refuse(&self, crate_name: &str, root: Option<PathBuf>, message: String) -> Result<()> {
        let said = |name: &str| std::env::var(name).unwrap_or_default();
        let package = (said("CARGO_PKG_NAME"), said("CARGO_PKG_VERSION"));
        // cargo shows the whole command line of a call that fails without a diagnostic.
        let diagnostic = serde_json::json!({
            "$message_type": "diagnostic", "level": "error", "code": null, "spans": [], "children": [],
            "message": "cannot be measured",
            "rendered": format!("error: `{crate_name}` cannot be measured; why is said below\n"),
        });
        eprintln!("{diagnostic}");
        let file = self.refusals.join(format!("{crate_name}-{}.json", std::process::id()));
        fs::write(file, to_json(&Refusal { message, package, root })?)
    }
}

/// Whether a harness with the hook in it is linked into an executable: the runtime has this text if a harness asks for
/// it.
pub fn is_hooked(executable: &Path) -> Result<bool> {
    const MARK: &[u8] = b"memprof: a harness with the hook in it";
    Ok(memchr::memmem::find(&fs::read(executable)?, MARK).is_some())
}

/// A symbolic link to this executable, whose name tells it what to do.
pub fn link_to_self(dir: &Path, name: &str) -> Result<PathBuf> {
    let this = own_path()?;
    // Two versions of the tool may take turns in one target directory, or work at the same time.
    let mut hasher = DefaultHasher::new();
    this.hash(&mut hasher);
    let link = dir.join(format!("tool-{:016x}", hasher.finish())).join(name);
    if std::fs::read_link(&link).ok().as_deref() != Some(&this) {
        fs::replace_link(&link, &this)?;
    }
    Ok(link)
}

/// Where this executable is.
pub fn own_path() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Error::with("cannot tell where this executable is", e))
}

/// The executable was called by a name that is meant for cargo.
pub fn for_cargo_only() -> Error {
    Error::other("this name is for cargo's use only")
}

/// A message from this tool to itself in another process.
pub fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| Error::with("cannot write JSON", e))
}
