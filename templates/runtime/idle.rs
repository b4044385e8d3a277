//! An executable that was made to run without the tool: it counts, and records once a tool has joined (`attend`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

use crate::{memory, program, shared};

/// The tool finds it in the executable's file by its beginning, and puts its own version and path behind that: two
/// lines.
#[repr(C)]
pub struct Mark {
    begin: [u8; 32],
    tool: [u8; shared::TOOL_BYTES],
}

#[used]
static MARK: Mark = Mark { begin: *b"cargo-memprof: made to wait for\n", tool: [0; shared::TOOL_BYTES] };

/// A tool has joined: from then on stacks are recorded.
static JOINED: AtomicBool = AtomicBool::new(false);

/// Whether recording began later than the program.
pub fn is_joined() -> bool {
    JOINED.load(Ordering::Relaxed)
}

pub fn joined() {
    JOINED.store(true, Ordering::Relaxed);
}

/// Where it is to serve by itself.
static ADDRESS: OnceLock<&'static OsStr> = OnceLock::new();

/// The version and the path that the tool has put there; empty in other executables.
fn tool() -> [u8; shared::TOOL_BYTES] {
    // SAFETY: a static of ours. The compiler must not take its value for known: the file was changed.
    unsafe { ptr::read_volatile(&MARK.tool) }
}

/// Whether this executable was made so.
pub fn is_meant() -> bool {
    tool()[0] != 0
}

/// Begins to count. The program runs as it is where that cannot be.
pub fn begin(address: Option<&'static OsStr>) {
    const PLAN: &[u8] = b"memprof-plan 1\nmode program\nlive 1\nidle 1\nstacks-limit 1048576\n";
    let at = memory::map(PLAN.len());
    if at.is_null() {
        return;
    }
    // SAFETY: that many bytes, which nobody else knows of, and which stay mapped.
    let text = unsafe { std::slice::from_raw_parts_mut(at, PLAN.len()) };
    text.copy_from_slice(PLAN);
    if let Some(address) = address {
        let _ = ADDRESS.set(address);
    }
    program::begin_idle(text, &tool());
}

/// Starts the tool, if this program is to serve by itself. Called on the thread that attends.
pub fn serve() {
    let address = match ADDRESS.get() {
        Some(address) => address,
        None => return,
    };
    let tool = tool();
    let text = &tool[..tool.iter().position(|&byte| byte == 0).unwrap_or(tool.len())];
    let path = text.splitn(2, |&byte| byte == b'\n').nth(1).map(OsStr::from_bytes);
    let program = match path {
        Some(path) if Path::new(path).exists() => path.to_owned(),
        _ => OsString::from("cargo-memprof"),
    };
    let mut command = Command::new(&program);
    command.arg("attach").arg(std::process::id().to_string()).arg("--in-background").arg("--http").arg(address);
    // It starts the server and is gone: no child stays that the program might wait for.
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().and_then(|mut child| child.wait());
    if let Err(error) = ended {
        eprintln!(
            "cargo-memprof: MEMPROF_HTTP: cannot run {}: {}; install it beside this program",
            program.to_string_lossy(),
            error
        );
    }
}
