//! Executables that wait, and tools that join them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{does, end, go, port, printed, target};
use crate::support::web::Server;
use crate::support::{built_in, command, fixture, functions, lock_of, sum, tool};

/// A program that was built to wait.
struct Waiting {
    child: Child,
    port: u16,
}

impl Waiting {
    fn start(command: &mut Command) -> Waiting {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let port = port(child.stdout.take().unwrap());
        Waiting { child, port }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        end(self.port);
        // It may be another program by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn build(folder: &Path) -> PathBuf {
    let _lock = lock_of(&target());
    let output = folder.join("waits");
    let mut command = tool(&fixture("programs"));
    command.args(["build", "--locked", "--bin", "server", "-o"]).arg(&output);
    let built = built_in(command, &target()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    output
}

fn attach(pid: u32) -> Command {
    let mut command = tool(Path::new("/"));
    command.args(["attach", &pid.to_string(), "--http", "127.0.0.1:0"]);
    command
}

#[track_caller]
fn refused(pid: u32, why: &str) {
    let output = attach(pid).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    assert!(text.contains(&pid.to_string()) && text.contains(why), "{text}");
}

#[test]
fn a_program_that_waits_is_joined() {
    let folder = tempfile::tempdir().unwrap();
    let executable = build(folder.path());
    let waiting = Waiting::start(&mut command(&executable, folder.path()));
    does(waiting.port, "leak?100");
    let server = Server::begin(&mut attach(waiting.child.id()), "listening on ", Stdio::null());
    // From now on, and with names even though the file is gone.
    std::fs::remove_file(&executable).unwrap();
    does(waiting.port, "leak?40");
    let heap = server.get("/debug/pprof/heap?debug=1").text();
    assert!(heap.contains("\n40: 40000 [40: 40000] @ 0x") && heap.contains("server::remember_session"), "{heap}");
    let file = folder.path().join("heap");
    std::fs::write(&file, server.get("/debug/pprof/heap").body).unwrap();
    if let Some(printed) = go(&["-top", file.to_str().unwrap()], folder.path()) {
        assert!(printed.contains("server::remember_session"), "{printed}");
    }
    let profile = server.get("/debug/pprof/profile?seconds=1");
    assert_eq!(profile.status, 200, "{}", profile.text());
    refused(waiting.child.id(), "is served already");
    drop(server);
}

/// A tool may go, however it ends; the program runs on, and the next one finds what was recorded meanwhile.
#[test]
fn tools_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let waiting = Waiting::start(&mut command(build(folder.path()), folder.path()));
    let pid = waiting.child.id();
    for round in 1..=3 {
        let server = Server::begin(&mut attach(pid), "listening on ", Stdio::null());
        does(waiting.port, "leak?10");
        let heap = server.get("/debug/pprof/heap?debug=1").text();
        let (all, in_use) = (round * 20 - 10, (round * 20 - 10) * 1000);
        assert!(heap.contains(&format!("\n{all}: {in_use} [{all}: {in_use}] @ 0x")), "{round}: {heap}");
        // By its default action, by the signal that is handled, and by itself at last.
        let signal = ["-KILL", "-INT", "-TERM"][round - 1];
        assert!(Command::new("kill").args([signal, &server.pid().to_string()]).status().unwrap().success());
        drop(server);
        does(waiting.port, "leak?10");
    }
    // By its number, without a server.
    let number = pid.to_string();
    let top = memprof(&["top", &number, "--interval", "0.2"]);
    let line = top.lines().find(|line| line.contains("server::remember_session")).unwrap_or_else(|| panic!("{top}"));
    assert!(line.split_whitespace().nth(1).is_some_and(|blocks| blocks == "60" || blocks == "61"), "{top}");
    let file = folder.path().join("trace.json");
    let busy = std::thread::spawn(move || does(waiting.port, "compute?900"));
    memprof(&["trace", &number, "--seconds", "1", "-o", file.to_str().unwrap()]);
    let trace = std::fs::read_to_string(&file).unwrap();
    busy.join().unwrap();
    assert!(trace.contains("server::compute"), "{}", trace.len());
}

#[track_caller]
fn memprof(args: &[&str]) -> String {
    printed(tool(Path::new("/")).args(args))
}

/// A block that was there before counts from when it first grows.
#[test]
fn a_block_from_before_that_grows() {
    let folder = tempfile::tempdir().unwrap();
    let waiting = Waiting::start(&mut command(build(folder.path()), folder.path()));
    does(waiting.port, "grow?100000");
    let server = Server::begin(&mut attach(waiting.child.id()), "listening on ", Stdio::null());
    let sums = || {
        let profile = cargo_memprof::pprof::profile::read(&server.get("/debug/pprof/heap").body).unwrap();
        let grown = |sample: &_| functions(&profile, sample).any(|name| name == "server::grow");
        ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"].map(|kind| sum(&profile, kind, grown))
    };
    does(waiting.port, "grow?150000");
    assert_eq!(sums(), [1, 150_000, 1, 150_000]);
    does(waiting.port, "grow?400000");
    assert_eq!(sums(), [2, 550_000, 1, 400_000]);
    let text = server.get("/debug/pprof/heap?debug=1").text();
    assert!(text.contains("\n1: 400000 [2: 550000] @ 0x"), "{text}");
}

/// It is another program then: what there was is still shown, and nothing waits for it.
#[test]
fn a_program_that_becomes_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let waiting = Waiting::start(&mut command(build(folder.path()), folder.path()));
    let server = Server::begin(&mut attach(waiting.child.id()), "listening on ", Stdio::null());
    does(waiting.port, "leak?40");
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", waiting.port)).unwrap();
    stream.write_all(b"GET /exec?600 HTTP/1.1\r\n\r\n").unwrap();
    std::io::Read::read_to_end(&mut stream, &mut Vec::new()).unwrap();
    let heap = server.get("/debug/pprof/heap?debug=1").text();
    assert!(heap.contains("\n40: 40000 [40: 40000] @ 0x") && heap.contains("server::remember_session"), "{heap}");
    for path in ["goroutine", "profile?seconds=1"] {
        let answer = server.get(&format!("/debug/pprof/{path}"));
        assert_eq!((answer.status, answer.text().lines().count()), (500, 1), "{path}: {}", answer.text());
    }
}

