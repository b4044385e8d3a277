//! A running program seen over time: traces for the Firefox Profiler, and the table of `top`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{fixture, lock, target_dir, tool};

/// The server of `fixtures/programs`, with the tool beside it.
struct Served {
    tool: Child,
    /// Of the tool.
    url: String,
    port: u16,
}

impl Served {
    fn start() -> Served {
        let mut command = tool(&fixture("programs"));
        command.args(["live", "-q", "--locked", "--bin", "server", "--http", "127.0.0.1:0", "--target-dir"]);
        let mut tool = command.arg(target_dir()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(tool.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = said.skip_while(|line| !line.contains("listening on "));
        let line = said.next().expect("an address");
        // Nobody may hold up what it says later.
        std::thread::spawn(move || said.count());
        let url = line.split("listening on ").nth(1).unwrap().trim_end_matches('/').to_owned();
        let mut first = String::new();
        BufReader::new(tool.stdout.take().unwrap()).read_line(&mut first).unwrap();
        Served { tool, url, port: first.trim().parse().unwrap() }
    }

    /// Asks the program.
    fn ask(&self, path: &str) -> String {
        get(&format!("127.0.0.1:{}", self.port), path)
    }

    /// Asks the tool: head and body.
    fn debug(&self, path: &str) -> String {
        get(self.url.strip_prefix("http://").unwrap(), path)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = TcpStream::connect(("127.0.0.1", self.port))
            .and_then(|mut to| to.write_all(b"GET /exit?0 HTTP/1.1\r\n\r\n"));
        let _ = self.tool.wait();
    }
}

fn get(host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    // In one piece: the program reads once.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn memprof(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
    command.args(args);
    command
}

#[test]
fn a_running_program_is_traced() {
    let _lock = lock();
    let served = Served::start();
    // From before the trace: not in it.
    served.ask("/leak?50");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.json");
    let mut trace = memprof(&["trace", &served.url, "--seconds", "2", "-o", file.to_str().unwrap()]);
    let mut trace = trace.stderr(Stdio::piped()).spawn().unwrap();
    let status = loop {
        served.ask("/leak?7");
        served.ask("/compute?30");
        if let Some(status) = trace.try_wait().unwrap() {
            break status;
        }
    };
    let mut said = String::new();
    trace.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(status.success(), "{said}");
    let text = std::fs::read_to_string(&file).unwrap();
    let trace: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(trace["meta"]["product"], "server");
    let main = &trace["threads"][0];
    let texts: Vec<&str> = main["stringArray"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert!(texts.contains(&"server::compute") && texts.contains(&"server::remember_session"), "{texts:?}");
    let sum = |values: &Value| values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).sum::<f64>();
    assert!(sum(&main["samples"]["weight"]) > 0.0, "{}", main["samples"]);
    let allocated = sum(&main["nativeAllocations"]["weight"]);
    assert!(allocated >= 7000.0, "{allocated}");
    let end = trace["meta"]["profilingEndTime"].as_f64().unwrap();
    assert!(end >= 2000.0 - 1.0, "{end}");
    let head = served.debug("/debug/pprof/trace?seconds=0.05");
    let (head, body) = head.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("x-memprof-format: Firefox Profiler") && head.contains("filename=\"trace\""), "{head}");
    assert!(serde_json::from_str::<Value>(body).is_ok());
}

#[test]
fn samples_are_one_client_s_at_a_time() {
    let _lock = lock();
    let served = Served::start();
    let host = served.url.strip_prefix("http://").unwrap();
    let mut first = TcpStream::connect(host).unwrap();
    write!(first, "GET /debug/pprof/trace?seconds=30 HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let refused = served.debug("/debug/pprof/trace?seconds=0.01");
    assert!(refused.contains(" 500 ") && refused.contains("Could not enable tracing: cpu profiling already in use"));
    let refused = served.debug("/debug/pprof/profile?seconds=1");
    assert!(refused.contains("Could not enable CPU profiling: cpu profiling already in use"), "{refused}");
    // A client that goes away takes its trace with it.
    drop(first);
    let is_free = |_| {
        std::thread::sleep(Duration::from_millis(50));
        !served.debug("/debug/pprof/trace?seconds=0.01").contains(" 500 ")
    };
    assert!((0..600).any(is_free));
}

#[test]
fn top_prints_once_where_there_is_no_terminal() {
    let _lock = lock();
    let served = Served::start();
    served.ask("/leak?120");
    let out = memprof(&["top", &served.url, "--interval", "0.2"]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with("site") && lines[1].ends_with("total"), "{text}");
    let site = lines.iter().find(|line| line.contains("server::remember_session")).expect(&text);
    let words: Vec<&str> = site.split_whitespace().collect();
    // And the vector that holds them.
    assert_eq!(words[1], "121", "{text}");
    // Sorted: the sessions are the largest.
    assert!(lines[2].contains("server::remember_session"), "{text}");
    let out = memprof(&["top", &served.url, "--interval", "0.2", "--threads", "--sort", "allocs"]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("▾allocs/s") && text.contains("  main\n"), "{text}");
    let nobody = memprof(&["top", "http://127.0.0.1:9"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(1), "{}", String::from_utf8_lossy(&nobody.stderr));
}

#[test]
fn top_draws_on_a_terminal_and_gives_it_back() {
    let _lock = lock();
    let served = Served::start();
    served.ask("/leak?120");
    let line = format!(
        "stty rows 20 columns 100; '{}' top {} --interval 0.2",
        env!("CARGO_BIN_EXE_cargo-memprof"),
        served.url
    );
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut script) = script.env("TERM", "xterm").spawn() else {
        eprintln!("SKIPPED: there is no script(1) to make a terminal with");
        return;
    };
    let (mut keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let mut seen = String::new();
    let mut until = |text: &str| {
        let mut bytes = [0; 4096];
        while !seen.contains(text) {
            let len = screen.read(&mut bytes).unwrap();
            assert!(len > 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..len]));
        }
        std::mem::take(&mut seen)
    };
    assert!(until("remember_session").contains("\x1b[?1049h"));
    keys.write_all(b"t").unwrap();
    until("  thread");
    keys.write_all(b"q").unwrap();
    let end = until("\x1b[?1049l");
    assert!(end.contains("\x1b[?25h"), "{end:?}");
    assert!(script.wait().unwrap().success());
}
