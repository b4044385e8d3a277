//! Files: every error names its path, and a file appears under its name whole or not at all.
//!
//! Files of the tool's own are replaced ([`replace`]); a file that the user named as output may be anything
//! ([`write_output`]). Folders that are filled before others see them begin as a [`Draft`].

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::{Error, Result, os};

pub fn read(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    std::fs::read(&path).map_err(|e| Error::file("read", path, e))
}

pub fn read_to_string(path: impl AsRef<Path>) -> Result<String> {
    read_text(&path).map_err(|e| Error::file("read", path, e))
}

/// The text of a file that a person may have put there: a link may lead to a device without an end.
pub fn read_text(path: impl AsRef<Path>) -> std::io::Result<String> {
    const MOST: u64 = 256 << 20;
    let bytes = read_bounded(File::open(path)?, MOST)?;
    String::from_utf8(bytes).map_err(|_| std::io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

/// The bytes of an input that a person named; as [`read_text`], but for larger ones.
pub fn read_input(path: impl AsRef<Path>) -> std::io::Result<Vec<u8>> {
    read_bounded(File::open(path)?, MOST_INPUT)
}

/// More than any profile or result has.
pub const MOST_INPUT: u64 = 1 << 30;

/// All of `from`, unless that is more than `most` bytes.
pub fn read_bounded(from: impl std::io::Read, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= most {
        true => Ok(bytes),
        false => {
            let error = format!("it has more than {} MiB, or no end", most >> 20);
            Err(std::io::Error::new(ErrorKind::FileTooLarge, error))
        }
    }
}

/// Writes a file that nobody else reads yet.
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(&path, bytes).map_err(|e| Error::file("write", path, e))
}

/// The entries of a folder.
pub fn read_dir(path: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(&path).and_then(|all| all.map(|one| Ok(one?.path())).collect());
    entries.map_err(|e| Error::file("read", path, e))
}

pub fn create_dir_all(path: impl AsRef<Path>) -> Result<()> {
    std::fs::create_dir_all(&path).map_err(|e| Error::file("write to", path, e))
}

/// Copies a file; the folder is made.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    create_dir_all(folder(to))?;
    std::fs::copy(from, to).map(drop).map_err(|e| Error::file("write", to, e))
}

/// Replaces the file at `path` as a whole; its folder is made.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    create_dir_all(folder(path))?;
    replace_file(path, bytes, None).map_err(|e| Error::file("write", path, e))
}

/// Puts a symbolic link to `target` at `path`, and replaces a file that is there.
pub fn replace_link(path: &Path, target: &Path) -> Result<()> {
    create_dir_all(folder(path))?;
    let draft = tempfile::Builder::new().make_in(folder(path), |draft| os::symlink(target, draft));
    let replaced = draft.and_then(|draft| draft.persist(path).map_err(|e| e.error));
    replaced.map(drop).map_err(|e| Error::file("make", path, e))
}

/// Writes the file that the user named as output: a regular file, the target of a link or a new file is replaced as a whole; a
/// device, a pipe or a terminal is written to.
pub fn write_output(path: &Path, bytes: &[u8]) -> Result<()> {
    check_output(path)?;
    let write = || match std::fs::metadata(path) {
        Ok(found) if !found.is_file() || is_of_the_system(path) => write_through(path, bytes),
        Ok(found) => {
            let target = path.canonicalize()?;
            match replace_file(&target, bytes, Some(&found)) {
                // A folder that cannot be written to may hold a file that can; a mounted file cannot be renamed over.
                Err(e) if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::ResourceBusy) => {
                    write_through(&target, bytes)
                }
                done => done,
            }
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let target = link_target(path)?;
            std::fs::create_dir_all(folder(&target))?;
            replace_file(&target, bytes, None)
        }
        Err(e) => Err(e),
    };
    write().map_err(|e| Error::file("write", path, e))
}

/// Refuses paths that cannot become an output file, before any slow work is done.
pub fn check_output(path: &Path) -> Result<()> {
    match path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        true => Err(Error::usage(format!("{} is a folder; name a file in it", path.display()))),
        false => Ok(()),
    }
}

/// `/dev/stdout` and similar names mean an open file, not a place to put one.
fn is_of_the_system(path: &Path) -> bool {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.starts_with("/dev") || path.starts_with("/proc")
}

fn write_through(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let kind = std::fs::metadata(path)?.file_type();
    // A socket cannot be opened; its own error says so.
    let mut file = OpenOptions::new().write(true).truncate(!os::is_stream(kind)).open(path)?;
    file.write_all(bytes)?;
    file.flush()
}

/// `path`, or the target of the dangling link there.
fn link_target(path: &Path) -> std::io::Result<PathBuf> {
    /// The limit of Linux.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(target) => path = folder(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(os::link_loop())
}

