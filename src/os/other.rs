//! Systems without the ways of Unix: Windows. Files are read and compared there as anywhere; benches have counts and times;
//! programs are not recorded, and what serves only them is refused.

use std::ffi::OsString;
use std::fs::{File, FileType, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::num::NonZeroI32;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub use signal_hook::consts::{SIGINT, SIGTERM};

/// Numbers that no signal has here.
pub const SIGHUP: i32 = -1;
pub const SIGQUIT: i32 = -2;
pub const SIGUSR1: i32 = -3;
pub const SIGUSR2: i32 = -4;

/// Signals that ask a process to end.
pub const REQUESTS_TO_END: &[i32] = &[SIGINT, SIGTERM];

fn unsupported<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The number of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pid(NonZeroI32);

impl Pid {
    pub const INIT: Pid = Pid(NonZeroI32::MIN);

    pub fn from_raw(number: i32) -> Option<Pid> {
        NonZeroI32::new(number).map(Pid)
    }

    pub fn as_raw_nonzero(self) -> NonZeroI32 {
        self.0
    }
}

/// Signals that came: none.
#[derive(Debug)]
pub struct Signals;

impl Signals {
    pub fn new<T>(_: T) -> io::Result<Signals> {
        Ok(Signals)
    }

    pub fn pending(&mut self) -> std::iter::Empty<i32> {
        std::iter::empty()
    }
}

pub fn signal_name(_: i32) -> Option<&'static str> {
    None
}

/// A socket with a path: there is none.
#[derive(Debug)]
pub enum UnixListener {}

/// A string as another process wrote it.
pub fn os_string(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// Ctrl-C reaches all processes of a console.
pub fn in_own_group(command: &mut Command) -> &mut Command {
    command
}

/// A program has its own name.
pub fn named(_: &mut Command, _: &Path) {}

/// Runs the command in place of this process; returns only if it cannot be started.
pub fn become_(command: &mut Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}

/// A process ends by its exit code.
pub fn die_of(_: i32) {}

/// No signal ends a process.
pub fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}

/// Whether the error says that the file is no executable of this machine (ERROR_BAD_EXE_FORMAT).
pub fn is_foreign(error: &io::Error) -> bool {
    error.raw_os_error() == Some(193)
}

pub fn terminate(process: u32) {
    kill_group(process);
}

/// Ends a process with all that it started.
pub fn kill_group(process: u32) {
    let mut command = Command::new("taskkill");
    command.args(["/T", "/F", "/PID", &process.to_string()]);
    let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

pub fn send(_: Pid, _: i32) {}

pub fn wait_for_end(_: Pid) {}

/// Whether keys typed at a terminal reach this process and its children.
pub fn is_in_foreground() -> bool {
    true
}

/// This process's stderr, for another one.
pub fn stderr() -> io::Result<Stdio> {
    Ok(Stdio::inherit())
}

/// Nanoseconds since this was first asked.
pub fn monotonic() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Not less than that of the calling thread.
pub fn thread_cpu_time() -> Duration {
    Duration::from_nanos(monotonic())
}

pub fn largest_file() -> u64 {
    u64::MAX
}

pub fn outlive_the_file_limit() {}

pub fn may_write_in(folder: &Path) -> io::Result<()> {
    folder.metadata().map(drop)
}

/// There is no file to wait at.
pub fn is_readable(_: &File, _: Duration) -> io::Result<bool> {
    unsupported()
}

/// The user who runs this, as [`owner`] says it: folders of other users cannot be written to.
pub fn user() -> u32 {
    0
}

pub fn owner(_: &Metadata) -> u32 {
    0
}

pub fn mode(_: &Metadata) -> u32 {
    0o700
}

pub fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// A folder's own rules hold.
pub fn with_mode<'a, 'b, 'c>(builder: &'a mut tempfile::Builder<'b, 'c>, _: u32) -> &'a mut tempfile::Builder<'b, 'c> {
    builder
}

pub fn give(_: &File, _: &Metadata) {}

/// A folder among the user's own.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir(path)
}

/// The same for all names of one file; `None` if nothing tells.
pub fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

/// Whether it is written to as it is read, piece by piece.
pub fn is_stream(kind: FileType) -> bool {
    !kind.is_file() && !kind.is_dir() && !kind.is_symlink()
}

/// The error of a link that leads to itself.
pub fn link_loop() -> io::Error {
    io::Error::other("too many symbolic links")
}

/// Exchanges two files; false if the file system cannot.
pub fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Links need a privilege: a copy does where they are refused.
pub fn symlink(target: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let (target, link) = (target.as_ref(), link.as_ref());
    if !target.is_dir() {
        return std::fs::hard_link(target, link).or_else(|_| std::fs::copy(target, link).map(drop));
    }
    std::fs::create_dir(link)?;
    for entry in std::fs::read_dir(target)? {
        let entry = entry?;
        symlink(entry.path(), link.join(entry.file_name()))?;
    }
    Ok(())
}

/// Locks the file until it is closed; false if another process has it.
pub fn try_lock(_: &File) -> io::Result<bool> {
    Ok(true)
}

pub fn make_fifo(_: &Path) -> io::Result<()> {
    unsupported()
}

pub fn private_socket(_: &Path) -> io::Result<UnixListener> {
    unsupported()
}

pub fn file_in_memory() -> io::Result<File> {
    unsupported()
}

pub fn path_of(_: &File) -> String {
    String::new()
}

pub fn resident(_: &File) -> u64 {
    0
}

pub fn read_at(mut file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek(SeekFrom::Start(offset))?;
    file.read(bytes)
}

pub fn write_all_at(mut file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}
