//! The recorder of a platform.

use crate::{Error, Result};

/// How much of the recorder works there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recorder {
    /// Counts, stacks, CPU samples.
    Whole,
    /// Counts and times, by portable code alone.
    Portable,
}

/// Set to `portable`, it has the portable recorder built wherever the other works, too: to try it.
const VARIABLE: &str = "MEMPROF_RECORDER";

impl Recorder {
    /// The one for a target triple.
    ///
    /// # Errors
    /// There is none.
    pub fn of(platform: &str) -> Result<Recorder> {
        let (processor, system) = platform.split_once('-').unwrap_or((platform, ""));
        let known = matches!(processor, "x86_64" | "aarch64");
        let linux = system.contains("-linux-") && (system.ends_with("-gnu") || system.ends_with("-musl"));
        if known && linux {
            let portable = std::env::var_os(VARIABLE).is_some_and(|value| value == "portable");
            return Ok(if portable { Recorder::Portable } else { Recorder::Whole });
        }
        if known && (system.starts_with("apple-darwin") || system.starts_with("pc-windows-")) {
            return Ok(Recorder::Portable);
        }
        Err(Error::nothing_measured(format!(
            "{platform} has no recorder (`rustc --print target-list` has the names): Linux on x86_64 and aarch64 (gnu, musl) can be \
             measured, macOS and Windows by counts alone; compare, report, pprof, merge and check --last-run work on results from \
             anywhere"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_its_recorder() {
        for (platform, recorder) in [
            ("x86_64-unknown-linux-gnu", Recorder::Whole),
            ("aarch64-unknown-linux-gnu", Recorder::Whole),
            ("x86_64-alpine-linux-musl", Recorder::Whole),
            ("aarch64-unknown-linux-musl", Recorder::Whole),
            ("aarch64-apple-darwin", Recorder::Portable),
            ("x86_64-pc-windows-gnu", Recorder::Portable),
            ("aarch64-pc-windows-msvc", Recorder::Portable),
        ] {
            assert_eq!(Recorder::of(platform).unwrap(), recorder, "{platform}");
        }
        for platform in [
            "riscv64gc-unknown-linux-gnu",
            "x86_64-unknown-linux-gnux32",
            "aarch64-linux-android",
            "armv7-unknown-linux-gnueabihf",
            "wasm32-wasip1",
            "i686-pc-windows-gnu",
            "",
        ] {
            let error = Recorder::of(platform).unwrap_err().to_string();
            assert!(error.starts_with(platform) && !error.contains('\n'), "{error}");
        }
    }
}
