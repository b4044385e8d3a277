//! Requests that are wrong, too many or too slow, and programs that end while they are asked.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use super::{Live, does, target};
use crate::support::{fixture, lock_of, tool};

#[test]
fn errors_are_go_s() {
    let live = Live::start(&[]);
    let invalid = "invalid value for \"seconds\" - must be a positive integer\n";
    for (path, status, text) in [
        ("nosuch", 404, "Unknown profile\n"),
        ("goroutineleak", 404, "Unknown profile\n"),
        ("heap?seconds=0", 400, invalid),
        ("heap?seconds=-1", 400, invalid),
        ("heap?seconds=text", 400, invalid),
        ("heap?seconds=1&debug=1", 400, "seconds and debug params are incompatible\n"),
        ("heap?seconds=1000000000", 400, "invalid value for \"seconds\" - must be at most 3600\n"),
        ("profile?seconds=1000000000", 400, "invalid value for \"seconds\" - must be at most 3600\n"),
    ] {
        let answer = live.get(path);
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{path}");
        assert_eq!(answer.header("x-go-pprof"), Some("1"), "{path}");
        assert_eq!(answer.header("content-disposition"), None, "{path}");
    }
    let moved = live.pprof.get("/debug/pprof");
    assert_eq!((moved.status, moved.header("location")), (301, Some("/debug/pprof/")));
    let head = live.pprof.ask("HEAD", "/debug/pprof/profile?seconds=3000", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let post = live.pprof.ask("POST", "/debug/pprof/heap", &[("Content-Length", "0")]);
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    // It may end the connection while the rest is still being written.
    let mut large = TcpStream::connect(("127.0.0.1", live.pprof.port)).unwrap();
    let _ =
        write!(large, "GET /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut answer = Vec::new();
    let _ = large.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&answer));
    let long = "x".repeat(100_000);
    assert_eq!(live.pprof.ask("GET", "/debug/pprof/heap", &[("X-Long", &long)]).status, 431);
    for headers in [[("Host", "evil.example")], [("Origin", "http://evil.example")], [("Sec-Fetch-Site", "cross-site")]]
    {
        assert_eq!(live.pprof.ask("GET", "/debug/pprof/heap", &headers).status, 403, "{headers:?}");
    }
}

#[test]
fn one_cpu_profile_at_a_time_and_a_client_that_goes_frees_it() {
    let live = Live::start(&[]);
    let mut client = TcpStream::connect(("127.0.0.1", live.pprof.port)).unwrap();
    client.write_all(b"GET /debug/pprof/profile?seconds=3000 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let taken = "Could not enable CPU profiling: cpu profiling already in use\n";
    let refused = || {
        let answer = live.get("profile?seconds=1");
        assert_eq!(answer.status == 500, answer.text() == taken, "{}", answer.text());
        answer.status == 500
    };
    while !refused() {}
    drop(client);
    while refused() {}
}

#[test]
fn clients_that_hang_stop_nobody() {
    let live = Live::start(&[]);
    let _hanging: Vec<TcpStream> = (0..200)
        .map(|i| {
            let mut client = TcpStream::connect(("127.0.0.1", live.pprof.port)).unwrap();
            let half = if i % 2 == 0 { "GET /debug/pprof/heap HT" } else { "" };
            client.write_all(half.as_bytes()).unwrap();
            client
        })
        .collect();
    assert_eq!(live.get("heap").status, 200);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..200).map(|_| scope.spawn(|| live.get("cmdline").status)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|&status| status == 200), "{statuses:?}");
}

#[test]
fn a_program_that_ends_leaves_what_there_is() {
    let mut live = Live::start(&[]);
    let mut clients: Vec<TcpStream> = ["profile", "heap"]
        .iter()
        .map(|name| {
            let mut client = TcpStream::connect(("127.0.0.1", live.pprof.port)).unwrap();
            write!(
                client,
                "GET /debug/pprof/{name}?seconds=3000 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            .unwrap();
            client
        })
        .collect();
    // Both are being answered once others, who came later, are.
    (0..3).for_each(|_| assert_eq!(live.get("cmdline").status, 200));
    let mut stream = TcpStream::connect(("127.0.0.1", live.port)).unwrap();
    stream.write_all(b"GET /exit?7 HTTP/1.1\r\n\r\n").unwrap();
    for client in &mut clients {
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(live.pprof.ends(), Some(7), "the program's own code");
}

#[test]
fn a_port_that_is_taken_is_said_before_anything_is_built() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let _lock = lock_of(&target());
    let mut command = tool(&fixture("programs"));
    command.args(["live", "--bin", "server", "--http", &address, "--target-dir"]).arg(target());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    assert!(text.contains("is taken; choose another"), "{text}");
}

#[test]
fn other_hosts_need_the_key() {
    let live = Live::start(&["--http", "0.0.0.0:0"]);
    let key = live.pprof.url.rsplit('/').next().unwrap().to_owned();
    assert_eq!(key.len(), 32, "{}", live.pprof.url);
    assert_eq!(live.get("heap").status, 403);
    assert_eq!(live.pprof.get(&format!("/{}/debug/pprof/heap", "0".repeat(32))).status, 403);
    assert_eq!(live.pprof.get(&format!("/{key}/debug/pprof/heap")).status, 200);
    // The address as it was printed, and Go's own redirect, lead to pages below the key.
    for (path, to) in [("", "/"), ("/debug/pprof", "/debug/pprof/")] {
        let moved = live.pprof.get(&format!("/{key}{path}"));
        assert_eq!((moved.status, moved.header("location")), (301, Some(&*format!("/{key}{to}"))));
        assert_eq!(live.pprof.get(&format!("/{key}{to}")).status, 200);
    }
    does(live.port, "numbers");
}
