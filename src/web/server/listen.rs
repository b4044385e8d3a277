//! Listens on the socket. All slow work runs on separate threads, at most two at once, so that memory stays bounded
//! however many pages are requested.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::address::Address;
use super::browser;
use super::guard::{Asked, Guard};
use super::site::{Answer, Site, text};

/// Pages that are made at the same time.
const AT_ONCE: usize = 2;
/// How often the server checks whether to go on.
const LOOK: Duration = Duration::from_millis(100);

/// Loads nothing from elsewhere, runs nothing written into the page, and forbids framing.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                          connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// A port that is bound.
pub struct Listening {
    listener: std::net::TcpListener,
    address: Address,
    at: SocketAddr,
}

impl Listening {
    /// Binds the port; the error gives the reason.
    pub fn on(address: Address) -> Result<Self, String> {
        let mut last = format!("-http: no address is known for the host {}", address.host);
        for candidate in address.candidates()? {
            let listener = std::net::TcpListener::bind(candidate);
            match listener.and_then(|listener| Ok((listener.local_addr()?, listener))) {
                Ok((at, listener)) => return Ok(Listening { listener, address, at }),
                Err(error) => last = why_not(&address, &error),
            }
        }
        Err(last)
    }

    /// For another server than [`serve`].
    pub fn into_parts(self) -> (std::net::TcpListener, SocketAddr) {
        (self.listener, self.at)
    }
}

/// The server's options.
pub struct Options<'a> {
    /// Opens a browser on it.
    pub browser: bool,
    /// Checked ten times a second; the server ends when it is true.
    pub is_over: &'a dyn Fn() -> bool,
    pub say: &'a mut dyn FnMut(&str),
}

struct Shared {
    site: Site,
    guard: Guard,
    turns: Arc<Semaphore>,
}

/// Serves `site` until the server is told to end.
pub fn serve(site: Site, listening: Listening, options: Options<'_>) -> Result<(), String> {
    let Listening { listener, address, at } = listening;
    let guard = Guard::new(&address.host, at.ip())?;
    let url = format!("http://{}:{}{}", address.url_host(), at.port(), guard.prefix());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(AT_ONCE)
        .build()
        .map_err(|error| format!("-http: {error}"))?;
    runtime.block_on(async {
        let listener = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
        let listener = listener.map_err(|error| format!("-http: {error}"))?;
        (options.say)(&format!("Serving web UI on {url}"));
        if !at.ip().is_loopback() {
            (options.say)("other machines can reach it; the address is the key, so keep it to yourself");
        }
        if options.browser
            && let Err(error) = browser::open(&format!("{url}/"))
        {
            (options.say)(&error);
        }
        let shared = Arc::new(Shared { site, guard, turns: Arc::new(Semaphore::new(AT_ONCE)) });
        tokio::spawn(prepare(shared.clone()));
        while !(options.is_over)() {
            match tokio::time::timeout(LOOK, listener.accept()).await {
                Err(_) => {}
                Ok(Ok((stream, _))) => drop(tokio::spawn(connection(stream, shared.clone()))),
                // For instance, out of file descriptors: this passes when a connection ends.
                Ok(Err(_)) => tokio::time::sleep(LOOK).await,
            }
        }
        Ok(())
    })
}

/// Answers one browser's requests until it disconnects, which is not an error.
async fn connection(stream: tokio::net::TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(handle(shared, request).await) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn why_not(address: &Address, error: &std::io::Error) -> String {
    let Address { host, port } = address;
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("-http: port {port} of {host} is taken; choose another, or :0 for a free one")
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("-http: port {port} is not for everybody; choose one above 1023, or :0 for a free one")
        }
        std::io::ErrorKind::AddrNotAvailable => {
            format!("-http: {host} is not an address of this machine; 0.0.0.0 is all of them")
        }
        _ => format!("-http: cannot listen on {host}:{port}: {error}"),
    }
}

async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let is_head = request.method() == Method::HEAD;
    let answer = {
        let asked = asked(request.headers());
        match shared.guard.inside(request.uri().path()) {
            _ if !shared.guard.knows_host(&asked) => text(
                403,
                &format!(
                    "this server does not answer to the name {:?}; open it at the address that it printed",
                    asked.host.unwrap_or_default()
                ),
            ),
            None => text(403, "the address is not whole; open the one that the server printed, with its key"),
            Some(path) if Site::is_asset(path) => shared.site.answer(&shared.guard.prefix(), path, "", false),
            Some(path) => {
                let path = path.to_owned();
                let query = request.uri().query().unwrap_or_default().to_owned();
                make(shared.clone(), path, query, shared.guard.may_change(&asked)).await
            }
        }
    };
    respond(answer, is_head)
}

/// Prepares the pages most likely to be opened, one at a time, leaving a turn to requests in between.
async fn prepare(shared: Arc<Shared>) {
    for path in shared.site.first_pages() {
        make(shared.clone(), path, String::new(), false).await;
    }
}

/// Makes the page on a thread, when its turn comes.
async fn make(shared: Arc<Shared>, path: String, query: String, may_change: bool) -> Answer {
    let failed = || text(500, "the page could not be made; this is a bug, please report it");
    // The turn belongs to the work, not to the client: a client that disconnects does not free it while the work goes
    // on.
    let Ok(turn) = shared.turns.clone().acquire_owned().await else { return failed() };
    let made = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        shared.site.answer(&shared.guard.prefix(), &path, &query, may_change)
    });
    made.await.unwrap_or_else(|_| failed())
}

/// The parts of a request that decide whether it is allowed.
pub fn asked(headers: &HeaderMap) -> Asked<'_> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    Asked {
        host: text(header::HOST),
        origin: text(header::ORIGIN),
        referer: text(header::REFERER),
        site: text(HeaderName::from_static("sec-fetch-site")),
    }
}

fn respond(answer: Answer, is_head: bool) -> Response<Full<Bytes>> {
    let length = answer.body.len();
    let mut response = Response::new(if is_head { Full::default() } else { Full::from(answer.body) });
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    if let Some((name, value)) = answer.header {
        // A text that does not fit in a header cannot have come in a request's first line either.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
