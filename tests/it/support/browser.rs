//! A real Chromium without a window, driven over the DevTools protocol.
#![allow(dead_code)]

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

const PATIENCE: Duration = Duration::from_secs(60);

/// The browser that is there, if any; `.ci/run` installs it, so that there nothing is skipped.
fn executable() -> Option<PathBuf> {
    let named = std::env::var_os("MEMPROF_CHROMIUM").map(PathBuf::from);
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    let found = named.into_iter().chain(known).find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("MEMPROF_TEST_ALL").is_none(), "MEMPROF_TEST_ALL: no chromium is installed");
        eprintln!("SKIPPED: no chromium (apt-get install chromium, or MEMPROF_CHROMIUM)");
    }
    found
}

/// A browser with one page.
pub struct Browser {
    // Ended before its folder goes.
    _process: Process,
    _home: tempfile::TempDir,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    last: u64,
    /// The page's complaints: exceptions, console errors, refused content.
    pub complaints: Vec<String>,
}

impl Browser {
    /// `None`, and said so, where there is no browser.
    pub fn start() -> Option<Browser> {
        let home = tempfile::tempdir().unwrap();
        let child = Command::new(executable()?)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
            ])
            .args([
                "--disable-component-update",
                "--disable-sync",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", home.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From here on whatever fails ends it: a browser that is left behind eats a processor.
        let mut process = Process(child);
        let port = wait("the browser's port", || {
            assert!(process.0.try_wait().unwrap().is_none(), "the browser has ended");
            let text = std::fs::read_to_string(home.path().join("DevToolsActivePort")).ok()?;
            text.lines().next()?.parse::<u16>().ok()
        });
        let page = wait("the browser's page", || {
            let list = http_get(port, "/json/list")?;
            let list: Value = serde_json::from_str(&list).ok()?;
            let page = list.as_array()?.iter().find(|one| one["type"] == "page")?;
            Some(page["webSocketDebuggerUrl"].as_str()?.to_owned())
        });
        let (socket, _) = tungstenite::connect(page).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        let mut browser = Browser { _process: process, _home: home, socket, last: 0, complaints: Vec::new() };
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.window(1280, 900);
        Some(browser)
    }

    /// Sends a command; its result.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.answer(method, params.clone()).unwrap_or_else(|error| panic!("{method} {params}: {error}"))
    }

    /// Sends a command; its result, or the browser's error.
    fn answer(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.last += 1;
        let id = self.last;
        let text = json!({ "id": id, "method": method, "params": params }).to_string();
        self.socket.send(Message::text(text)).unwrap();
        loop {
            let message = self.next();
            if message["id"] == id {
                let error = &message["error"];
                return if error.is_null() { Ok(message["result"].clone()) } else { Err(error.clone()) };
            }
        }
    }

    fn next(&mut self) -> Value {
        loop {
            let message = match self.socket.read() {
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other.expect("an answer of the browser in time"),
            };
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            let params = &message["params"];
            match message["method"].as_str() {
                Some("Runtime.exceptionThrown") => {
                    let details = &params["exceptionDetails"];
                    self.complaints.push(format!("{} {}", details["text"], details["exception"]["description"]));
                }
                Some("Runtime.consoleAPICalled") if matches!(params["type"].as_str(), Some("error" | "assert")) => {
                    self.complaints.push(params["args"].to_string());
                }
                Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                    self.complaints.push(format!("{} {}", params["entry"]["text"], params["entry"]["url"]));
                }
                _ => {}
            }
            return message;
        }
    }

    /// The window's size, in CSS pixels.
    pub fn window(&mut self, width: u32, height: u32) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        );
    }

    pub fn dark(&mut self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] }),
        );
    }

    /// Opens an address and waits until the page is there.
    pub fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
        self.until(&format!("document.readyState === 'complete' && location.href !== 'about:blank' && {} === location.href.split('#')[0].split('?')[0]", json!(url.split(['#', '?']).next())));
    }

    /// The value of `expression`, awaited.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let result = self.call("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Waits until `expression` is true.
    #[track_caller]
    pub fn until(&mut self, expression: &str) {
        let start = Instant::now();
        loop {
            let params = json!({ "expression": format!("Boolean({expression})"), "returnByValue": true });
            // While a page goes the next is not yet there to be asked.
            let result = self.answer("Runtime.evaluate", params).unwrap_or_default();
            if result["result"]["value"] == true {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "never: {expression}\n{:?}\n{result}", self.complaints);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A click into the middle of the element.
    pub fn click(&mut self, selector: &str) {
        let expression = format!(
            "(() => {{ const e = document.querySelector({selector:?}); if (!e) return null; e.scrollIntoView({{ block: 'center' }}); const b = e.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; }})()"
        );
        let mut before = Value::Null;
        // Until it stands still: a page that has just come may still be laid out, and one that goes cannot be asked.
        let place = wait(selector, || {
            let params = json!({ "expression": expression, "returnByValue": true });
            let now = self.answer("Runtime.evaluate", params).unwrap_or_default()["result"]["value"].clone();
            let same = !now.is_null() && now == before;
            before = now;
            same.then(|| before.clone())
        });
        self.click_at(place[0].as_f64().unwrap(), place[1].as_f64().unwrap(), "left");
    }

    pub fn click_at(&mut self, x: f64, y: f64, button: &str) {
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = if kind == "mouseMoved" { "none" } else { button };
            self.call(
                "Input.dispatchMouseEvent",
                json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 }),
            );
        }
    }

    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// A key by its name: `Enter`, `ArrowDown`, `i`.
    pub fn key(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Backspace" => 8,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            one => i32::from(one.to_uppercase().as_bytes()[0]),
        };
        let text = if key == "Enter" {
            "\r"
        } else if key.len() == 1 {
            key
        } else {
            ""
        };
        let mut down = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code });
        if !text.is_empty() {
            down["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code }),
        );
    }

    /// The page as a picture; `whole`: all of it, not only what the window shows.
    pub fn picture(&mut self, path: &Path, whole: bool) {
        let result = self.call("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": whole }));
        let bytes = base64::engine::general_purpose::STANDARD.decode(result["data"].as_str().unwrap()).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Nothing was complained about since it was last asked.
    #[track_caller]
    pub fn is_content(&mut self, what: &str) {
        // Everything sent before this answer has been seen by then.
        self.eval("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))");
        assert!(self.complaints.is_empty(), "{what}: {:#?}", self.complaints);
    }
}

/// A process that ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The browser's answer; it keeps the line open, so the length says where the answer ends.
fn http_get(port: u16, path: &str) -> Option<String> {
    use std::io::{BufRead as _, Read as _, Write as _};
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").ok()?;
    let mut reader = std::io::BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}
