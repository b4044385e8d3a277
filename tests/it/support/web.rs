//! The tool's server, as a browser's requests see it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server that ends with this value.
pub struct Server {
    child: Child,
    /// `http://localhost:PORT`, with the key where there is one.
    pub url: String,
    pub port: u16,
    /// Its output before it served.
    pub said: Vec<String>,
    /// Its output for the user, if it was asked for.
    pub stdout: Option<ChildStdout>,
    /// Its output since.
    later: Arc<Mutex<Vec<String>>>,
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Server {
    /// Starts `command`, whose `-http` has to take a free port.
    pub fn start(command: &mut Command) -> Server {
        Server::begin(command, "Serving web UI on ", Stdio::null())
    }

    /// Like [`Server::start`], for a command that says `mark` before its address.
    pub fn begin(command: &mut Command, mark: &str, stdout: Stdio) -> Server {
        let mut child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        loop {
            let Some(Ok(line)) = lines.next() else {
                let status = child.wait().unwrap();
                panic!("the server ended with {status}: {}", said.join("\n"));
            };
            if let Some((_, url)) = line.split_once(mark) {
                let port = url.split(':').nth(2).unwrap().split('/').next().unwrap().parse().unwrap();
                let url = url.to_owned();
                let later = Arc::new(Mutex::new(Vec::new()));
                let lines_of_later = later.clone();
                std::thread::spawn(move || {
                    lines.map_while(Result::ok).for_each(|line| lines_of_later.lock().unwrap().push(line));
                });
                let stdout = child.stdout.take();
                return Server { child, url, port, said, stdout, later };
            }
            said.push(line);
        }
    }

    /// Waits until it has said a line with `text` since it serves.
    pub fn says(&self, text: &str) {
        let start = Instant::now();
        while !self.later.lock().unwrap().iter().any(|line| line.contains(text)) {
            assert!(start.elapsed() < PATIENCE, "never said: {text}; but {:?}", self.later.lock().unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// A request with headers of its own; Host is the server's unless given.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = format!("localhost:{}", self.port);
        let has_host = headers.iter().any(|(name, _)| *name == "Host");
        let own = if has_host { Vec::new() } else { vec![("Host", host.as_str())] };
        let lines: String = own.iter().chain(headers).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        write!(stream, "{method} {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head") + 4;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": ")).map(|(a, b)| (a.to_lowercase(), b.to_owned()));
        Answer { status, headers: headers.collect(), body: bytes[end..].to_vec() }
    }

    /// Highest resident memory so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; returns its exit code.
    pub fn ends(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The data that a page carries.
    pub fn data(&self) -> serde_json::Value {
        let text = self.text();
        let mark = "<script type=\"application/json\" id=\"page-data\">";
        let start =
            text.find(mark).unwrap_or_else(|| panic!("no data in {}", &text[..text.len().min(500)])) + mark.len();
        let end = start + text[start..].find("</script>").unwrap();
        serde_json::from_str(&text[start..end]).unwrap()
    }
}
