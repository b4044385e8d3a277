//! Answers: pages, texts and profiles.

use std::fmt::Write as _;
use std::sync::Mutex;

use super::lock;
use crate::heap::Sample;
use crate::profile::Profile;
use crate::{cpu, embed, heap, Error};

pub struct Answer {
    /// 0: none.
    pub status: u16,
    kind: &'static str,
    fields: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub const NONE: Answer = Answer { status: 0, kind: "", fields: String::new(), body: Vec::new() };

    fn text(body: String) -> Answer {
        let kind = "text/plain; charset=utf-8";
        Answer { status: 200, kind, fields: String::new(), body: body.into_bytes() }
    }

    pub fn error(status: u16, line: &str) -> Answer {
        let allow = if status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
        Answer { status, fields: format!("X-Go-Pprof: 1\r\n{allow}"), ..Answer::text(format!("{line}\n")) }
    }

    pub fn moved(to: &str) -> Answer {
        Answer { status: 301, fields: format!("Location: {to}\r\n"), ..Answer::text(String::new()) }
    }

    pub fn download(name: &str, body: Vec<u8>) -> Answer {
        let fields = format!("Content-Disposition: attachment; filename=\"{name}\"\r\n");
        Answer { status: 200, kind: "application/octet-stream", fields, body }
    }

    pub fn head(&self) -> String {
        let reason = match self.status {
            200 => "OK",
            301 => "Moved Permanently",
            _ => "Error",
        };
        let (status, kind, fields, length) = (self.status, self.kind, &self.fields, self.body.len());
        format!(
            "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\n{fields}Content-Length: {length}\r\n\
             X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
    }
}

const PROFILES: [(&str, &str); 5] = [
    ("allocs?debug=1", "all allocations since heap::start"),
    ("heap?debug=1", "allocations, and what of them is live; seconds=N: those of that time"),
    ("profile?seconds=5", "CPU profile of seconds=N, for go tool pprof or cargo memprof pprof"),
    ("cmdline", "the command line"),
    ("symbol", "functions of addresses"),
];

pub fn index() -> Answer {
    let rows = PROFILES.iter().map(|(path, text)| {
        let name = path.split('?').next().unwrap_or_default();
        format!("<li><a href='{path}'>{name}</a>: {text}\n")
    });
    let rows: String = rows.collect();
    let page = format!("<!DOCTYPE html><title>/debug/pprof/</title><body>/debug/pprof/\n<ul>\n{rows}</ul>\n");
    Answer { kind: "text/html; charset=utf-8", ..Answer::text(page) }
}

/// The arguments, a NUL between them.
pub fn cmdline() -> Answer {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    Answer::text(words.join("\0"))
}

/// A line for each address between plus signs whose function is known; the first line says whether any can be.
pub fn symbol(addresses: &str) -> Answer {
    let lines = addresses.split('+').filter_map(|word| Some(format!("{word} {}\n", function(word)?)));
    let lines: String = lines.collect();
    Answer::text(format!("num_symbols: {}\n{lines}", u8::from(cfg!(feature = "symbolize"))))
}

#[cfg(feature = "symbolize")]
fn function(address: &str) -> Option<String> {
    let address = u64::from_str_radix(address.strip_prefix("0x")?, 16).ok()?;
    Some(crate::symbolize::frames(address).pop()?.name)
}

#[cfg(not(feature = "symbolize"))]
fn function(_: &str) -> Option<String> {
    None
}

fn refused(error: &Error) -> Answer {
    embed::unrecorded(|| match error {
        Error::NotStarted => {
            Answer::error(409, "the heap is not recorded: call memprof::heap::start, or add ?seconds=N")
        }
        error => Answer::error(500, &error.to_string()),
    })
}

fn written(profile: &Profile, name: &str) -> Answer {
    embed::unrecorded(|| {
        let mut body = Vec::new();
        match profile.write_to(&mut body) {
            Ok(()) => Answer::download(name, body),
            Err(error) => refused(&error),
        }
    })
}

fn of_heap(is_allocs: bool, mut profile: Profile) -> Answer {
    let (name, default_type) = if is_allocs { ("allocs", "alloc_space") } else { ("heap", "inuse_space") };
    profile.default_type = default_type;
    written(&profile, name)
}

pub fn heap(is_allocs: bool, text: bool) -> Answer {
    match heap::profile() {
        Ok(profile) if text => embed::unrecorded(|| Answer::text(heap_text(&profile))),
        Ok(profile) => of_heap(is_allocs, profile),
        Err(error) => refused(&error),
    }
}

/// `heap profile: IN USE: BYTES [ALLOCATED: BYTES] @ heap/RATE`, a line a stack, and the files that the addresses are of.
fn heap_text(profile: &Profile) -> String {
    let [objects, bytes, live, live_bytes] =
        ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"].map(|kind| profile.sum(kind));
    // Scaled already: a rate of 1 leaves them so.
    let mut text = format!("heap profile: {live}: {live_bytes} [{objects}: {bytes}] @ heap/2\n");
    for stack in &profile.stacks {
        let [objects, bytes, live, live_bytes] = [0, 1, 2, 3].map(|at| stack.values[at]);
        let _ = write!(text, "{live}: {live_bytes} [{objects}: {bytes}] @");
        for address in &stack.addresses {
            let _ = write!(text, " {:#x}", address.wrapping_add(1));
        }
        text.push('\n');
    }
    text + "\nMAPPED_LIBRARIES:\n" + &std::fs::read_to_string("/proc/self/maps").unwrap_or_default()
}

/// How many requests use a recording that the first of them started.
static WINDOWS: Mutex<usize> = Mutex::new(0);

/// The heap is recorded while this exists, by whomever.
struct Recorded(bool);

impl Recorded {
    fn begin() -> crate::Result<Recorded> {
        let mut windows = lock(&WINDOWS);
        match heap::start(Sample::Exact) {
            Ok(()) => (),
            Err(Error::AlreadyStarted) if *windows == 0 => return Ok(Recorded(false)),
            Err(Error::AlreadyStarted) => (),
            Err(error) => return Err(error),
        }
        *windows += 1;
        Ok(Recorded(true))
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        if self.0 {
            let mut windows = lock(&WINDOWS);
            *windows -= 1;
            if *windows == 0 {
                let _ = heap::stop();
            }
        }
    }
}

pub fn heap_of(is_allocs: bool, in_use_as_it_is: bool, wait: impl FnOnce()) -> Answer {
    let of_that_time = || {
        let _recorded = Recorded::begin()?;
        let before = heap::profile()?;
        wait();
        let mut profile = heap::profile()?;
        embed::unrecorded(|| profile.subtract(&before, if in_use_as_it_is { 2 } else { 4 }));
        Ok(profile)
    };
    match of_that_time() {
        Ok(profile) => of_heap(is_allocs, profile),
        Err(error) => refused(&error),
    }
}

pub fn cpu(wait: impl FnOnce()) -> Answer {
    let taken = cpu::start(100).and_then(|()| {
        wait();
        cpu::stop()
    });
    match taken {
        Ok(profile) => written(&profile, "profile"),
        Err(Error::AlreadyStarted) => {
            embed::unrecorded(|| Answer::error(500, "Could not enable CPU profiling: cpu profiling already in use"))
        }
        Err(error) => refused(&error),
    }
}