/// The program of another user is refused, by either side.
#[test]
fn other_users_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can be two users");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let executable = build(folder.path());
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let nobody = |executable: &Path| {
        let mut command = command("setpriv", folder.path());
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(executable);
        command
    };
    let theirs = Waiting::start(&mut nobody(&executable));
    refused(theirs.child.id(), "is another user's: attach as that user");
    let ours = Waiting::start(&mut command(&executable, folder.path()));
    let their_tool = folder.path().join("cargo-memprof");
    std::fs::copy(env!("CARGO_BIN_EXE_cargo-memprof"), &their_tool).unwrap();
    let attach = |pid: u32| {
        let mut command = nobody(&their_tool);
        command.args(["attach", &pid.to_string(), "--http", "127.0.0.1:0"]);
        command
    };
    let output = attach(ours.child.id()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    assert!(text.contains("is another user's: attach as that user"), "{text}");
    // The same user may.
    let server = Server::begin(&mut attach(theirs.child.id()), "listening on ", Stdio::null());
    assert_eq!(server.get("/debug/pprof/heap").status, 200);
}

#[test]
fn it_serves_by_itself_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let executable = build(folder.path());
    let mut program = command(&executable, folder.path());
    program.env("MEMPROF_HTTP", "127.0.0.1:0").stderr(Stdio::piped());
    let mut waiting = Waiting::start(&mut program);
    let mut said = String::new();
    let stderr = waiting.child.stderr.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut said).unwrap();
    let address = said.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{said:?}")).to_owned();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let request = format!("GET /debug/pprof/cmdline HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.ends_with(executable.to_str().unwrap()), "{answer}");
}

#[test]
fn others_are_refused_by_name() {
    refused(std::process::id(), "was not made by `cargo memprof build`");
    let gone = Command::new("true").spawn().unwrap();
    let pid = gone.id();
    gone.wait_with_output().unwrap();
    refused(pid, "there is no process");
    // Of another version.
    let folder = tempfile::tempdir().unwrap();
    let executable = build(folder.path());
    let mut bytes = std::fs::read(&executable).unwrap();
    let mark = format!("cargo-memprof: made to wait for\n{}\n", env!("CARGO_PKG_VERSION"));
    let at = bytes.windows(mark.len()).position(|window| window == mark.as_bytes()).unwrap();
    bytes[at + mark.len() - 2] = b'x';
    std::fs::write(&executable, bytes).unwrap();
    let waiting = Waiting::start(&mut command(&executable, folder.path()));
    refused(waiting.child.id(), "build it again, or use that one");
}
