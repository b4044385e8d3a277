//! The endpoints of a program that serves itself: what Go's net/http/pprof answers, and what it refuses. One test: there is
//! one recording. `tests/it/library.rs` of the repository has pprof read them.
#![cfg(all(feature = "serve", target_os = "linux", target_arch = "x86_64", target_env = "gnu", not(miri)))]

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use memprof::{cpu, heap, serve, Error};

#[global_allocator]
static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();

/// Status, head and body.
fn ask_with(port: u16, request: &str) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let _ = stream.write_all(request.as_bytes());
    split(stream)
}

fn split(mut stream: impl Read) -> (u16, String, Vec<u8>) {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("no head") + 4;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head, answer[end..].to_vec())
}

fn ask(port: u16, method: &str, path: &str) -> (u16, String) {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 0\r\n\r\n");
    let (status, _, body) = ask_with(port, &request);
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn get(port: u16, name: &str) -> (u16, String) {
    ask(port, "GET", &format!("/debug/pprof/{name}"))
}

fn port_of(url: &str) -> u16 {
    let port = url.strip_prefix("http://127.0.0.1:").unwrap().strip_suffix("/debug/pprof/").unwrap();
    port.parse().unwrap()
}

#[test]
fn endpoints() {
    addresses();
    let port = port_of(&serve("127.0.0.1:0").unwrap());
    refusals(port);

    assert_eq!(get(port, "").0, 200);
    assert!(get(port, "").1.contains("<a href='heap?debug=1'>heap</a>"));
    assert!(get(port, "cmdline").1.starts_with(&std::env::args().next().unwrap()));
    let symbols = format!("num_symbols: {}\n", u8::from(cfg!(feature = "symbolize")));
    let address = format!("{:#x}", port_of as fn(&str) -> u16 as usize + 1);
    let (_, text) = get(port, &format!("symbol?{address}+0x1"));
    let body = format!(
        "POST /debug/pprof/symbol HTTP/1.1\r\nHost: [::1]\r\nContent-Length: {}\r\n\r\n{address}",
        address.len()
    );
    for text in [text, String::from_utf8(ask_with(port, &body).2).unwrap()] {
        assert!(text.starts_with(&symbols), "{text}");
        // Line tables alone have no paths.
        let is_named = text.lines().any(|line| line.starts_with(&format!("{address} ")) && line.ends_with("port_of"));
        assert_eq!(is_named, cfg!(feature = "symbolize"), "{text}");
    }

    heaps(port);
    cpus(port);
    clients_that_hang(port);
    the_servers_own_work_is_not_counted(port);
}

fn addresses() {
    let refused = |address: &str| match serve(address) {
        Err(Error::Address(why)) => why,
        other => panic!("{address}: {other:?}"),
    };
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        assert!(refused(address).ends_with("127.0.0.1:PORT or unix:PATH"), "{address}");
    }
    for address in ["", "6060", "127.0.0.1", "127.0.0.1:x", "unix:", "unix:/no/such/folder/socket"] {
        assert!(!refused(address).is_empty(), "{address}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(refused(&taken.local_addr().unwrap().to_string()).contains("in use"));

    let path = std::env::temp_dir().join(format!("memprof-serve-{}", std::process::id()));
    let address = format!("unix:{}", path.display());
    assert_eq!(serve(&address).unwrap(), address);
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /debug/pprof/cmdline HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(split(stream).0, 200);
    assert!(refused(&address).contains("in use"));
    std::fs::remove_file(path).unwrap();
}

fn refusals(port: u16) {
    let invalid = "invalid value for \"seconds\" - must be a positive integer\n";
    for (path, status, text) in [
        ("nosuch", 404, "Unknown profile\n"),
        ("heap?seconds=0", 400, invalid),
        ("heap?seconds=-1", 400, invalid),
        ("heap?seconds=text", 400, invalid),
        ("heap?seconds=1&debug=1", 400, "seconds and debug params are incompatible\n"),
        ("profile?seconds=3601", 400, "invalid value for \"seconds\" - must be at most 3600\n"),
        ("heap", 409, "the heap is not recorded: call memprof::heap::start, or add ?seconds=N\n"),
    ] {
        assert_eq!(get(port, path), (status, text.to_owned()), "{path}");
    }
    for name in ["goroutine", "threadcreate", "block", "mutex", "trace"] {
        let (status, text) = get(port, name);
        assert!(status == 501 && text.contains("cargo memprof attach PID"), "{name} {text}");
    }
    for (method, path, status) in [
        ("GET", "/x", 404),
        ("GET", "/", 301),
        ("GET", "/debug/pprof", 301),
        ("POST", "/debug/pprof/heap", 405),
        ("DELETE", "/debug/pprof/", 405),
        ("HEAD", "/debug/pprof/profile?seconds=3000", 200),
    ] {
        assert_eq!(ask(port, method, path).0, status, "{method} {path}");
    }
    assert_eq!(ask(port, "HEAD", "/debug/pprof/").1, "");
    let long = "x".repeat(100_000);
    for (fields, status) in [
        ("", 403),
        ("Host: evil.example\r\n", 403),
        ("Host: localhost.evil.example\r\n", 403),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", 403),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("Host: localhost\r\nContent-Length: 100000000000\r\n", 413),
        ("Host: localhost\r\nContent-Length: -1\r\n", 413),
        (&*format!("Host: localhost\r\nX-Long: {long}\r\n"), 431),
        ("Host: LOCALHOST.:1\r\n", 200),
        ("Host: 127.1.2.3\r\n", 200),
    ] {
        let request = format!("GET /debug/pprof/cmdline HTTP/1.1\r\n{fields}\r\n");
        assert_eq!(ask_with(port, &request).0, status, "{}", &fields[..fields.len().min(80)]);
    }
    for request in
        ["\r\n\r\n", "GET\r\n\r\n", "GET /debug/pprof/ FTP\r\n\r\n", "GET x HTTP/1.1\r\n\r\n", "\u{1F980}\r\n\r\n"]
    {
        assert_eq!(ask_with(port, request).0, 400, "{request}");
    }
}

fn heaps(port: u16) {
    heap::start(heap::Sample::Exact).unwrap();
    let kept = black_box(vec![0u8; 54_321]);
    // Of two threads, which have entries of their own while they live.
    let both = std::sync::Barrier::new(2);
    let make = |number: usize| {
        let made: Vec<_> = (0..number).map(|_| black_box(vec![0u8; 12_345])).collect();
        both.wait();
        made
    };
    let make = &make;
    let twice = std::thread::scope(|scope| {
        let threads = [1, 3].map(|number| scope.spawn(move || make(number)));
        threads.map(|thread| thread.join().unwrap())
    });
    let (status, head, body) = ask_with(port, "GET /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(status == 200 && head.contains("filename=\"heap\"") && head.contains("application/octet-stream"), "{head}");
    assert!(body.len() > 100 && head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    for name in ["heap?debug=1", "allocs?debug=1&gc=1"] {
        let (_, text) = get(port, name);
        assert!(text.starts_with("heap profile: ") && text.contains("\n1: 54321 [1: 54321] @ 0x"), "{text}");
        assert!(text.contains("\n4: 49380 [4: 49380] @ 0x"), "{text}");
        assert!(text.contains("\nMAPPED_LIBRARIES:\n") && text.contains("r-xp"), "{text}");
    }
    // The allocations between two moments, beside the recording that goes on.
    assert_eq!(get(port, "heap?seconds=1").0, 200);
    assert!(heap::stop().unwrap().sum("inuse_space") >= 54_321);
    drop((kept, twice));
    // And by itself, by two at once.
    let both: Vec<_> = ["heap?seconds=1", "allocs?seconds=1"]
        .map(|name| std::thread::spawn(move || get(port, name).0))
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(both, [200, 200]);
    assert!(matches!(heap::stop(), Err(Error::NotStarted)));
}

fn cpus(port: u16) {
    let taken = "Could not enable CPU profiling: cpu profiling already in use\n";
    cpu::start(100).unwrap();
    assert_eq!(get(port, "profile?seconds=1"), (500, taken.to_owned()));
    cpu::stop().unwrap();
    // A client that goes frees it.
    let refused = || get(port, "profile?seconds=1").0 == 500;
    let client = loop {
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        client.write_all(b"GET /debug/pprof/profile HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        // Otherwise our own came first, and it is the client that was refused.
        if refused() {
            break client;
        }
    };
    drop(client);
    while refused() {}
}

fn clients_that_hang(port: u16) {
    let _hanging: Vec<TcpStream> = (0..200)
        .map(|i| {
            let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let half = if i % 2 == 0 { "GET /debug/pprof/heap HT" } else { "" };
            client.write_all(half.as_bytes()).unwrap();
            client
        })
        .collect();
    let asking: Vec<_> = (0..100).map(|_| std::thread::spawn(move || get(port, "cmdline").0)).collect();
    assert!(asking.into_iter().all(|asking| asking.join().unwrap() == 200));
    // More profiles of a time to come than may be: the rest is told so, and others are answered.
    let mut timed = Vec::new();
    while timed.len() < 3 || get(port, "heap?seconds=1").0 != 503 {
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        client.write_all(b"GET /debug/pprof/heap?seconds=3000 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        timed.push(client);
    }
    assert_eq!(get(port, "cmdline").0, 200);
    drop(timed);
    while get(port, "heap?seconds=1").0 == 503 {}
}

fn the_servers_own_work_is_not_counted(port: u16) {
    // Clients that went are noticed at their next look.
    std::thread::sleep(Duration::from_millis(200));
    let over = AtomicBool::new(false);
    let (before, after) = std::thread::scope(|scope| {
        heap::start(heap::Sample::Exact).unwrap();
        // A client without an allocation of its own.
        let client = scope.spawn(|| {
            let (mut bytes, address) = ([0; 4096], std::net::SocketAddr::from(([127, 0, 0, 1], port)));
            while !over.load(Ordering::Relaxed) {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(b"GET /debug/pprof/heap HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
                while stream.read(&mut bytes).unwrap() > 0 {}
            }
        });
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(200) {}
        let before = memprof::snapshot().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let after = memprof::snapshot().unwrap();
        over.store(true, Ordering::Relaxed);
        client.join().unwrap();
        heap::stop().unwrap();
        (before, after)
    });
    assert_eq!((before.allocs, before.bytes), (after.allocs, after.bytes));
}
