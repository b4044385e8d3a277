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

/// Whether a source file in `folder` or below has a `#[bench]`.
pub fn declares_benches(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            return declares_benches(&path);
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
    fn a_bench_is_seen() {
        assert!(has_bench("mod a {\n    #[bench]\n    fn x(b: &mut Bencher) {}\n}\n"));
        assert!(has_bench("#[cfg_attr(nightly, bench)] fn x() {}"));
        assert!(!has_bench("// #[bench]\n/// #[bench]\nfn bench() {}\n"));
    }
}
