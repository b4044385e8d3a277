//! Answers to a client, with the headers of Go's net/http/pprof.

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    /// The name of the file that a browser would save.
    pub filename: Option<String>,
    /// `go tool pprof` shows the body of an error that is marked so.
    pub is_go_error: bool,
    pub location: Option<String>,
    /// The format of a file that Go has in a format of its own.
    pub format: Option<&'static str>,
    pub body: Vec<u8>,
}

pub const TEXT: &str = "text/plain; charset=utf-8";
pub const HTML: &str = "text/html; charset=utf-8";
const BYTES: &str = "application/octet-stream";

impl Answer {
    pub fn new(content_type: &'static str, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status: 200,
            content_type,
            filename: None,
            is_go_error: false,
            location: None,
            format: None,
            body: body.into(),
        }
    }

    pub fn text(body: impl Into<Vec<u8>>) -> Answer {
        Answer::new(TEXT, body)
    }

    /// A file of this name.
    pub fn file(name: impl Into<String>, body: Vec<u8>) -> Answer {
        Answer { filename: Some(name.into()), ..Answer::new(BYTES, body) }
    }

    /// An error as net/http/pprof reports it.
    pub fn error(status: u16, line: &str) -> Answer {
        Answer { status, is_go_error: true, ..Answer::text(format!("{line}\n")) }
    }

    /// A refusal by the server itself.
    pub fn refusal(status: u16, line: &str) -> Answer {
        Answer { is_go_error: false, ..Answer::error(status, line) }
    }

    pub fn redirect(to: &str) -> Answer {
        let body = format!("<a href=\"{to}\">Moved Permanently</a>.\n\n");
        Answer { status: 301, location: Some(to.to_owned()), ..Answer::new(HTML, body) }
    }
}
