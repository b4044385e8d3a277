//! Delivers a report: to standard output, a file, a program's standard input or a picture's viewer.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use super::arguments::Invocation;
use super::command::Target;
use super::focus::Warn;
use crate::pprof::reports::sources::plain_error;

/// The destination that the user named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination<'a> {
    /// The command's own destination.
    Default,
    File(&'a str),
    /// A shell command that reads the report.
    Pipe(&'a str),
}

/// Delivers the report's bytes, as a picture if the command draws one.
pub fn deliver(
    bytes: Vec<u8>,
    invocation: &Invocation,
    to: Destination<'_>,
    interactive: bool,
    warn: Warn<'_>,
) -> Result<(), String> {
    let command = invocation.command;
    let bytes = match command.picture {
        Some(format) => draw(&bytes, format)?,
        None => bytes,
    };
    match (to, command.target) {
        (Destination::File(path), _) => {
            warn(&format!("Generating report in {path}"));
            crate::fs::write_output(Path::new(path), &bytes).map_err(|error| error.line())
        }
        (Destination::Pipe(line), _) => pipe(&bytes, line),
        (Destination::Default, Target::Stdout) => to_stdout(&bytes),
        (Destination::Default, Target::AwayFromTerminal(suffix)) => {
            if !interactive && !std::io::stdout().is_terminal() {
                return to_stdout(&bytes);
            }
            let made = new_file(Path::new(""), "profile", &format!(".{suffix}"));
            let (mut file, path) = made.map_err(|error| plain_error(&error))?;
            warn(&format!("Generating report in {}", path.display()));
            file.write_all(&bytes).map_err(|error| plain_error(&error))
        }
        (Destination::Default, Target::Viewer(suffix, viewers)) => view(&bytes, suffix, viewers, interactive),
    }
}

/// Writes to standard output. A reader that has gone away is not an error.
pub fn to_stdout(bytes: &[u8]) -> Result<(), String> {
    crate::console::write(bytes).map_err(|error| format!("write /dev/stdout: {}", plain_error(&error)))
}

/// Creates a new file: `prefix001suffix`, or the next free number.
pub fn new_file(directory: &Path, prefix: &str, suffix: &str) -> std::io::Result<(File, PathBuf)> {
    for number in 1..10_000 {
        let path = directory.join(format!("{prefix}{number:03}{suffix}"));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::other(format!("could not create file of the form {prefix}001{suffix}")))
}

/// Makes a picture with graphviz.
fn draw(dot: &[u8], format: &str) -> Result<Vec<u8>, String> {
    let failed = |what: &str| format!("failed to execute dot. Is Graphviz installed? Error: {what}");
    let child = Process::new("dot").arg(format!("-T{format}")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let child = child.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            failed("exec: \"dot\": executable file not found in $PATH")
                + " (without it: -tree, -peek and -dot show the graph, -speedscope and -folded the stacks)"
        }
        _ => failed(&plain_error(&error)),
    })?;
    let output = feed(child, dot).map_err(|error| failed(&plain_error(&error)))?;
    if !output.status.success() {
        return Err(failed(&output.status.to_string().replace("exit status:", "exit status")));
    }
    if format != "svg" {
        return Ok(output.stdout);
    }
    // Some versions of dot forget to quote.
    Ok(String::from_utf8_lossy(&output.stdout).replace("&;", "&amp;;").into_bytes())
}

/// Writes `input` to a process while reading its output.
fn feed(mut child: std::process::Child, input: &[u8]) -> std::io::Result<std::process::Output> {
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // A process that does not read to the end reports that in its exit status.
                let _ = stdin.write_all(input);
            }
        });
        child.wait_with_output()
    })
}

fn pipe(bytes: &[u8], line: &str) -> Result<(), String> {
    let child = Process::new("sh").args(["-c", line]).stdin(Stdio::piped()).spawn();
    child.and_then(|child| feed(child, bytes)).map(|_| ()).map_err(|error| format!("sh: {}", plain_error(&error)))
}

fn view(bytes: &[u8], suffix: &str, viewers: &[&str], interactive: bool) -> Result<(), String> {
    let made = new_file(&std::env::temp_dir(), "pprof", &format!(".{suffix}"));
    let (mut file, path) = made.map_err(|error| plain_error(&error))?;
    file.write_all(bytes).map_err(|error| plain_error(&error))?;
    let viewers: Vec<String> =
        if viewers.is_empty() { browsers() } else { viewers.iter().map(|viewer| (*viewer).into()).collect() };
    let mut last = String::new();
    for viewer in viewers {
        let mut words = viewer.split(' ').filter(|word| !word.is_empty());
        let Some(program) = words.next() else { continue };
        match Process::new(program).args(words).arg(&path).spawn() {
            // The viewer may be a wrapper that returns at once, so the file stays.
            Ok(_) if interactive => return Ok(()),
            Ok(mut child) => return child.wait().map(|_| ()).map_err(|error| plain_error(&error)),
            Err(_) => {
                last = format!("exec: {program:?}: executable file not found in $PATH (the file is {})", path.display())
            }
        }
    }
    Err(last)
}

/// The commands that open a file or an address in a browser, the most likely first.
pub fn browsers() -> Vec<String> {
    let chosen = std::env::var("BROWSER").ok().filter(|browser| !browser.is_empty());
    let known: &[&str] = if cfg!(target_os = "macos") {
        &["/usr/bin/open"]
    } else {
        &["chrome", "google-chrome", "chromium", "firefox", "sensible-browser"]
    };
    let desktop = std::env::var_os("DISPLAY").is_some_and(|display| !display.is_empty()) && !cfg!(target_os = "macos");
    chosen
        .into_iter()
        .chain(known.iter().map(|browser| (*browser).into()))
        .chain(desktop.then(|| "xdg-open".into()))
        .collect()
}
