//! The arguments of one rustc call, as far as the wrapper needs to understand them.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::{Error, Result, fs};

/// Options of rustc that take their value from the next word; needed to tell the source file from a value.
const WITH_VALUE: &[&str] = &[
    "--cfg",
    "--check-cfg",
    "-L",
    "-l",
    "--crate-type",
    "--crate-name",
    "--edition",
    "--emit",
    "--print",
    "-o",
    "--out-dir",
    "--explain",
    "--target",
    "-A",
    "--allow",
    "-W",
    "--warn",
    "--force-warn",
    "-D",
    "--deny",
    "-F",
    "--forbid",
    "--cap-lints",
    "-C",
    "--codegen",
    "-Z",
    "--extern",
    "--sysroot",
    "--error-format",
    "--json",
    "--color",
    "--diagnostic-width",
    "--remap-path-prefix",
    "--env-set",
];

/// One rustc call.
#[derive(Clone)]
pub struct Arguments {
    pub all: Vec<OsString>,
    /// They came in a file, because the line would have been too long.
    in_file: bool,
}

impl Arguments {
    /// Reads `@file` arguments too: cargo uses one where the line would be too long.
    pub fn new(args: &[OsString]) -> Result<Arguments> {
        let (mut all, mut in_file) = (Vec::with_capacity(args.len()), false);
        for arg in args {
            match arg.to_str().and_then(|arg| arg.strip_prefix('@')) {
                Some(file) => {
                    in_file = true;
                    all.extend(fs::read_to_string(file)?.lines().map(OsString::from));
                }
                None => all.push(arg.clone()),
            }
        }
        Ok(Arguments { all, in_file })
    }

