//! The endpoints of Go's net/http/pprof from inside the program: sockets, and the threads that answer.

mod answer;
mod request;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use self::answer::Answer;
use self::request::Request;
use crate::{embed, Error, Result};

/// Threads that answer; profiles of a time to come may have all but two.
const WORKERS: usize = 8;
const MOST_TIMED: usize = WORKERS - 2;
/// Clients that are connected and not answered yet; others wait until one of them is.
const MOST_CLIENTS: usize = 256;
/// For a request to arrive, and for an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_TO_TAKE: Duration = Duration::from_secs(60);
const LARGEST_REQUEST: usize = 64 << 10;
/// How often clients are looked at while there are any.
const LOOK: Duration = Duration::from_millis(5);

/// Serves profiles of this program over HTTP, as Go's `net/http/pprof` does, until it ends: `address` is `HOST:PORT` or
/// `unix:PATH`, of this machine only. Returns where, with the port that the system chose for port 0.
///
/// `/debug/pprof/` has an index, `heap` and `allocs` (`debug=1`: text; `seconds=N`: what is allocated in that time), `profile`
/// (CPU, `seconds=N`, 30 if not given), `cmdline` and `symbol`. Heap profiles need [`heap::start`](crate::heap::start), but
/// for `seconds=N`, which starts and stops it by itself. What needs the tool beside the program answers 501, and says which
/// command has it: `goroutine`, `threadcreate`, `block`, `mutex`, `trace`.
///
/// Requests to other host names than this machine's own, or from pages of other sites, are refused; there is one CPU profile
/// at a time. Nine threads sleep until somebody asks; their allocations are in no profile and no count. It works in the process
/// that called it, and not in a fork's child.
///
/// # Errors
///
/// [`Error::Address`]: not of this machine, taken, or not an address; no threads.
///
/// ```
/// # fn main() -> memprof::Result<()> {
/// let url = memprof::serve("127.0.0.1:0")?;
/// assert!(url.starts_with("http://127.0.0.1:"));
/// // go tool pprof http://127.0.0.1:…/debug/pprof/profile?seconds=5
/// assert!(memprof::serve("0.0.0.0:6060").is_err());
/// # Ok(())
/// # }
/// ```
pub fn serve(address: &str) -> Result<String> {
    embed::unrecorded(|| {
        let (listener, url) = Listener::on(address)?;
        let queue = Arc::new(Queue::default());
        let failed = |error: io::Error| Error::Address(format!("{address}: no thread to serve it: {error}"));
        for _ in 0..WORKERS {
            let queue = queue.clone();
            let named = thread::Builder::new().name("memprof-serve".to_owned());
            named.spawn(move || work(&queue)).map_err(failed)?;
        }
        let named = thread::Builder::new().name("memprof-serve".to_owned());
        named.spawn(move || accept(&listener, &queue)).map_err(failed)?;
        Ok(url)
    })
}

trait Socket: Read + Write + Send {
    fn blocks(&self, blocks: bool) -> io::Result<()>;
    fn set_patience(&self) -> io::Result<()>;
    /// Nothing more is sent; what comes is waited for a moment.
    fn ends(&self) -> io::Result<()>;
}

macro_rules! socket {
    ($stream:ty) => {
        impl Socket for $stream {
            fn blocks(&self, blocks: bool) -> io::Result<()> {
                self.set_nonblocking(!blocks)
            }

            fn set_patience(&self) -> io::Result<()> {
                self.set_write_timeout(Some(PATIENCE))
            }

            fn ends(&self) -> io::Result<()> {
                self.set_read_timeout(Some(Duration::from_millis(500)))?;
                self.shutdown(Shutdown::Write)
            }
        }
    };
}
socket!(TcpStream);
#[cfg(unix)]
socket!(std::os::unix::net::UnixStream);

enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

impl Listener {
    fn on(address: &str) -> Result<(Listener, String)> {
        let wrong = |why: &dyn std::fmt::Display| Error::Address(format!("{address}: {why}"));
        #[cfg(unix)]
        if let Some(path) = address.strip_prefix("unix:") {
            use std::os::unix::fs::PermissionsExt;
            use std::os::unix::net::UnixStream;
            // One that nobody listens to is left over from an earlier run.
            if UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
                let _ = std::fs::remove_file(path);
            }
            let listener = std::os::unix::net::UnixListener::bind(path).map_err(|error| wrong(&error))?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(|error| wrong(&error))?;
            return Ok((Listener::Unix(listener), address.to_owned()));
        }
        let all: Vec<SocketAddr> = address.to_socket_addrs().map_err(|error| wrong(&error))?.collect();
        if all.iter().any(|at| !at.ip().is_loopback()) {
            return Err(wrong(&"only addresses of this machine are served: 127.0.0.1:PORT or unix:PATH"));
        }
        let listener = TcpListener::bind(&all[..]).map_err(|error| wrong(&error))?;
        let at = listener.local_addr().map_err(|error| wrong(&error))?;
        Ok((Listener::Tcp(listener), format!("http://{at}/debug/pprof/")))
    }

    fn blocks(&self, blocks: bool) -> io::Result<()> {
        match self {
            Listener::Tcp(listener) => listener.set_nonblocking(!blocks),
            #[cfg(unix)]
            Listener::Unix(listener) => listener.set_nonblocking(!blocks),
        }
    }

    /// A client. Waiting for it allocates nothing.
    fn accept(&self) -> io::Result<Client> {
        let is_local = !matches!(self, Listener::Tcp(_));
        let socket: Box<dyn Socket> = match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                embed::unrecorded(|| Box::new(stream))
            }
            #[cfg(unix)]
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                embed::unrecorded(|| Box::new(stream))
            }
        };
        socket.blocks(false)?;
        Ok(Client { socket, is_local, request: Vec::new(), since: Instant::now() })
    }
}

