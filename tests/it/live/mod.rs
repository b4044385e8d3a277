//! Live programs: `fixtures/programs/src/bin/server.rs` beside Go's /debug/pprof, asked by `go tool pprof`
//! (`MEMPROF_GO_PPROF`) and by our own.

mod attach;
mod bad_input;
mod endpoints;
mod page;
mod sessions;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::web::{Answer, Server};
use crate::support::{built_in, command, fixture, lock_of, target_dir, tool};

/// The target directory of these tests: their servers run on after the build, beside other tests.
fn target() -> PathBuf {
    target_dir().with_file_name("live")
}

/// The program and the server beside it. Both end with this value.
struct Live {
    pprof: Server,
    /// The program's own.
    port: u16,
}

impl Live {
    fn start(options: &[&str]) -> Live {
        // The build needs it, and is over once the address is said.
        let _lock = lock_of(&target());
        let mut command = tool(&fixture("programs"));
        command.args(["live", "--locked", "--bin", "server", "--http", "127.0.0.1:0"]);
        let mut command = built_in(command, &target());
        command.args(options);
        let mut pprof = Server::begin(&mut command, "listening on ", Stdio::piped());
        let port = port(pprof.stdout.take().unwrap());
        Live { pprof, port }
    }

    /// Has the program do something; returns its own counts: allocations, bytes, frees, live bytes.
    fn does(&self, what: &str) -> [i64; 4] {
        does(self.port, what)
    }

    fn get(&self, path: &str) -> Answer {
        self.pprof.get(&format!("/debug/pprof/{path}"))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/debug/pprof/{path}", self.pprof.url)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        end(self.port);
    }
}

/// The first line of the program's output.
fn port(stdout: impl std::io::Read) -> u16 {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    line.trim().parse().unwrap_or_else(|_| panic!("no port: {line:?}"))
}

fn does(port: u16, what: &str) -> [i64; 4] {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // At once: the server reads no further than what comes first.
    stream.write_all(format!("GET /{what} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap_or_default()).unwrap_or_else(|_| panic!("{answer}"))
}

fn end(port: u16) {
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        let _ = stream.write_all(b"GET /exit?0 HTTP/1.1\r\n\r\n");
        let _ = stream.read(&mut [0]);
    }
}

/// `go tool pprof` with a home of its own; `None`, said loudly, where there is none.
fn go(args: &[&str], home: &std::path::Path) -> Option<String> {
    let Some(pprof) = std::env::var_os("MEMPROF_GO_PPROF") else {
        eprintln!("SKIPPED: set MEMPROF_GO_PPROF to what `go tool -n pprof` prints to test with it");
        return None;
    };
    Some(printed(command(pprof, home).args(args).env("PPROF_TMPDIR", home)))
}

fn ours(args: &[&str], home: &std::path::Path) -> String {
    printed(tool(home).arg("pprof").args(args).env("PPROF_TMPDIR", home))
}

#[track_caller]
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
