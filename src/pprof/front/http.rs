//! A small HTTP/1.1 client for live profiles: one GET, plain http, every wait bounded. It has no TLS, because services
//! serve profiles on localhost or inside a cluster, and a TLS library would be most of this tool's size.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::pprof::profile::gzip::MAX_EXPANDED;
use crate::pprof::reports::sources::plain_error;

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;
/// Bytes of status line and headers that are read.
const MAX_HEAD: u64 = 64 << 10;
const CONNECT: Duration = Duration::from_secs(10);

/// The default path of an address without one: the CPU profile, as in Go.
const DEFAULT_PATH: &str = "/debug/pprof/profile";

/// An address to fetch from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As shown: `http://host:port/path?query`.
    pub url: String,
    host: String,
    target: String,
    /// How long the answer may take to begin.
    pub timeout: Duration,
}

/// The address in `source`, if it is one: with a scheme, or `host:port/path`. `seconds` and `timeout` count if
/// positive.
pub fn address(source: &str, seconds: i64, timeout: i64) -> Option<Result<Address, String>> {
    let rest = match source.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https" | "https+insecure", _)) => {
            return Some(Err("https is not supported: fetch the profile with another tool, then name the file".into()));
        }
        Some(_) => return None,
        None => {
            // `localhost:6060/x` is an address, `a/b:c` and `name` are not.
            let host = source.split('/').next().unwrap_or_default();
            let (name, port) = host.split_once(':')?;
            let is_port = !port.is_empty() && port.parse::<u16>().is_ok();
            (!name.is_empty() && is_port).then_some(source)?
        }
    };
    let (host, target) = rest.find(['/', '?']).map_or((rest, ""), |end| rest.split_at(end));
    if host.is_empty() {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = if path.is_empty() || path == "/" { DEFAULT_PATH } else { path };
    let mut pairs: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(Into::into).collect();
    let mut duration = seconds;
    if seconds > 0 {
        pairs.retain(|pair| pair.split('=').next() != Some("seconds"));
        pairs.push(format!("seconds={seconds}"));
    } else {
        let asked = pairs.iter().find_map(|pair| pair.strip_prefix("seconds=")?.parse::<i32>().ok());
        duration = asked.map_or(0, i64::from);
    }
    pairs.sort();
    let wait = match timeout {
        1.. => timeout,
        _ if duration > 0 => duration.saturating_add(duration / 2),
        _ => 60,
    };
    let target = if pairs.is_empty() { path.to_string() } else { format!("{path}?{}", pairs.join("&")) };
    let timeout = Duration::from_secs(u64::try_from(wait).unwrap_or(60).saturating_add(5).min(1 << 30));
    Some(Ok(Address { url: format!("http://{host}{target}"), host: host.into(), target, timeout }))
}

/// Fetches the body from `address`. The error is one line.
pub fn get(address: &Address) -> Result<Vec<u8>, String> {
    let mut address = address.clone();
    for _ in 0..=MAX_REDIRECTS {
        match get_once(&address).map_err(|error| format!("Get {:?}: {error}", address.url))? {
            Answer::Body(body) => return Ok(body),
            Answer::Refused(what) => return Err(what),
            Answer::Moved(to) => {
                let to = if to.starts_with('/') { format!("http://{}{to}", address.host) } else { to };
                let timeout = address.timeout;
                address = self::address(&to, 0, 0).ok_or_else(|| format!("server response: redirect to {to:?}"))??;
                address.timeout = timeout;
            }
        }
    }
    Err(format!("Get {:?}: stopped after {MAX_REDIRECTS} redirects", address.url))
}

enum Answer {
    Body(Vec<u8>),
    Moved(String),
    Refused(String),
}

