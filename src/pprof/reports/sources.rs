//! Finds and reads source files. A profile's paths are those of the machine that built the program: this trims
//! prefixes and searches directories as pprof does. If the user has not said where sources are, it tries the places
//! where Rust keeps them: cargo's registry and git checkouts, and the standard library's sources in the toolchain.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::pprof::profile::path::{base, clean};

/// A line longer than this ends the file, as in pprof.
const MAX_LINE: usize = 64 << 10;

/// `path` without the prefix that `trim` names, or, if that is empty, without everything up to a directory with the
/// name of one in `search`; `None` if nothing is cut. Both are lists with colons.
pub fn trim_path<'a>(path: &'a str, trim: &str, search: &str) -> Option<&'a str> {
    if trim.is_empty() {
        for directory in split_list(search) {
            let wanted = format!("/{}/", base(directory));
            if let Some(found) = path.find(&wanted) {
                return Some(&path[found + wanted.len()..]);
            }
        }
    }
    for prefix in split_list(trim).chain(["/proc/self/cwd/./", "/proc/self/cwd/"]) {
        let rest = path.strip_prefix(prefix);
        let rest = if prefix.ends_with('/') { rest } else { rest.and_then(|rest| rest.strip_prefix('/')) };
        if rest.is_some() {
            return rest;
        }
    }
    None
}

fn split_list(list: &str) -> impl Iterator<Item = &str> {
    list.split(':').filter(move |_| !list.is_empty())
}

/// Reads source files, each one once.
pub struct Sources {
    search: String,
    trim: String,
    /// The user has not said where sources are.
    anywhere: bool,
    /// Read only files that look like source files by name and size.
    careful: bool,
    files: HashMap<String, Result<Vec<String>, String>>,
}

impl Sources {
    /// Searches the directories of `source_path` (the current one if empty), after trimming `trim_path`.
    pub fn new(source_path: &str, trim_path: &str) -> Result<Self, String> {
        let search = if source_path.is_empty() {
            let here = std::env::current_dir().map_err(|error| format!("could not stat current dir: {error}"))?;
            here.to_string_lossy().into_owned()
        } else {
            source_path.into()
        };
        let anywhere = source_path.is_empty() && trim_path.is_empty();
        Ok(Sources { search, trim: trim_path.into(), anywhere, careful: false, files: HashMap::new() })
    }

    /// For pages, which other people may see: a profile can name any file, so this only reads a file that has a source
    /// file's name, whose path does not climb up, and that is not too large.
    pub fn careful(mut self) -> Self {
        self.careful = true;
        self
    }

    /// The lines of the file that a profile calls `path`. The error is the text to print in the file's place.
    pub fn lines(&mut self, path: &str) -> Result<&[String], String> {
        if !self.files.contains_key(path) {
            let lines = self.open(path).map(read_lines);
            self.files.insert(path.into(), lines);
        }
        match &self.files[path] {
            Ok(lines) => Ok(lines),
            Err(error) => Err(error.clone()),
        }
    }

    /// The error of an earlier attempt to read the file.
    pub fn known_error(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_ref().err().map(String::as_str)
    }

    fn open(&self, recorded: &str) -> Result<File, String> {
        let refused = || Err(format!("{recorded} is not shown: it is not called like a source file"));
        // Check before searching, so as not to reveal whether other files exist.
        if self.careful && !is_source_name(recorded) {
            return refused();
        }
        let path = self.find(recorded)?;
        let opened =
            |path: &Path| File::open(path).map_err(|error| format!("open {}: {}", path.display(), plain_error(&error)));
        if !self.careful {
            return opened(&path);
        }
        // A link's name does not show its target.
        let real = std::fs::canonicalize(&path)
            .map_err(|error| format!("open {}: {}", path.display(), plain_error(&error)))?;
        if !is_source_name(&real.to_string_lossy()) {
            return refused();
        }
        match real.metadata() {
            Ok(data) if data.is_file() && data.len() <= LARGEST_SOURCE => opened(&real),
            _ => Err(format!("{recorded} is not shown: it is no file, or too large for a source file")),
        }
    }

    /// The path of the file.
    fn find(&self, recorded: &str) -> Result<PathBuf, String> {
        self.find_as_pprof(recorded).or_else(|error| {
            let places = if self.anywhere { rust_places(recorded) } else { Vec::new() };
            places.into_iter().find(|path| path.exists()).ok_or(error)
        })
    }

    fn find_as_pprof(&self, recorded: &str) -> Result<PathBuf, String> {
        let path = trim_path(recorded, &self.trim, &self.search).unwrap_or(recorded);
        if path.starts_with('/') {
            // Opening the file will report the error.
            let error = |error| format!("open {path}: {}", plain_error(&error));
            return std::fs::metadata(path).map_err(error).map(|_| path.into());
        }
        for directory in split_list(&self.search) {
            let mut directory = directory.to_string();
            loop {
                let place = PathBuf::from(clean(&format!("{directory}/{path}")));
                if place.exists() {
                    return Ok(place);
                }
                let parent = parent(&directory);
                if parent == directory {
                    break;
                }
                directory = parent;
            }
        }
        Err(format!("could not find file {path} on path {}", self.search))
    }
}

