//! The sockets. Slow work runs on other threads, two at once; the number of clients, the size of their requests and
//! their time are bounded, so that a client that hangs stops nobody.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

use super::answer::Answer;
use super::endpoint::{self, Ask};
use super::listen::{Bound, Listening};
use super::page::Pages;
use super::reader::{Reader, now};
use super::trace::{self, Tracing};
use super::{answers, delta, profiles};
use crate::pprof::profile::{self, Profile};
use crate::web::server::guard::Guard;
use crate::web::server::listen::{POLICY, asked};

/// Answers that are made at the same time.
const AT_ONCE: usize = 2;
/// Clients that are connected at the same time; others wait until one of them ends.
const MOST_CLIENTS: usize = 256;
/// For a request to arrive, and for an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_TO_TAKE: Duration = Duration::from_secs(60);
const LARGEST_HEAD: usize = 64 << 10;
const LARGEST_BODY: usize = 1 << 20;
/// How often connections are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Once the program has ended: how long the answers that clients wait for may take, and how long taking them.
const FAREWELL: [Duration; 2] = [Duration::from_secs(20), Duration::from_secs(2)];

struct Shared {
    reader: Arc<Reader>,
    guard: Option<Guard>,
    turns: Arc<Semaphore>,
    /// True once the program has ended.
    over: watch::Receiver<bool>,
    begun: Instant,
    /// A CPU profile is being taken.
    sampling: AtomicBool,
    pages: Pages,
}

impl Shared {
    /// In front of every path: the key, if there is one.
    fn outside(&self) -> String {
        self.guard.as_ref().map(Guard::prefix).unwrap_or_default()
    }
}

/// Serves until `over` says that the program has ended, and then what clients still wait for.
///
/// # Errors
/// The socket cannot be used.
pub fn serve(reader: Arc<Reader>, listening: Listening, mut over: watch::Receiver<bool>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(AT_ONCE).build()?;
    runtime.block_on(async move {
        let listener = match &listening.bound {
            Bound::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Listener::Tcp(tokio::net::TcpListener::from_std(listener.try_clone()?)?)
            }
            #[cfg(not(unix))]
            Bound::Unix(none) => match *none {},
            #[cfg(unix)]
            Bound::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Listener::Unix(tokio::net::UnixListener::from_std(listener.try_clone()?)?)
            }
        };
        let shared = Arc::new(Shared {
            reader,
            guard: listening.guard.clone(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            over: over.clone(),
            begun: Instant::now(),
            sampling: AtomicBool::new(false),
            pages: Pages::default(),
        });
        let mut clients: Vec<Client> = Vec::new();
        while !*over.borrow_and_update() {
            clients.retain(Client::goes_on);
            if clients.len() >= MOST_CLIENTS {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            match tokio::time::timeout(LOOK, listener.accept(&shared)).await {
                Err(_) => {}
                Ok(Ok(client)) => clients.push(client),
                // For instance, out of file descriptors: this passes when a connection ends.
                Ok(Err(_)) => tokio::time::sleep(LOOK).await,
            }
        }
        for (wait, is_awaited) in FAREWELL.into_iter().zip([Client::is_waiting, Client::is_asking]) {
            let until = Instant::now() + wait;
            while clients.iter().any(is_awaited) && Instant::now() < until {
                tokio::time::sleep(LOOK).await;
                clients.retain(Client::goes_on);
            }
        }
        Ok(())
    })
}

enum Listener {
    Tcp(tokio::net::TcpListener),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
}

impl Listener {
    async fn accept(&self, shared: &Arc<Shared>) -> std::io::Result<Client> {
        Ok(match self {
            Listener::Tcp(listener) => Client::new(listener.accept().await?.0, shared.clone()),
            #[cfg(unix)]
            Listener::Unix(listener) => Client::new(listener.accept().await?.0, shared.clone()),
        })
    }
}

/// A connection. Its time is up where it does not take an answer; a request has to arrive in time by hyper's own timer.
struct Client {
    task: AbortHandle,
    /// Milliseconds of the server's time; 0 before the first request, `u64::MAX` while an answer is made.
    time_is_up: Arc<AtomicU64>,
    begun: Instant,
}

