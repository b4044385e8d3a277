//! The meaning of a request, with the rules and the errors of Go's net/http/pprof.

use std::time::Duration;

use super::answer::Answer;
use super::delta::InUse;

/// Longer requests are refused: nobody may hold a client's place for ever.
const LONGEST: Duration = Duration::from_secs(3600);
const DEBUG: &str = "/debug/pprof/";

/// Profiles by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Allocs,
    Block,
    Goroutine,
    Heap,
    Mutex,
    Threadcreate,
}

impl Kind {
    pub const ALL: [Kind; 6] =
        [Kind::Allocs, Kind::Block, Kind::Goroutine, Kind::Heap, Kind::Mutex, Kind::Threadcreate];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Allocs => "allocs",
            Kind::Block => "block",
            Kind::Goroutine => "goroutine",
            Kind::Heap => "heap",
            Kind::Mutex => "mutex",
            Kind::Threadcreate => "threadcreate",
        }
    }
}

/// How a profile is to be written: 0 is protobuf, 1 text, 2 the text of a panic.
pub type Debug = i64;

#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    Index,
    /// Of the tool's own pages.
    Page(PageAsk),
    /// A CPU profile as a page.
    OpenCpu(Duration),
    Cmdline,
    /// The words between the plus signs.
    Symbol(Vec<String>),
    Cpu(Duration),
    Trace(Duration),
    Profile(Kind, Debug),
    /// The allocations of this time.
    Difference(Kind, Duration, InUse),
}

/// The requests of the tool's own pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageAsk {
    Home,
    /// The numbers of the last minutes.
    Data,
    Asset(String),
    Mark(Kind),
    /// As a page; with `true` what came since the mark.
    Open(Kind, bool),
    /// The difference since the mark.
    Download(Kind),
    /// A page of a profile that was opened: its number, path and query.
    Opened(u64, String, String),
}