/// A larger file was generated by a program; people do not read it.
const LARGEST_SOURCE: u64 = 16 << 20;

/// Suffixes of source files that compilers name in debug information.
const SOURCE_ENDINGS: [&str; 45] = [
    "rs", "go", "c", "h", "cc", "cpp", "cxx", "c++", "hpp", "hh", "hxx", "h++", "inl", "inc", "ipp", "tcc", "s", "asm",
    "m", "mm", "d", "zig", "nim", "v", "f", "f77", "f90", "f95", "f03", "jl", "swift", "java", "kt", "scala", "groovy",
    "py", "pyx", "rb", "php", "js", "ts", "ml", "hs", "cs", "y",
];

/// Whether `path` has a source file's name and does not climb up.
fn is_source_name(path: &str) -> bool {
    let ending =
        base(path).rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ending)| ending.to_lowercase());
    let climbs = path.split('/').any(|part| part == "..");
    let special = ["/proc/", "/sys/", "/dev/"]
        .iter()
        .any(|start| path.starts_with(start) && !path.starts_with("/proc/self/cwd/"));
    !climbs && !special && ending.is_some_and(|ending| SOURCE_ENDINGS.contains(&ending.as_str()))
}

/// The parent directory; for `.` and `/`, themselves.
fn parent(path: &str) -> String {
    match path.rfind('/') {
        Some(slash) => clean(&path[..=slash]),
        None => ".".into(),
    }
}

/// An operating system's error, without Rust's additions.
pub fn plain_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

fn read_lines(file: File) -> Vec<String> {
    let mut reader = BufReader::new(file);
    let mut lines = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(1..) if line.len() <= MAX_LINE => {}
            _ => return lines,
        }
        if line.ends_with(b"\n") {
            line.pop();
        }
        if line.ends_with(b"\r") {
            line.pop();
        }
        lines.push(String::from_utf8_lossy(&line).into_owned());
    }
}

/// Places where this machine may have a file of another machine's registry, checkouts or standard library.
fn rust_places(recorded: &str) -> Vec<PathBuf> {
    let mut places = Vec::new();
    // A directory above may share its name with the current one; then the path lost its beginning.
    places.extend(recorded.starts_with('/').then(|| PathBuf::from(recorded)));
    if let Some((_, inside)) = recorded.split_once("/registry/src/") {
        // The index's directory has a different name on every machine; the package's does not.
        if let (Some((_, inside)), Some(home)) = (inside.split_once('/'), cargo_home()) {
            places.extend(subdirectories(&home.join("registry/src")).into_iter().map(|index| index.join(inside)));
        }
    }
    if let (Some((_, inside)), Some(home)) = (recorded.split_once("/git/checkouts/"), cargo_home()) {
        places.push(home.join("git/checkouts").join(inside));
    }
    let library = ["/rustc/", "/rustlib/src/rust/"].iter().find_map(|mark| {
        let (_, inside) = recorded.split_once(mark)?;
        Some(&inside[inside.find("library/")?..])
    });
    if let (Some(library), Some(sysroot)) = (library, sysroot()) {
        places.push(sysroot.join("lib/rustlib/src/rust").join(library));
    }
    places
}

fn cargo_home() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

fn subdirectories(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// The toolchain's directory; asks rustc once.
fn sysroot() -> Option<&'static Path> {
    static SYSROOT: std::sync::OnceLock<Option<PathBuf>> = std::sync::OnceLock::new();
    let ask = || {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = std::process::Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
        Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
    };
    SYSROOT.get_or_init(ask).as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_trimmed_as_pprof_does() {
        assert_eq!(trim_path("/a/src/b.rs", "/a", ""), Some("src/b.rs"));
        assert_eq!(trim_path("/a/src/b.rs", "/x:/a/src/", ""), Some("b.rs"));
        assert_eq!(trim_path("/far/project/src/b.rs", "", "/here/project"), Some("src/b.rs"));
        assert_eq!(trim_path("/far/project/src/b.rs", "/nowhere", "/here/project"), None);
        assert_eq!(trim_path("/proc/self/cwd/x.c", "", ""), Some("x.c"));
        assert_eq!(trim_path("/ab/c", "/a", ""), None);
    }

    #[test]
    fn pages_show_source_files_only() {
        for name in ["/w/src/lib.rs", "main.go", "/proc/self/cwd/x.c", "/usr/include/c++/12/bits/stl_vector.h", "X.ASM"]
        {
            assert!(is_source_name(name), "{name}");
        }
        for name in [
            "/etc/passwd",
            "../../x.rs",
            "/w/../../etc/x.rs",
            "/proc/self/environ",
            "/proc/1/x.rs",
            ".rs",
            "",
            "/w/id_rsa",
            "/w/a.key",
        ] {
            assert!(!is_source_name(name), "{name}");
        }
        let mut sources = Sources::new("/", "").unwrap().careful();
        assert_eq!(
            sources.lines("/etc/passwd").unwrap_err(),
            "/etc/passwd is not shown: it is not called like a source file"
        );
    }

    #[test]
    fn parents_end() {
        assert_eq!(["a/b", "a", ".", "/", "/a"].map(parent), ["a", ".", ".", "/", "/"]);
    }
}