    /// The command line for the next program. If the arguments came in a file, it names a new one in `folder`, which
    /// must outlive this process.
    pub fn line(&self, folder: &Path) -> Result<Vec<OsString>> {
        if !self.in_file {
            return Ok(self.all.clone());
        }
        let write = || {
            let mut file = tempfile::Builder::new().prefix("arguments-").tempfile_in(folder)?;
            for arg in &self.all {
                file.write_all(arg.as_encoded_bytes())?;
                file.write_all(b"\n")?;
            }
            Ok(file.keep()?.1)
        };
        let path: PathBuf = write().map_err(|e| Error::file("write to", folder, e))?;
        let mut line = OsString::from("@");
        line.push(path);
        Ok(vec![line])
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|arg| arg.to_str().unwrap_or(""))
    }

    /// The value of the last `name VALUE` or `name=VALUE`.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut found = None;
        let mut words = self.words();
        while let Some(word) = words.next() {
            if word == name {
                found = words.next();
            } else if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                found = Some(value);
            }
        }
        found
    }

    /// The user's `--remap-path-prefix FROM=TO`, in their order.
    pub fn remappings(&self) -> Vec<(PathBuf, PathBuf)> {
        const NAME: &str = "--remap-path-prefix";
        let (mut found, mut previous) = (Vec::new(), "");
        for word in self.words() {
            let value = if previous == NAME { Some(word) } else { word.strip_prefix("--remap-path-prefix=") };
            if let Some((from, to)) = value.and_then(|value| value.rsplit_once('=')) {
                found.push((PathBuf::from(from), PathBuf::from(to)));
            }
            previous = word;
        }
        found
    }

    pub fn has(&self, flag: &str) -> bool {
        self.words().any(|word| word == flag)
    }

    /// All values of `-C KEY=VALUE` or `-CKEY=VALUE`.
    pub fn codegen(&self, key: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let mut previous = "";
        for word in self.words() {
            let option = match previous {
                "-C" | "--codegen" => Some(word),
                _ => word.strip_prefix("-C"),
            };
            if let Some(value) = option.and_then(|option| option.strip_prefix(key)?.strip_prefix('=')) {
                found.push(value);
            }
            previous = word;
        }
        found
    }

    /// Place of the source file among the arguments.
    fn source_place(&self) -> Option<usize> {
        let mut place = 0;
        while place < self.all.len() {
            let word = self.all[place].to_str().unwrap_or("");
            if WITH_VALUE.contains(&word) {
                place += 2;
            } else if word.starts_with('-') {
                place += 1;
            } else {
                return Path::new(&self.all[place]).extension().is_some_and(|e| e == "rs").then_some(place);
            }
        }
        None
    }

    /// The crate's root source, as it was given.
    pub fn source_argument(&self) -> Option<&Path> {
        Some(Path::new(&self.all[self.source_place()?]))
    }

    /// The crate's root source, absolute.
    pub fn source(&self) -> Option<PathBuf> {
        std::path::absolute(self.source_argument()?).ok()
    }

    pub fn set_source(&mut self, source: &Path) {
        if let Some(place) = self.source_place() {
            self.all[place] = source.into();
        }
    }

    pub fn push(&mut self, arg: impl AsRef<OsStr>) {
        self.all.push(arg.as_ref().to_owned());
    }

    /// Lets the crate name `library`.
    pub fn link(&mut self, name: &str, library: &Path) {
        self.push("--extern");
        self.push(format!("{name}={}", library.display()));
    }

    /// Replaces the value of `-C KEY=…`, or drops it if there is no new one.
    pub fn set_codegen(&mut self, key: &str, value: Option<&str>) {
        let mut out = Vec::with_capacity(self.all.len());
        let mut words = std::mem::take(&mut self.all).into_iter().peekable();
        let matches = |option: &str| option.strip_prefix(key).is_some_and(|rest| rest.starts_with('='));
        while let Some(word) = words.next() {
            let split = word == "-C" && words.peek().and_then(|next| next.to_str()).is_some_and(matches);
            if split {
                words.next();
            } else if !word.to_str().and_then(|word| word.strip_prefix("-C")).is_some_and(matches) {
                out.push(word);
                continue;
            }
            if let Some(value) = value {
                out.push("-C".into());
                out.push(format!("{key}={value}").into());
            }
        }
        self.all = out;
    }

    /// Replaces the value of `--emit`.
    pub fn set_emit(&mut self, kinds: &str) {
        for i in 0..self.all.len() {
            if self.all[i].to_str().is_some_and(|word| word.starts_with("--emit=")) {
                self.all[i] = format!("--emit={kinds}").into();
            } else if i > 0 && self.all[i - 1] == "--emit" {
                self.all[i] = kinds.into();
            }
        }
    }

    /// Where rustc writes a file of this call: `OUT-DIR/CRATE` + extra-filename + `suffix`.
    pub fn output(&self, suffix: &str) -> Option<PathBuf> {
        let extra = self.codegen("extra-filename").last().copied().unwrap_or("");
        let name = format!("{}{extra}{suffix}", self.value("--crate-name")?);
        Some(Path::new(self.value("--out-dir")?).join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::new(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn finds_the_source_among_values() {
        let args = arguments(
            "--crate-name pool --edition=2021 --cfg x.rs benches/pool.rs --emit=dep-info,link -C opt-level=3",
        );
        assert!(args.source().unwrap().ends_with("benches/pool.rs"));
        assert_eq!(args.value("--crate-name"), Some("pool"));
        assert_eq!(args.codegen("opt-level"), ["3"]);
    }

    #[test]
    fn what_came_in_a_file_goes_on_in_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("long");
        std::fs::write(&file, "--crate-name\npool\nbenches/my pool.rs\n").unwrap();
        let mut at = OsString::from("@");
        at.push(&file);
        let mut args = Arguments::new(&[at]).unwrap();
        args.push("-Cdebuginfo=1");
        let line = args.line(dir.path()).unwrap();
        let [again] = line.as_slice() else { panic!("{line:?}") };
        let again = std::fs::read_to_string(again.to_str().unwrap().strip_prefix('@').unwrap()).unwrap();
        assert_eq!(again, "--crate-name\npool\nbenches/my pool.rs\n-Cdebuginfo=1\n");
        assert_eq!(arguments("--crate-name pool").line(dir.path()).unwrap(), ["--crate-name", "pool"]);
    }

    #[test]
    fn remappings_are_found_in_both_spellings() {
        let args = arguments("--remap-path-prefix /a=/b x.rs --remap-path-prefix=/c=d=/e");
        let expected = [("/a", "/b"), ("/c=d", "/e")].map(|(from, to)| (PathBuf::from(from), PathBuf::from(to)));
        assert_eq!(args.remappings(), expected);
    }

    #[test]
    fn names_the_output_and_renames_it() {
        let mut args = arguments(
            "--crate-name pool x.rs --out-dir /t/deps -C extra-filename=-12 -Cmetadata=34 --emit=dep-info,link",
        );
        assert_eq!(args.output(".d").unwrap(), Path::new("/t/deps/pool-12.d"));
        args.set_codegen("extra-filename", Some("-12-counted"));
        args.set_codegen("metadata", None);
        args.set_emit("link");
        assert_eq!(args.output("").unwrap(), Path::new("/t/deps/pool-12-counted"));
        assert!(args.has("--emit=link") && args.codegen("metadata").is_empty());
    }
}