/// Reads a request; `body` is that of a POST.
///
/// # Errors
/// The answer to a request that cannot be served.
pub fn ask(method: &str, path: &str, query: &str, body: &str) -> Result<Ask, Answer> {
    let takes_post = path == "/debug/pprof/symbol" || path.starts_with("/mark/");
    let is_known = matches!(method, "GET" | "HEAD") || method == "POST" && takes_post;
    if !is_known {
        return Err(Answer::refusal(405, "Method Not Allowed"));
    }
    if path.is_empty() {
        return Err(Answer::redirect("/"));
    }
    if path == "/debug/pprof" {
        return Err(Answer::redirect(DEBUG));
    }
    let Some(name) = path.strip_prefix(DEBUG) else {
        return page(method, path, query);
    };
    let query_value = |key: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let seconds = query_value("seconds");
    match name {
        "" => Ok(Ask::Index),
        "cmdline" => Ok(Ask::Cmdline),
        "symbol" => {
            let words = if method == "POST" { body } else { query };
            Ok(Ask::Symbol(words.split('+').map(str::to_owned).collect()))
        }
        "profile" => {
            let whole = seconds.parse::<i64>().ok().filter(|&seconds| seconds > 0);
            bounded(Duration::from_secs(whole.map_or(30, |seconds| seconds as u64))).map(Ask::Cpu)
        }
        "trace" => {
            let fraction = seconds.parse::<f64>().ok().filter(|&seconds| seconds > 0.0).unwrap_or(1.0);
            bounded(Duration::try_from_secs_f64(fraction).unwrap_or(Duration::MAX)).map(Ask::Trace)
        }
        name => match Kind::ALL.into_iter().find(|kind| kind.name() == name) {
            None => Err(Answer::error(404, "Unknown profile")),
            Some(kind) if seconds.is_empty() => Ok(Ask::Profile(kind, number(&query_value("debug")))),
            Some(kind) => {
                let Some(seconds) = seconds.parse::<i64>().ok().filter(|&seconds| seconds > 0) else {
                    return Err(Answer::error(400, r#"invalid value for "seconds" - must be a positive integer"#));
                };
                if number(&query_value("debug")) != 0 {
                    return Err(Answer::error(400, "seconds and debug params are incompatible"));
                }
                let in_use = if query_value("delta") == "alloc" { InUse::AsItIs } else { InUse::Change };
                bounded(Duration::from_secs(seconds as u64)).map(|time| Ask::Difference(kind, time, in_use))
            }
        },
    }
}

fn page(method: &str, path: &str, query: &str) -> Result<Ask, Answer> {
    let nothing = || Answer::refusal(404, "404 page not found");
    let kind = |name: &str| Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(nothing);
    let since = query == "since=mark";
    let mut parts = path.splitn(4, '/').skip(1);
    let asked = match (parts.next(), parts.next(), parts.next()) {
        (Some(""), None, None) => PageAsk::Home,
        (Some("live.json"), None, None) => PageAsk::Data,
        (Some("static"), Some(name), None) => PageAsk::Asset(name.to_owned()),
        (Some("open"), Some("profile"), None) => return Ok(Ask::OpenCpu(Duration::from_secs(5))),
        (Some("open"), Some(name), None) => PageAsk::Open(kind(name)?, since),
        (Some("download"), Some(name), None) => PageAsk::Download(kind(name)?),
        (Some("mark"), Some(name), None) if method == "POST" => PageAsk::Mark(kind(name)?),
        (Some("opened"), Some(number), Some(rest)) => {
            PageAsk::Opened(number.parse().map_err(|_| nothing())?, format!("/{rest}"), query.to_owned())
        }
        _ => return Err(nothing()),
    };
    Ok(Ask::Page(asked))
}

fn bounded(time: Duration) -> Result<Duration, Answer> {
    let line = format!(r#"invalid value for "seconds" - must be at most {}"#, LONGEST.as_secs());
    if time > LONGEST { Err(Answer::error(400, &line)) } else { Ok(time) }
}

/// strconv.Atoi, with its error ignored: 0, or the nearest number that there is.
fn number(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, query: &str) -> Result<Ask, String> {
        ask("GET", path, query, "").map_err(|answer| {
            assert_eq!(answer.is_go_error, answer.status != 301, "{path}?{query}");
            format!("{} {}", answer.status, String::from_utf8(answer.body).unwrap().trim_end())
        })
    }

    #[test]
    fn what_go_understands() {
        let seconds = Duration::from_secs;
        assert_eq!(get("/debug/pprof/", ""), Ok(Ask::Index));
        assert_eq!(get("/debug/pprof/heap", "gc=1"), Ok(Ask::Profile(Kind::Heap, 0)));
        for (query, debug) in [("debug=1", 1), ("debug=-1", -1), ("debug=x", 0), ("debug=1x", 0), ("debug=", 0)] {
            assert_eq!(get("/debug/pprof/heap", query), Ok(Ask::Profile(Kind::Heap, debug)), "{query}");
        }
        let huge = "debug=99999999999999999999";
        assert_eq!(get("/debug/pprof/goroutine", huge), Ok(Ask::Profile(Kind::Goroutine, i64::MAX)));
        assert_eq!(get("/debug/pprof/mutex", "seconds=3"), Ok(Ask::Difference(Kind::Mutex, seconds(3), InUse::Change)));
        assert_eq!(
            get("/debug/pprof/heap", "seconds=1&delta=alloc"),
            Ok(Ask::Difference(Kind::Heap, seconds(1), InUse::AsItIs))
        );
        assert_eq!(
            get("/debug/pprof/heap", "seconds=+3&delta=alloc"),
            Err("400 invalid value for \"seconds\" - must be a positive integer".into())
        );
        for query in ["", "seconds=0", "seconds=-1", "seconds=x", "seconds=2.5"] {
            assert_eq!(get("/debug/pprof/profile", query), Ok(Ask::Cpu(seconds(30))), "{query}");
        }
        for query in ["", "seconds=0", "seconds=-1", "seconds=x", "seconds=NaN"] {
            assert_eq!(get("/debug/pprof/trace", query), Ok(Ask::Trace(seconds(1))), "{query}");
        }
        assert_eq!(get("/debug/pprof/trace", "seconds=0.25"), Ok(Ask::Trace(Duration::from_millis(250))));
        assert_eq!(get("/debug/pprof/symbol", "0x1+0x2"), Ok(Ask::Symbol(vec!["0x1".into(), "0x2".into()])));
        assert_eq!(ask("POST", "/debug/pprof/symbol", "", "0x3"), Ok(Ask::Symbol(vec!["0x3".into()])));
        assert_eq!(get("/", ""), Ok(Ask::Page(PageAsk::Home)));
        assert_eq!(get("/open/heap", "since=mark"), Ok(Ask::Page(PageAsk::Open(Kind::Heap, true))));
        assert_eq!(ask("POST", "/mark/heap", "", ""), Ok(Ask::Page(PageAsk::Mark(Kind::Heap))));
        let opened = PageAsk::Opened(3, "/ui/top".into(), "f=x".into());
        assert_eq!(get("/opened/3/ui/top", "f=x"), Ok(Ask::Page(opened)));
        for path in ["/x", "/mark/heap", "/open/x", "/opened/x/ui", "/opened/3"] {
            assert_eq!(ask("GET", path, "", "").unwrap_err().status, 404, "{path}");
        }
    }

    #[test]
    fn errors_are_those_of_go() {
        for name in ["goroutineleak", "nosuch", "heap/", "cmdline/", "../x"] {
            assert_eq!(get(&format!("/debug/pprof/{name}"), ""), Err("404 Unknown profile".into()), "{name}");
        }
        let invalid = "400 invalid value for \"seconds\" - must be a positive integer";
        for query in
            ["seconds=0", "seconds=-1", "seconds=x", "seconds=1.5", "seconds=+3", "seconds=99999999999999999999"]
        {
            assert_eq!(get("/debug/pprof/heap", query), Err(invalid.into()), "{query}");
        }
        let both = "400 seconds and debug params are incompatible";
        assert_eq!(get("/debug/pprof/heap", "seconds=1&debug=1"), Err(both.into()));
        let most = "400 invalid value for \"seconds\" - must be at most 3600";
        for path in ["heap", "profile", "trace"] {
            assert_eq!(get(&format!("/debug/pprof/{path}"), "seconds=1000000000"), Err(most.into()), "{path}");
        }
        assert_eq!(get("/debug/pprof", "").unwrap_err().split(' ').next(), Some("301"));
        assert_eq!(ask("POST", "/debug/pprof/heap", "", "").unwrap_err().status, 405);
    }
}
