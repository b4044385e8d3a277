//! The meaning of a request, with the rules and the errors of Go's net/http/pprof.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::answer::{self, Answer};
use super::{lock, MOST_TIMED};
use crate::embed;

/// Longer requests are refused: nobody may hold a thread for ever.
const LONGEST: u64 = 3600;

pub struct Request {
    pub is_head: bool,
    ask: Ask,
}

enum Ask {
    Now(Answer),
    Heap {
        is_allocs: bool,
        text: bool,
    },
    /// The allocations of this time.
    HeapOf {
        is_allocs: bool,
        time: Duration,
        in_use_as_it_is: bool,
    },
    Cpu(Duration),
}

/// The request in `bytes`, once it is whole.
pub fn read(bytes: &[u8], is_local: bool) -> Option<Result<Request, Answer>> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let bad = || Some(Err(Answer::error(400, "400 Bad Request")));
    let Ok(head) = std::str::from_utf8(&bytes[..end]) else { return bad() };
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return bad();
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return bad();
    }
    let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let field =
        |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
    let length = match field("content-length").map(str::parse::<usize>) {
        None => 0,
        Some(Ok(length)) if length <= super::LARGEST_REQUEST => length,
        Some(_) => return Some(Err(Answer::error(413, "Request Entity Too Large"))),
    };
    let body = bytes[end + 4..].get(..length)?;
    let from_elsewhere = field("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"))
        || field("origin").is_some_and(|origin| origin.strip_prefix("http://") != field("host"));
    if !is_local && (from_elsewhere || !field("host").is_some_and(is_own_host)) {
        return Some(Err(Answer::error(403, "Forbidden")));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let ask = ask(method, path, query, &String::from_utf8_lossy(body));
    Some(ask.map(|ask| Request { is_head: method == "HEAD", ask }))
}

/// A page of another site in a browser on this machine could send requests under its own name (DNS rebinding).
fn is_own_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let ip = name.parse::<std::net::IpAddr>();
    name == "localhost" || name.ends_with(".localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

fn ask(method: &str, path: &str, query: &str, body: &str) -> Result<Ask, Answer> {
    if !matches!(method, "GET" | "HEAD") && (method, path) != ("POST", "/debug/pprof/symbol") {
        return Err(Answer::error(405, "Method Not Allowed"));
    }
    let name = match path.strip_prefix("/debug/pprof/") {
        Some(name) => name,
        None if matches!(path, "/" | "/debug/pprof") => return Err(Answer::moved("/debug/pprof/")),
        None => return Err(Answer::error(404, "404 page not found")),
    };
    let value = |key: &str| {
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next().unwrap_or_default()
    };
    let whole = value("seconds").parse::<u64>().ok().filter(|&seconds| seconds > 0);
    let whole = whole.filter(|_| !value("seconds").starts_with('+'));
    if value("seconds").parse::<u64>().is_ok_and(|seconds| seconds > LONGEST) {
        return Err(Answer::error(400, r#"invalid value for "seconds" - must be at most 3600"#));
    }
    let text = value("debug").parse::<i64>().unwrap_or(0) != 0;
    let is_allocs = name == "allocs";
    match name {
        "" => Ok(Ask::Now(answer::index())),
        "cmdline" => Ok(Ask::Now(answer::cmdline())),
        "symbol" => Ok(Ask::Now(answer::symbol(if method == "POST" { body } else { query }))),
        "profile" => Ok(Ask::Cpu(Duration::from_secs(whole.unwrap_or(30)))),
        "heap" | "allocs" if value("seconds").is_empty() => Ok(Ask::Heap { is_allocs, text }),
        "heap" | "allocs" => match (whole, text) {
            (None, _) => Err(Answer::error(400, r#"invalid value for "seconds" - must be a positive integer"#)),
            (_, true) => Err(Answer::error(400, "seconds and debug params are incompatible")),
            (Some(seconds), _) => {
                let time = Duration::from_secs(seconds);
                Ok(Ask::HeapOf { is_allocs, time, in_use_as_it_is: value("delta") == "alloc" })
            }
        },
        "goroutine" | "threadcreate" | "block" | "mutex" | "trace" => {
            let line = "needs the tool beside the program: cargo memprof attach PID, or cargo memprof live";
            Err(Answer::error(501, &format!("{name} {line}")))
        }
        _ => Err(Answer::error(404, "Unknown profile")),
    }
}

impl Request {
    /// The answer; where it takes time, and the client goes meanwhile, none.
    pub fn answer(self, is_gone: &mut dyn FnMut() -> bool, timed: &Mutex<usize>) -> Answer {
        let mut wait = |time: Duration| {
            let until = Instant::now() + time;
            while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                if is_gone() {
                    return;
                }
                std::thread::sleep(left.min(Duration::from_millis(50)));
            }
        };
        match self.ask {
            Ask::Now(answer) => answer,
            Ask::Heap { is_allocs, text } => answer::heap(is_allocs, text),
            _ if self.is_head => embed::unrecorded(|| Answer::download("profile", Vec::new())),
            Ask::HeapOf { is_allocs, time, in_use_as_it_is } => {
                let Some(_turn) = Turn::take(timed) else { return Turn::refusal() };
                answer::heap_of(is_allocs, in_use_as_it_is, || wait(time))
            }
            Ask::Cpu(time) => {
                let Some(_turn) = Turn::take(timed) else { return Turn::refusal() };
                answer::cpu(|| wait(time))
            }
        }
    }
}

/// One of the threads for requests that take time.
struct Turn<'a>(&'a Mutex<usize>);

impl Turn<'_> {
    fn take(timed: &Mutex<usize>) -> Option<Turn<'_>> {
        let mut count = lock(timed);
        (*count < MOST_TIMED).then(|| {
            *count += 1;
            Turn(timed)
        })
    }

    fn refusal() -> Answer {
        embed::unrecorded(|| Answer::error(503, "too many profiles are being taken; ask again later"))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(self.0) -= 1;
    }
}
