//! Building the runtime with the user's own compiler.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::harness::{HARNESSES, Libtest};
use super::tidy;
use crate::fs::{self, Draft};
use crate::project::{Recorder, Toolchain};
use crate::{Error, Result};

macro_rules! sources {
    ($($name:literal,)*) => {
        &[$((concat!($name, ".rs"), include_str!(concat!("../../templates/runtime/", $name, ".rs"))),)*]
    };
}

/// The runtime's sources, by file name; templates/ is where they are written and tested.
#[rustfmt::skip]
const RUNTIME: &[(&str, &str)] = sources![
    "arch", "arch/aarch64", "arch/x86_64", "attend", "barrier", "between", "block", "bracket", "buffer", "calling", "child", "chunks", "common", "cost",
    "dhat", "disturbance",
    "driver", "embed", "entries", "entry", "events", "filter", "follow", "fork", "growth", "idle", "inherit", "inside", "interrupted", "interrupts", "labels", "left_out", "lib", "libraries", "life", "live",
    "live_map", "live_sum", "lives", "log", "mark", "memo", "memory", "objects", "peak", "places", "plan", "poisson", "portable", "portable/fork", "portable/memory", "portable/sys", "portable/thread", "portable/track", "process", "program",
    "records", "results", "rules", "sampler", "scope", "scoped", "shared", "sites", "spin", "stacks", "standing", "sys", "table", "tests",
    "thread", "threads", "timed", "totals", "track", "unwind", "waits", "witness", "word",
];
/// Increased when the wrapper compiles the same sources in another way: earlier builds are then out of date.
const WAY_OF_BUILDING: u32 = 3;
const ALLOCATOR: &str = include_str!("../../templates/alloc/lib.rs");

/// The compiled runtime.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Runtime {
    /// Counters, tracker, driver: linked to every crate that holds a hook.
    pub library: PathBuf,
    /// The tracking `#[global_allocator]`: linked to counting executables only.
    pub allocator: PathBuf,
    /// Replaces the compiler's own `test` crate; `None` if this compiler does not accept it.
    pub libtest: Option<PathBuf>,
    /// It can take the place of the recorder in the library `memprof`.
    pub embeds: bool,
    /// Hash of sources, edits and compiler.
    pub hash: String,
}

impl Runtime {
    /// Compiles the runtime below `dir`, unless it is there already.
    pub fn build(toolchain: &Toolchain, dir: &Path) -> Result<Runtime> {
        let mut hasher = DefaultHasher::new();
        let harnesses: Vec<String> = HARNESSES.iter().map(|harness| harness.texts()).collect();
        (RUNTIME, ALLOCATOR, harnesses, &toolchain.version).hash(&mut hasher);
        (&toolchain.target, toolchain.static_libc, toolchain.recorder, WAY_OF_BUILDING).hash(&mut hasher);
        let hash = format!("{:016x}", hasher.finish());
        let home = dir.join(format!("runtime-{hash}"));
        let at = |hash: String| {
            let libtest = Some(home.join("libmemprof_libtest.rlib")).filter(|path| path.exists());
            let (library, allocator) = (home.join("libmemprof_rt.rlib"), home.join("libmemprof_alloc.rlib"));
            Runtime { library, allocator, libtest, embeds: toolchain.recorder == Recorder::Whole, hash }
        };
        let runtime = at(hash.clone());
        tidy::note_use(&home);
        if runtime.allocator.exists() {
            return Ok(runtime);
        }
        // A second run at the same time sees all or nothing.
        let folder = Draft::new_in(dir)?;
        let draft = folder.path();
        for folder in ["arch", "portable"] {
            fs::create_dir_all(draft.join(folder))?;
        }
        for (name, text) in RUNTIME {
            fs::write(draft.join(name), text)?;
        }
        fs::write(draft.join("memprof_alloc.rs"), ALLOCATOR)?;
        fs::write(draft.join("memprof_libtest.rs"), Libtest::SOURCE)?;
        let root = match toolchain.recorder {
            Recorder::Whole => "lib.rs",
            Recorder::Portable => "portable.rs",
        };
        compile(toolchain, draft, "memprof_rt", root, &[])?;
        let external = format!("memprof_rt={}", draft.join("libmemprof_rt.rlib").display());
        compile(toolchain, draft, "memprof_alloc", "memprof_alloc.rs", &["--extern", &external])?;
        // Only benches of the compiler's own harness need it: without it they are refused.
        let libtest = compile(toolchain, draft, "memprof_libtest", "memprof_libtest.rs", &["--extern", &external]);
        let rlib = draft.join("libmemprof_libtest.rlib");
        if libtest.is_ok() && !takes_libtest(toolchain, draft)? {
            std::fs::remove_file(&rlib).map_err(|e| Error::file("remove", &rlib, e))?;
        }
        folder.settle(&home)?;
        Ok(at(hash))
    }
}

