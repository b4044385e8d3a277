//! Executables that wait, and tools that join them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{does, end, go, port, target};
use crate::support::web::Server;
use crate::support::{built_in, command, fixture, lock_of, tool};

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