/// `before`: the file that is replaced; the new one gets its mode and, where permitted, its owner.
fn replace_file(path: &Path, bytes: &[u8], before: Option<&Metadata>) -> std::io::Result<()> {
    let mode = before.map_or(0o666, os::mode);
    let mut draft = draft_file(folder(path), mode)?;
    // Through the file itself: its error does not name the draft.
    draft.as_file_mut().write_all(bytes)?;
    if let Some(before) = before {
        os::give(draft.as_file(), before);
        draft.as_file().set_permissions(before.permissions())?;
    }
    draft.persist(path).map(drop).map_err(|e| e.error)
}

fn draft_file(folder: &Path, mode: u32) -> std::io::Result<NamedTempFile> {
    os::with_mode(&mut tempfile::Builder::new(), mode).tempfile_in(folder)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A folder that gets its name once it is complete; until then, dropping it removes it.
#[derive(Debug)]
pub struct Draft(TempDir);

/// How the names of drafts begin.
pub const DRAFT: &str = ".draft-";

impl Draft {
    /// In `folder`, which is created, and in which the draft will get its name.
    pub fn new_in(folder: &Path) -> Result<Draft> {
        create_dir_all(folder)?;
        let draft = os::with_mode(tempfile::Builder::new().prefix(DRAFT), 0o777).tempdir_in(folder);
        draft.map(Draft).map_err(|e| Error::file("write to", folder, e))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes the name `target`, unless an identical folder took it first.
    pub fn settle(self, target: &Path) -> Result<()> {
        match std::fs::rename(self.path(), target) {
            Err(e) if !target.exists() => Err(Error::file("make", target, e)),
            _ => Ok(()),
        }
    }

    /// Replaces the folder `target` atomically: a reader sees either the old or the new one, complete.
    pub fn replace(self, target: &Path) -> Result<()> {
        exchange(self.path(), target).map_err(|e| Error::file("write", target, e))
    }
}

fn exchange(draft: &Path, target: &Path) -> std::io::Result<()> {
    if !target.exists() {
        return std::fs::rename(draft, target);
    }
    if os::exchange(draft, target)? {
        return Ok(());
    }
    let old = draft.with_extension("old");
    std::fs::rename(target, &old)?;
    std::fs::rename(draft, target)?;
    std::fs::rename(&old, draft)
}

/// Opens a file to lock it.
pub fn lock_file(path: &Path) -> Result<File> {
    File::create(path).map_err(|e| Error::file("write", path, e))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

    use super::*;

    fn only(dir: &Path, names: &[&str]) {
        let mut found: Vec<_> =
            read_dir(dir).unwrap().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        found.sort();
        assert_eq!(found, names);
    }

    #[test]
    fn an_input_without_an_end_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert_eq!(read_text(&link).unwrap_err().to_string(), "it has more than 256 MiB, or no end");
        assert_eq!(read_bounded(&b"1234"[..], 4).unwrap(), b"1234");
        assert_eq!(read_bounded(&b"12345"[..], 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn an_output_keeps_its_links_and_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        write(at("file"), "old").unwrap();
        std::fs::set_permissions(at("file"), Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        std::os::unix::fs::symlink("new", at("dangling")).unwrap();
        write_output(&at("link"), b"1").unwrap();
        write_output(&at("dangling"), b"2").unwrap();
        assert!(at("link").is_symlink() && at("dangling").is_symlink());
        assert_eq!((read(at("file")).unwrap(), read(at("new")).unwrap()), (b"1".to_vec(), b"2".to_vec()));
        assert_eq!(at("file").metadata().unwrap().permissions().mode() & 0o777, 0o640);
        only(dir.path(), &["dangling", "file", "link", "new"]);
    }

    #[test]
    fn a_pipe_is_written_to_and_a_full_device_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        os::make_fifo(&fifo).unwrap();
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::read(fifo).unwrap()
        });
        write_output(&fifo, b"data").unwrap();
        assert_eq!(reader.join().unwrap(), b"data");
        assert!(fifo.metadata().unwrap().file_type().is_fifo());
        assert!(
            write_output(Path::new("/dev/full"), b"data").unwrap_err().line().starts_with("cannot write /dev/full: ")
        );
        let folder = write_output(dir.path(), b"data").unwrap_err();
        assert_eq!(folder.exit_code(), crate::exit::USAGE);
        only(dir.path(), &["fifo"]);
    }

    #[test]
    fn a_draft_settles_once_and_replaces_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        for text in ["first", "second"] {
            let draft = Draft::new_in(dir.path()).unwrap();
            write(draft.path().join("file"), text).unwrap();
            draft.settle(&target).unwrap();
        }
        assert_eq!(read_to_string(target.join("file")).unwrap(), "first");
        let draft = Draft::new_in(dir.path()).unwrap();
        write(draft.path().join("file"), "third").unwrap();
        draft.replace(&target).unwrap();
        assert_eq!(read_to_string(target.join("file")).unwrap(), "third");
        drop(Draft::new_in(dir.path()).unwrap());
        only(dir.path(), &["target"]);
    }
}