/// Whether the main function that this compiler makes of `#[bench]` and `#[test]` works with our `test` crate: its
/// expectations of that crate change with compilers.
fn takes_libtest(toolchain: &Toolchain, dir: &Path) -> Result<bool> {
    let probe = dir.join("probe.rs");
    fs::write(&probe, "#![feature(test)]\n#[bench]\nfn a(_: &mut test::Bencher) {}\n#[test]\nfn b() {}\n")?;
    let mut command = Command::new(&toolchain.rustc);
    command.args(["--edition=2021", "--test", "--emit=metadata", "--crate-name", "memprof_probe", "--cap-lints=allow"]);
    command.arg(&probe).arg("--out-dir").arg(dir).arg("--extern");
    command.arg(format!("test={}", dir.join("libmemprof_libtest.rlib").display()));
    command.arg("-L").arg(format!("dependency={}", dir.display())).env("RUSTC_BOOTSTRAP", "1");
    if let Some(target) = &toolchain.target {
        command.args(["--target", target]);
    }
    let out = command.output().map_err(|e| Error::run(&command, e))?;
    Ok(out.status.success())
}

fn compile(toolchain: &Toolchain, dir: &Path, name: &str, source: &str, more: &[&str]) -> Result<()> {
    let mut command = Command::new(&toolchain.rustc);
    // In the folder where the compiler's version was asked: a toolchain file may apply there.
    command.args(["--edition=2021", "--crate-type=rlib", "--crate-name", name]).arg(dir.join(source));
    command.arg("--out-dir").arg(dir);
    command.args(["-Copt-level=3", "-Ccodegen-units=1", "-Cdebuginfo=1", "-Cmetadata=memprof", "--cap-lints=allow"]);
    command.args(more).arg("--remap-path-prefix").arg(format!("{}=/memprof", dir.display()));
    if let Some(target) = &toolchain.target {
        command.args(["--target", target]);
    }
    // As the benches are built: with musl the compiler would choose the static one by itself.
    let musl = toolchain.target.as_ref().is_some_and(|target| target.ends_with("-musl"));
    match toolchain.static_libc {
        true => drop(command.arg("-Ctarget-feature=+crt-static")),
        false if musl => drop(command.arg("-Ctarget-feature=-crt-static")),
        false => (),
    }
    let out = command.output().map_err(|e| Error::run(&command, e))?;
    if !out.status.success() && String::from_utf8_lossy(&out.stderr).contains("No space left on device") {
        return Err(Error::other(format!("cannot write to {}: no space left on device", dir.display())));
    }
    if !out.status.success() {
        let stderr = String::from_utf8_lossy(&out.stderr);
        let first = stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default();
        let compiler = toolchain.version.lines().next().unwrap_or_default();
        if let (true, Some(target)) = (first.contains("E0463"), &toolchain.target) {
            let message = format!("{compiler} has no std for {target}: `rustup target add {target}` installs it");
            return Err(Error::nothing_measured(message));
        }
        let message = format!("the runtime does not compile with {compiler} (Rust 1.70 or newer is needed): {first}");
        return Err(Error::nothing_measured(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_runtime_is_built() {
        let (_, root) = RUNTIME.iter().find(|(file, _)| *file == "lib.rs").unwrap();
        let modules = root
            .lines()
            .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';'));
        // Accessors for tests alone.
        for module in modules.filter(|module| *module != "testing") {
            assert!(RUNTIME.iter().any(|(file, _)| file.strip_suffix(".rs") == Some(module)), "{module}");
        }
    }
}