fn get_once(address: &Address) -> Result<Answer, String> {
    let io = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => "timeout awaiting response".into(),
        std::io::ErrorKind::UnexpectedEof => "unexpected EOF".into(),
        _ => plain_error(&error),
    };
    let mut stream = connect(&address.host).map_err(io)?;
    stream.set_read_timeout(Some(address.timeout)).map_err(io)?;
    stream.set_write_timeout(Some(CONNECT)).map_err(io)?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: cargo-memprof/{}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        address.target,
        address.host,
        env!("CARGO_PKG_VERSION")
    );
    stream.write_all(request.as_bytes()).map_err(io)?;
    let mut reader = BufReader::new(stream);
    let head = read_head(&mut reader).map_err(io)?;
    let (status, headers) = head.split_first().ok_or("malformed HTTP response")?;
    let status = status.strip_prefix("HTTP/1.").and_then(|status| status.get(2..)).ok_or("malformed HTTP response")?;
    let header = |name: &str| {
        headers.iter().find_map(|line| {
            line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        })
    };
    let code = status.get(..3).unwrap_or_default();
    if let ("301" | "302" | "303" | "307" | "308", Some(to)) = (code, header("location")) {
        return Ok(Answer::Moved(to.into()));
    }
    let chunked = header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let length = header("content-length").and_then(|length| length.parse::<u64>().ok());
    let body = read_body(&mut reader, chunked, length).map_err(io)?;
    let kind = header("content-type").unwrap_or_default().to_lowercase();
    if code != "200" {
        let said = if header("x-go-pprof").is_some() && kind.contains("text/plain") {
            String::from_utf8_lossy(&body).into_owned()
        } else {
            String::new()
        };
        return Ok(Answer::Refused(format!(
            "server response: {status}{}{said}",
            if said.is_empty() { "" } else { " - " }
        )));
    }
    if kind.contains("text/html") || body.trim_ascii_start().starts_with(b"<") {
        return Ok(Answer::Refused("parsing profile: the server answered with a web page, not with a profile".into()));
    }
    Ok(Answer::Body(body))
}

fn connect(host: &str) -> std::io::Result<TcpStream> {
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    let with_port = if has_port { host.to_string() } else { format!("{host}:80") };
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "no such host");
    for address in
        with_port.to_socket_addrs().map_err(|_| std::io::Error::new(std::io::ErrorKind::NotFound, "no such host"))?
    {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn read_head(reader: &mut impl BufRead) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut bounded = reader.take(MAX_HEAD);
    loop {
        let mut line = Vec::new();
        bounded.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_string();
        if line.is_empty() {
            return Ok(lines);
        }
        lines.push(line);
    }
}

fn read_body(reader: &mut impl BufRead, chunked: bool, length: Option<u64>) -> std::io::Result<Vec<u8>> {
    let too_large = || std::io::Error::other(format!("the answer is larger than {} MiB", MAX_EXPANDED >> 20));
    let mut body = Vec::new();
    if !chunked {
        let length = length.unwrap_or(MAX_EXPANDED as u64 + 1);
        reader.take(length.min(MAX_EXPANDED as u64 + 1)).read_to_end(&mut body)?;
        return if body.len() > MAX_EXPANDED { Err(too_large()) } else { Ok(body) };
    }
    loop {
        let mut size = String::new();
        reader.take(1 << 10).read_line(&mut size)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| std::io::Error::other("malformed chunked encoding"))?;
        if size == 0 {
            return Ok(body);
        }
        if size > (MAX_EXPANDED - body.len()) as u64 {
            return Err(too_large());
        }
        let before = body.len();
        reader.take(size).read_to_end(&mut body)?;
        let mut end = [0; 2];
        reader.read_exact(&mut end)?;
        if (body.len() - before) as u64 != size {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Whether `text` begins with a scheme.
pub(super) fn is_url(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_files_and_names() {
        let url = |source: &str, seconds: i64| address(source, seconds, 0).map(|address| address.unwrap().url);
        assert_eq!(url("http://h:1/debug/pprof/heap", 0), Some("http://h:1/debug/pprof/heap".into()));
        assert_eq!(url("localhost:6060", 5), Some("http://localhost:6060/debug/pprof/profile?seconds=5".into()));
        assert_eq!(url("http://h/p?seconds=9&a=b", 3), Some("http://h/p?a=b&seconds=3".into()));
        for other in ["a/b.pb.gz", "pooled:cpu", "group/pooled:cpu", "C:x", "", "ftp://h/x", "name"] {
            assert!(address(other, 0, 0).is_none(), "{other}");
        }
        assert!(address("https://h/x", 0, 0).unwrap().is_err());
    }

    fn serve(answer: &'static [u8]) -> Address {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
            if answer.is_empty() {
                std::thread::sleep(Duration::from_secs(5));
            }
        });
        address(&format!("127.0.0.1:{port}/x"), 0, 0).unwrap().unwrap()
    }

    #[test]
    fn answers_are_read_or_refused() {
        assert_eq!(get(&serve(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd")).unwrap(), b"abc");
        assert_eq!(
            get(&serve(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"))
                .unwrap(),
            b"abc"
        );
        assert_eq!(get(&serve(b"HTTP/1.1 404 Not Found\r\n\r\n")).unwrap_err(), "server response: 404 Not Found");
        assert!(
            get(&serve(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")).unwrap_err().contains("web page")
        );
        assert!(get(&serve(b"garbage")).is_err());
    }

    #[test]
    fn a_server_that_hangs_is_left() {
        let mut address = serve(b"");
        address.timeout = Duration::from_millis(100);
        assert!(get(&address).unwrap_err().contains("timeout"));
    }
}
