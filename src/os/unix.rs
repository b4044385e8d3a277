//! Linux, macOS and other Unixes.

use std::ffi::OsString;
use std::fs::{File, FileType, Metadata, Permissions};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions};
use rustix::time::{ClockId, clock_gettime};

pub use rustix::process::Pid;
pub use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
pub use signal_hook::iterator::Signals;
pub use signal_hook::low_level::signal_name;
pub use std::os::unix::fs::symlink;
pub use std::os::unix::net::UnixListener;

/// Signals that ask a process to end.
pub const REQUESTS_TO_END: &[i32] = &[SIGINT, SIGTERM, SIGHUP];

/// A string as another process wrote it.
pub fn os_string(bytes: Vec<u8>) -> OsString {
    OsString::from_vec(bytes)
}

/// Starts the command in a group of its own.
pub fn in_own_group(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

/// Has the program see itself started by this name.
pub fn named(command: &mut Command, name: &Path) {
    command.arg0(name);
}

/// Replaces this process; returns only if it cannot.
pub fn become_(command: &mut Command) -> io::Error {
    command.exec()
}

/// Ends this process as the signal would.
pub fn die_of(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// The signal that ended a process.
pub fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Whether the error says that the file is no executable of this machine.
pub fn is_foreign(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error())
}

pub fn terminate(process: u32) {
    if let Some(pid) = Pid::from_raw(process as i32) {
        let _ = rustix::process::kill_process(pid, Signal::TERM);
    }
}

/// Ends a process that was started in a group of its own, with all that it started.
pub fn kill_group(process: u32) {
    if let Some(group) = Pid::from_raw(process as i32) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
}

pub fn send(pid: Pid, signal: i32) {
    if let Some(signal) = Signal::from_named_raw(signal) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Waits until the process has ended; it is left to be reaped.
pub fn wait_for_end(pid: Pid) {
    while let Err(Errno::INTR) =
        rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
    {}
}

/// Whether keys typed at a terminal reach this process and its children.
pub fn is_in_foreground() -> bool {
    let terminal = File::open("/dev/tty");
    terminal.is_ok_and(|terminal| {
        rustix::termios::tcgetpgrp(terminal).is_ok_and(|group| group == rustix::process::getpgrp())
    })
}

/// This process's stderr, for another one.
pub fn stderr() -> io::Result<Stdio> {
    io::stderr().as_fd().try_clone_to_owned().map(Stdio::from)
}

/// CLOCK_MONOTONIC in nanoseconds.
pub fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Of the calling thread.
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The most bytes that a file may have (ulimit -f).
pub fn largest_file() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current.unwrap_or(u64::MAX)
}

/// From now on it is an error to write more, and does not end this process.
pub fn outlive_the_file_limit() {
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
}

/// Whether files can be made in the folder.
pub fn may_write_in(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)?)
}

/// Waits so long for something to read; whether it came.
pub fn is_readable(file: &File, patience: Duration) -> io::Result<bool> {
    let patience = Timespec { tv_sec: 0, tv_nsec: i64::from(patience.subsec_nanos()) };
    match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&patience)) {
        Err(Errno::INTR) => Ok(false),
        came => Ok(came? > 0),
    }
}

/// The user who runs this.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

pub fn owner(metadata: &Metadata) -> u32 {
    metadata.uid()
}

pub fn mode(metadata: &Metadata) -> u32 {
    metadata.mode()
}

pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

/// A temporary file or folder with this mode, less the user's mask.
pub fn with_mode<'a, 'b, 'c>(
    builder: &'a mut tempfile::Builder<'b, 'c>,
    mode: u32,
) -> &'a mut tempfile::Builder<'b, 'c> {
    builder.permissions(Permissions::from_mode(mode))
}

/// Gives the file the owner of another one, where permitted.
pub fn give(file: &File, as_of: &Metadata) {
    let owner = (rustix::fs::Uid::from_raw(as_of.uid()), rustix::fs::Gid::from_raw(as_of.gid()));
    let _ = rustix::fs::fchown(file, Some(owner.0), Some(owner.1));
}

/// A folder that only this user can enter.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// The same for all names of one file; `None` if nothing tells.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Whether it is written to as it is read, piece by piece.
pub fn is_stream(kind: FileType) -> bool {
    kind.is_fifo() || kind.is_char_device() || kind.is_block_device()
}

/// The error of a link that leads to itself.
pub fn link_loop() -> io::Error {
    Errno::LOOP.into()
}

/// Exchanges two files; false if the file system cannot.
pub fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS) => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

/// Locks the file until it is closed; false if another process has it.
pub fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes a named pipe that only this user may open.
pub fn make_fifo(path: &Path) -> io::Result<()> {
    #[cfg(not(target_vendor = "apple"))]
    {
        use rustix::fs::{Mode, mknodat};
        Ok(mknodat(CWD, path, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
    }
    #[cfg(target_vendor = "apple")]
    {
        let status = Command::new("mkfifo").args(["-m", "600"]).arg(path).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other("mkfifo failed")) }
    }
}

/// Binds a socket that nobody else can open at any moment. One that was left by a server that was killed is replaced.
pub fn private_socket(path: &Path) -> io::Result<UnixListener> {
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() || std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound?;
    set_mode(path, 0o600)?;
    Ok(listener)
}

/// A file in memory, that goes when its last user does.
#[cfg(target_os = "linux")]
pub fn file_in_memory() -> io::Result<File> {
    Ok(rustix::fs::memfd_create("memprof", rustix::fs::MemfdFlags::CLOEXEC)?.into())
}

#[cfg(not(target_os = "linux"))]
pub fn file_in_memory() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// By this path another process of the same user opens the file.
pub fn path_of(file: &File) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())
}

/// Bytes of the file that take room.
pub fn resident(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.blocks() * 512)
}

pub fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(bytes, offset)
}

pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}
