//! libtest's `#[bench]`: a small crate takes the place of the compiler's own `test`, for the user's code and for the main
//! function that rustc makes.

use std::path::Path;

use super::{Call, Harness, Prepared};
use crate::inject::arguments::Arguments;
use crate::inject::wrapper::link_runtime;

/// Compiled with the runtime; Runtime::build knows where it lies.
pub const LIBTEST: Libtest = Libtest;

pub struct Libtest;

impl Libtest {
    /// The crate's source.
    pub const SOURCE: &str = include_str!("../../../templates/libtest/lib.rs");
}

impl Harness for Libtest {
    fn known(&self) -> &'static str {
        "libtest's #[bench]"
    }

    fn is_made_by(&self, call: &Call, args: &Arguments) -> bool {
        call.is_bench_root && args.has("--test")
    }

    fn prepare(&self, call: &Call, args: &mut Arguments) -> anyhow::Result<Prepared> {
        let Some(library) = &call.setup.runtime.libtest else {
            return Ok(Prepared::Refused(format!(
                "`{}` is run by the compiler's own test harness, which this version does not know in this compiler",
                call.crate_name
            )));
        };
        args.push("--extern");
        args.push(format!("test={}", library.display()));
        link_runtime(args, call.setup);
        Ok(Prepared::AsItIs)
    }

    fn texts(&self) -> String {
        Self::SOURCE.to_owned()
    }
}

/// Whether a source file in `folder` or below has a `#[bench]`. Where the sources lie beside Cargo.toml, what belongs to other
/// targets does not count; nor do target directories.
pub fn declares_benches(folder: &Path) -> bool {
    const OTHERS: [&str; 4] = ["benches", "examples", "target", "tests"];
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let is_package = folder.join("Cargo.toml").exists();
    entries.flatten().any(|entry| {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let name = entry.file_name();
            let other = is_package && OTHERS.iter().any(|other| name == *other);
            let hidden = name.to_string_lossy().starts_with('.');
            return !other && !hidden && !path.join("CACHEDIR.TAG").exists() && declares_benches(&path);
        }
        path.extension().is_some_and(|extension| extension == "rs")
            && std::fs::read_to_string(&path).is_ok_and(|text| has_bench(&text))
    })
}

/// `#[bench]` or `#[cfg_attr(…, bench)]`, outside of comments that take the whole line.
fn has_bench(text: &str) -> bool {
    text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")).any(|line| {
        let compact: String = line.split_whitespace().collect();
        compact.contains("#[bench]") || (compact.contains("cfg_attr(") && compact.contains(",bench)]"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_target_s_own_sources_count() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            std::fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(file), text).unwrap();
        };
        write("Cargo.toml", "");
        write("lib.rs", "mod inner;");
        for other in ["benches/a.rs", "target/debug/b.rs", ".git/c.rs"] {
            write(other, "#[bench]");
        }
        assert!(!declares_benches(dir.path()));
        write("inner/mod.rs", "    #[bench]\n");
        assert!(declares_benches(dir.path()));
    }

    #[test]
    fn a_bench_is_seen() {
        assert!(has_bench("mod a {\n    #[bench]\n    fn x(b: &mut Bencher) {}\n}\n"));
        assert!(has_bench("#[cfg_attr(nightly, bench)] fn x() {}"));
        assert!(!has_bench("// #[bench]\n/// #[bench]\nfn bench() {}\n"));
    }
}