/// A connection, with what it has sent so far.
struct Client {
    socket: Box<dyn Socket>,
    /// Its owner can open the socket's file: there is no browser.
    is_local: bool,
    request: Vec<u8>,
    since: Instant,
}

impl Client {
    /// Reads what there is. `Some` is a request, or why there will be none; an answer of nothing is a client that went.
    fn read(&mut self) -> Option<std::result::Result<Request, Answer>> {
        let mut bytes = [0; 4096];
        loop {
            match self.socket.read(&mut bytes) {
                // It may have said all before.
                Ok(0) => return Some(request::read(&self.request, self.is_local).unwrap_or(Err(Answer::NONE))),
                Ok(len) => self.request.extend_from_slice(&bytes[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(_) => return Some(Err(Answer::NONE)),
            }
            if self.request.len() > LARGEST_REQUEST {
                return Some(Err(Answer::error(431, "Request Header Fields Too Large")));
            }
        }
        match request::read(&self.request, self.is_local) {
            None if self.since.elapsed() > PATIENCE => Some(Err(Answer::NONE)),
            read => read,
        }
    }

    /// Whether it has ended the connection.
    fn is_gone(&mut self) -> bool {
        match self.socket.read(&mut [0; 64]) {
            Ok(len) => len == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    fn send(&mut self, answer: &Answer, is_head: bool) -> io::Result<()> {
        let head = embed::unrecorded(|| answer.head());
        let body: &[u8] = if is_head { &[] } else { &answer.body };
        self.socket.blocks(true)?;
        self.socket.set_patience()?;
        let until = Instant::now() + MOST_TO_TAKE;
        for mut part in [head.as_bytes(), body] {
            while !part.is_empty() {
                if Instant::now() > until {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                match self.socket.write(part) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(len) => part = &part[len..],
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                    Err(error) => return Err(error),
                }
            }
        }
        if matches!(answer.status, 413 | 431) {
            // Closing while the rest of a request comes in would reset the connection before the answer is read.
            self.socket.ends()?;
            let mut rest = [0; 4096];
            while Instant::now() < until && self.socket.read(&mut rest)? > 0 {}
        }
        Ok(())
    }
}

/// Requests that wait for a thread.
#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<(Client, std::result::Result<Request, Answer>)>>,
    has_come: Condvar,
    timed: Mutex<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn accept(listener: &Listener, queue: &Queue) {
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let queued = lock(&queue.waiting).len();
        let _ = listener.blocks(clients.len() + queued == 0);
        while clients.len() + queued < MOST_CLIENTS {
            match listener.accept() {
                Ok(client) => embed::unrecorded(|| clients.push(client)),
                Err(_) => break,
            }
            let _ = listener.blocks(false);
        }
        embed::unrecorded(|| {
            let mut at = 0;
            while at < clients.len() {
                match clients[at].read() {
                    None => at += 1,
                    Some(read) => {
                        lock(&queue.waiting).push_back((clients.swap_remove(at), read));
                        queue.has_come.notify_one();
                    }
                }
            }
        });
        // Out of descriptors, or for a client to go on.
        thread::sleep(LOOK);
    }
}

fn work(queue: &Queue) {
    loop {
        let mut waiting = lock(&queue.waiting);
        let (mut client, read) = loop {
            match waiting.pop_front() {
                Some(next) => break next,
                None => waiting = queue.has_come.wait(waiting).unwrap_or_else(|poisoned| poisoned.into_inner()),
            }
        };
        drop(waiting);
        let is_head = matches!(&read, Ok(request) if request.is_head);
        let answer = match read {
            Ok(request) => request.answer(&mut || client.is_gone(), &queue.timed),
            Err(answer) => answer,
        };
        if answer.status != 0 {
            // A client that went away is no error.
            let _ = client.send(&answer, is_head);
        }
        embed::unrecorded(|| drop((client, answer)));
    }
}
