//! The two streams: data on stdout; everything else on stderr, coloured where stderr takes colour (NO_COLOR, CARGO_TERM_COLOR and
//! --color are obeyed).

use std::io::{ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};

use crate::{Error, Result};

/// Decides about colour: `--color` first, then CARGO_TERM_COLOR; else the terminal and NO_COLOR do.
pub fn set_color(flag: Option<&str>) {
    let variable = std::env::var("CARGO_TERM_COLOR").ok();
    let choice = match flag.or(variable.as_deref()) {
        Some("always") => anstream::ColorChoice::Always,
        Some("never") => anstream::ColorChoice::Never,
        _ => return,
    };
    choice.write_global();
}

fn say(label: &str, color: AnsiColor, message: &str) {
    let style = Style::new().bold().fg_color(Some(color.into()));
    // If stderr is closed, the message has no reader.
    let _ = writeln!(anstream::stderr(), "{style}{label}{style:#}: {message}");
}

pub fn warn(message: &str) {
    say("warning", AnsiColor::Yellow, message);
}

pub fn note(message: &str) {
    say("note", AnsiColor::Cyan, message);
}

pub fn error(message: &str) {
    say("error", AnsiColor::Red, message);
}

/// Lines of their own beside the data, on stderr.
pub fn tell(text: &str) {
    let _ = write!(anstream::stderr(), "{text}");
}

/// Data, on stdout. A reader that has gone away is no error.
pub fn print(text: &str) -> Result<()> {
    write(text.as_bytes()).map_err(|e| Error::with("cannot write to stdout", e))
}

/// The same, of bytes.
pub fn write(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}