impl Client {
    fn new(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) -> Client {
        let time_is_up = Arc::new(AtomicU64::new(0));
        let (begun, deadline) = (shared.begun, time_is_up.clone());
        let task = tokio::spawn(async move {
            let service = service_fn(|request| {
                let (shared, deadline) = (shared.clone(), deadline.clone());
                async move {
                    deadline.store(u64::MAX, Ordering::Relaxed);
                    let response = handle(&shared, request).await;
                    deadline.store((shared.begun.elapsed() + MOST_TO_TAKE).as_millis() as u64, Ordering::Relaxed);
                    Ok::<_, Infallible>(response)
                }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(LARGEST_HEAD);
            // A client that disconnects is no error.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
        Client { task: task.abort_handle(), time_is_up, begun }
    }

    /// False once it has ended; one whose time is up is ended.
    fn goes_on(&self) -> bool {
        let time = self.time_is_up.load(Ordering::Relaxed);
        if time != 0 && self.begun.elapsed().as_millis() as u64 > time {
            self.task.abort();
        }
        !self.task.is_finished()
    }

    /// Its answer is being made.
    fn is_waiting(&self) -> bool {
        self.time_is_up.load(Ordering::Relaxed) == u64::MAX
    }

    /// It may be waiting for an answer, or taking one.
    fn is_asking(&self) -> bool {
        self.time_is_up.load(Ordering::Relaxed) != 0
    }
}

async fn handle(shared: &Arc<Shared>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let is_head = request.method() == Method::HEAD;
    // Go's index brings a style of its own.
    let is_go = request.uri().path().contains("/debug/pprof");
    let answer = match admitted(shared, request).await {
        Ok(ask) => respond(shared, ask, is_head).await,
        Err(answer) => answer,
    };
    response(answer, is_head, is_go)
}

/// The meaning of the request, if it is allowed.
async fn admitted(shared: &Arc<Shared>, request: Request<Incoming>) -> Result<Ask, Answer> {
    let (head, body) = request.into_parts();
    // hyper stops to read soon after this many bytes.
    let sizes = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    if sizes.sum::<usize>() > LARGEST_HEAD {
        return Err(Answer::refusal(431, "the request's head is too large"));
    }
    let mut path = head.uri.path();
    if let Some(guard) = &shared.guard {
        let asked = asked(&head.headers);
        if !guard.knows_host(&asked) {
            let line = "this server does not answer to that name; open it at the address that it printed";
            return Err(Answer::refusal(403, line));
        }
        let line = "the address is not whole; use the one that the server printed, with its key";
        path = guard.inside(path).ok_or_else(|| Answer::refusal(403, line))?;
        // Profiles may make the program work: other sites' pages may not have that.
        if !guard.may_change(&asked) {
            return Err(Answer::refusal(403, "another site's page may not ask here"));
        }
    }
    let body = if head.method == Method::POST {
        let limited = Limited::new(body, LARGEST_BODY);
        match tokio::time::timeout(PATIENCE, limited.collect()).await {
            Err(_) => return Err(Answer::refusal(408, "the request did not arrive in time")),
            Ok(Err(_)) => return Err(Answer::refusal(413, "the request is too large")),
            Ok(Ok(body)) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        }
    } else {
        String::new()
    };
    let asked = endpoint::ask(head.method.as_str(), path, head.uri.query().unwrap_or_default(), &body);
    asked.map_err(|answer| match &answer.location {
        Some(to) => Answer::redirect(&format!("{}{to}", shared.outside())),
        None => answer,
    })
}

async fn respond(shared: &Arc<Shared>, ask: Ask, is_head: bool) -> Answer {
    match ask {
        Ask::Difference(kind, time, in_use) if !is_head => {
            let earlier = work(shared, move |reader| profiles::take(reader, kind)).await;
            passes(shared, time).await;
            let made = work(shared, move |reader| {
                let (Some(Ok(earlier)), Ok(later)) = (earlier, profiles::take(reader, kind)) else { return None };
                let difference = delta::delta(earlier, &later, in_use).ok()?;
                Some(Answer::file(format!("{}-delta", kind.name()), profile::write_quickly(&difference)))
            });
            made.await.flatten().unwrap_or_else(|| Answer::error(500, "failed to collect profile"))
        }
        Ask::Cpu(time) if !is_head => {
            let made = cpu(shared, time, |_, made| Answer::file("profile", profile::write_quickly(&made))).await;
            made.unwrap_or_else(|refused| refused)
        }
        Ask::Trace(time) if !is_head => trace(shared, time).await,
        Ask::OpenCpu(time) if !is_head => {
            let open = |shared: &Shared, made| shared.pages.open(&shared.outside(), "CPU", made);
            cpu(shared, time, open).await.unwrap_or_else(|refused| refused)
        }
        ask => {
            let of = shared.clone();
            let made = work(shared, move |reader| answers::at_once(reader, &of.pages, &of.outside(), &ask));
            made.await.unwrap_or_else(failed)
        }
    }
}

/// A CPU profile of this time, given to `answer` on a thread.
async fn cpu(
    shared: &Arc<Shared>,
    time: Duration,
    answer: impl FnOnce(&Shared, Profile) -> Answer + Send + 'static,
) -> Result<Answer, Answer> {
    let cannot = |why: &str| Answer::error(500, &format!("Could not enable CPU profiling: {why}"));
    let sampling = Sampling::begin(shared).ok_or_else(|| cannot("cpu profiling already in use"))?;
    let begun = work(shared, |reader| reader.start_cpu().map(|()| now())).await.ok_or_else(failed)?.map_err(cannot)?;
    passes(shared, time).await;
    let of = shared.clone();
    let made = work(shared, move |reader| {
        reader.stop_cpu();
        let made = profiles::cpu(reader, begun);
        drop(sampling);
        answer(&of, made)
    });
    made.await.ok_or_else(failed)
}

/// A trace of this time.
async fn trace(shared: &Arc<Shared>, time: Duration) -> Answer {
    let cannot = |why: &str| Answer::error(500, &format!("Could not enable tracing: {why}"));
    let Some(sampling) = Sampling::begin(shared) else { return cannot("cpu profiling already in use") };
    let mut tracing = match work(shared, Tracing::begin).await {
        None => return failed(),
        Some(Err(why)) => return cannot(why),
        Some(Ok(tracing)) => tracing,
    };
    let begun = Instant::now();
    loop {
        let left = time.saturating_sub(begun.elapsed());
        passes(shared, tracing.pause().min(left)).await;
        let is_over = left.is_zero() || *shared.over.borrow();
        let looked = work(shared, move |reader| {
            tracing.look(reader);
            tracing
        });
        let Some(looked) = looked.await else { return failed() };
        tracing = looked;
        if is_over {
            break;
        }
    }
    let made = work(shared, move |reader| {
        let text = tracing.end(reader);
        drop(sampling);
        Answer { format: Some(trace::FORMAT), ..Answer::file("trace", text.into_bytes()) }
    });
    made.await.unwrap_or_else(failed)
}

/// While it exists nobody else can sample. It may go with its client.
struct Sampling(Arc<Shared>);

impl Sampling {
    fn begin(shared: &Arc<Shared>) -> Option<Sampling> {
        let was = shared.sampling.swap(true, Ordering::Acquire);
        (!was).then(|| Sampling(shared.clone()))
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        self.0.reader.forget_cpu();
        trace::forget(&self.0.reader);
        self.0.sampling.store(false, Ordering::Release);
    }
}

fn failed() -> Answer {
    Answer::refusal(500, "the answer could not be made; this is a bug, please report it")
}

/// Waits so long, or until the program ends.
async fn passes(shared: &Shared, time: Duration) {
    let mut over = shared.over.clone();
    let _ = tokio::time::timeout(time, over.wait_for(|over| *over)).await;
}

/// Runs `job` on a thread, when its turn comes. The turn belongs to the work, not to the client: a client that disconnects
/// does not free it while the work goes on.
async fn work<T: Send + 'static>(shared: &Arc<Shared>, job: impl FnOnce(&Reader) -> T + Send + 'static) -> Option<T> {
    let turn = shared.turns.clone().acquire_owned().await.ok()?;
    let reader = shared.reader.clone();
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        job(&reader)
    });
    done.await.ok()
}

fn response(answer: Answer, is_head: bool, is_go: bool) -> Response<Full<Bytes>> {
    let length = answer.body.len();
    let mut response = Response::new(if is_head { Full::default() } else { Full::from(answer.body) });
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if !is_go {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    }
    if answer.is_go_error {
        headers.insert(HeaderName::from_static("x-go-pprof"), HeaderValue::from_static("1"));
    }
    if answer.status == 405 {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if let Some(format) = answer.format {
        headers.insert(HeaderName::from_static("x-memprof-format"), HeaderValue::from_static(format));
    }
    let disposition = answer.filename.map(|name| format!("attachment; filename=\"{name}\""));
    for (name, value) in [(header::CONTENT_DISPOSITION, disposition), (header::LOCATION, answer.location)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}
