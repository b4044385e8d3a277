//! One child process: started in a group of its own, watched, and ended with everything it started.

use std::collections::VecDeque;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::reason::Reason;
use crate::results::lines::FailureKind;
use crate::{Error, Result, os};

/// How often to check a child.
const POLL: Duration = Duration::from_millis(10);
/// The most output that is kept of a child.
const TAIL_BYTES: usize = 64 << 10;

/// Ctrl-C, and a polite request to end: noticed, so that children can be ended and no file is left half-written.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    pub fn listen() -> Result<Interrupt> {
        let flag = Arc::new(AtomicBool::new(false));
        // A closed terminal, too: the benches are in groups of their own and would go on.
        for &signal in os::REQUESTS_TO_END {
            signal_hook::flag::register(signal, Arc::clone(&flag))
                .map_err(|e| Error::with("cannot listen for Ctrl-C", e))?;
        }
        Ok(Interrupt(flag))
    }

    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// If an interrupt came.
    pub fn check(&self) -> Result<()> {
        if self.came() { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// An error that follows from an interrupt is an interrupt.
    pub fn explains<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| self.check().err().unwrap_or(error))
    }

    /// Until the answer is dropped, an interrupt ends `child`, too: it may have been sent to this process alone.
    pub fn pass_on_to(&self, child: &Child) -> PassingOn {
        let (interrupt, over) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let passing = PassingOn(Arc::clone(&over));
        let process = child.id();
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if interrupt.came() {
                    // A background job of a script ignores INT.
                    os::terminate(process);
                    break;
                }
                thread::sleep(POLL);
            }
        });
        passing
    }
}

/// See [`Interrupt::pass_on_to`].
pub struct PassingOn(Arc<AtomicBool>);

impl Drop for PassingOn {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The last part of a child's output.
#[derive(Debug, Default)]
struct Tail(VecDeque<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        let excess = self.0.len().saturating_sub(TAIL_BYTES);
        self.0.drain(..excess);
    }
}

/// The reason that a bench or a program could not be started, with the next step.
pub fn not_started(command: &Command, error: std::io::Error) -> Error {
    if os::is_foreign(&error) {
        return Error::other(format!(
            "cannot run {}: it is not for this machine; cargo's configuration needs a runner for it (target.TRIPLE.runner)",
            command.get_program().display()
        ));
    }
    if error.kind() == std::io::ErrorKind::NotFound {
        let program = Path::new(command.get_program());
        // Executables have absolute paths.
        let reason = match program.is_relative() {
            true => ", the runner in cargo's configuration: it is not in PATH; install it",
            false => ": it is not there; if it is the runner in cargo's configuration, install it",
        };
        return Error::other(format!("cannot run {}{reason}, or change target.TRIPLE.runner", program.display()));
    }
    Error::run(command, error)
}

/// A running child.
pub struct Running {
    child: Child,
    tail: Arc<Mutex<Tail>>,
    readers: Vec<JoinHandle<()>>,
    begun: Instant,
}

impl Running {
    /// Starts `command`; keeps the last part of its output, and copies it to stderr too if `forward` is set.
    pub fn start(mut command: Command, forward: bool) -> Result<Running> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::start_as_it_is(command, forward)
    }

    /// The same, if the caller decides where the output goes.
    pub fn start_as_it_is(mut command: Command, forward: bool) -> Result<Running> {
        os::in_own_group(command.stdin(Stdio::null()));
        let begun = Instant::now();
        let mut child = command.spawn().map_err(|e| not_started(&command, e))?;
        let tail = Arc::new(Mutex::new(Tail::default()));
        let mut readers = Vec::new();
        if let Some(out) = child.stdout.take() {
            readers.push(follow(out, Arc::clone(&tail), forward));
        }
        if let Some(err) = child.stderr.take() {
            readers.push(follow(err, Arc::clone(&tail), forward));
        }
        Ok(Running { child, tail, readers, begun })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The status if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().map_err(|e| Error::with("cannot wait for a bench", e))
    }

    /// Like [`Running::ended`], after a moment if it has not.
    pub fn poll(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.ended()?;
        if status.is_none() {
            thread::sleep(POLL);
        }
        Ok(status)
    }

    /// Whether it is stopped, as a background process is that reads from the terminal.
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // proc_pid_stat(5): the state stands behind the name in parentheses, which may hold any character.
        stat.rfind(')').and_then(|end| stat[end..].chars().nth(2)) == Some('T')
    }

    /// Waits for its end, without polling: the status (`None` if it was ended after `timeout`), how long it took, and
    /// the last part of its output.
    pub fn run(mut self, timeout: Duration, interrupt: &Interrupt) -> Result<(Option<ExitStatus>, Duration, String)> {
        let begun = self.begun;
        let group = self.child.id();
        let (ended, watch) = mpsc::channel::<()>();
        let stop = interrupt.clone();
        let guard = thread::spawn(move || {
            loop {
                match watch.recv_timeout(POLL) {
                    Err(mpsc::RecvTimeoutError::Timeout) if begun.elapsed() > timeout || stop.came() => {
                        os::kill_group(group);
                        return begun.elapsed() > timeout;
                    }
                    Err(mpsc::RecvTimeoutError::Timeout) => (),
                    _ => return false,
                }
            }
        });
        let status = self.child.wait().map_err(|e| Error::with("cannot wait for a bench", e))?;
        let elapsed = begun.elapsed();
        drop(ended);
        let late = guard.join().unwrap_or(false);
        interrupt.check()?;
        self.kill();
        Ok(((!late).then_some(status), elapsed, self.printed()))
    }

    /// Ends it and all processes that it started, if it has ended itself already.
    pub fn kill(&mut self) {
        os::kill_group(self.child.id());
        let _ = self.child.wait();
    }

    /// The last part of its output, after it has ended. A grandchild that keeps the pipe open is not waited for.
    pub fn printed(self) -> String {
        for _ in 0..50 {
            if self.readers.iter().all(|reader| reader.is_finished()) {
                break;
            }
            thread::sleep(POLL);
        }
        let tail = self.tail.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (front, back) = tail.0.as_slices();
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

fn follow(mut from: impl Read + Send + 'static, tail: Arc<Mutex<Tail>>, forward: bool) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if forward {
                let _ = std::io::stderr().write_all(&buffer[..n]);
            }
            tail.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(&buffer[..n]);
        }
    })
}

/// It took longer than --timeout.
pub fn timed_out(timeout: Duration) -> Reason {
    Reason::new(FailureKind::TimedOut, format!("took longer than --timeout {timeout:?}, and was ended"))
}

/// The end of a process, in words.
///
/// `alone`: no benchmark came through in that process before, so its last line belongs to the one that failed.
pub fn cause(status: ExitStatus, printed: &str, alone: bool) -> String {
    let last_line = |printed: &str| if alone { last_line(printed) } else { String::new() };
    // A panic may have been caught; it is the cause if the process ended as after a panic.
    let fatal = printed.lines().rev().find(|line| line.starts_with("fatal runtime error: stack overflow"));
    if let (Some(_), Some(6)) = (fatal, os::signal_of(status)) {
        return "overflowed its stack".to_owned();
    }
    if let (Some(101), _) | (_, Some(6)) = (status.code(), os::signal_of(status))
        && let Some(message) = panic_message(printed)
    {
        return format!("panicked: {message}");
    }
    match (os::signal_of(status), status.code()) {
        (Some(6), _) => "aborted (SIGABRT)".to_owned() + &last_line(printed),
        (Some(11), _) => "crashed (SIGSEGV)".to_owned(),
        (Some(signal), _) => match os::signal_name(signal) {
            Some(name) => format!("killed by {name}"),
            None => format!("killed by signal {signal}"),
        },
        (None, Some(code)) => format!("ended the process with exit status {code}") + &last_line(printed),
        (None, None) => "ended".to_owned(),
    }
}

/// The runtime's message when it cannot write its records (`templates/runtime/records.rs`).
pub fn unwritten(printed: &str) -> Option<String> {
    const SAID: &str = "cannot write what was recorded: ";
    let why = printed.lines().rev().find_map(|line| line.strip_prefix("cargo-memprof: ")?.strip_prefix(SAID))?;
    Some(format!("{SAID}{why}; make room where target/memprof is, and run it again"))
}

/// The last line that the bench printed, without criterion's own progress.
fn last_line(printed: &str) -> String {
    let said = |line: &&str| !line.trim().is_empty() && !line.starts_with("Benchmarking ");
    match printed.lines().rev().find(said) {
        Some(line) => format!(": {}", line.trim()),
        None => String::new(),
    }
}

/// `MESSAGE (at FILE:LINE:COLUMN)` of the last panic that std's hook printed.
fn panic_message(printed: &str) -> Option<String> {
    let lines: Vec<&str> = printed.lines().collect();
    let at = lines.iter().rposition(|line| line.starts_with("thread '") && line.contains("panicked at "))?;
    let place = lines[at].split("panicked at ").nth(1)?.trim_end_matches(':');
    let message =
        lines[at + 1..].iter().take_while(|line| !line.starts_with("note: ") && !line.starts_with("stack backtrace"));
    let message = message.map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    Some(if message.is_empty() { place.to_owned() } else { format!("{} (at {place})", message.trim()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criterion_s_progress_is_not_quoted_as_a_cause() {
        assert_eq!(last_line("no such file\nBenchmarking a: Warming up for 5.0000 ms\n\n"), ": no such file");
        assert_eq!(last_line("Benchmarking a\n"), "");
    }

    #[test]
    fn a_panic_is_told_with_its_place() {
        let printed =
            "x\nthread 'main' panicked at benches/a.rs:3:9:\nindex out of bounds: the len is 1\nnote: run with\n";
        assert_eq!(panic_message(printed).unwrap(), "index out of bounds: the len is 1 (at benches/a.rs:3:9)");
        assert_eq!(panic_message("fine\n"), None);
    }

    #[test]
    fn only_the_last_of_the_output_is_kept() {
        let mut tail = Tail::default();
        (0..100).for_each(|_| tail.push(&[b'x'; 8192]));
        tail.push(b"end");
        assert_eq!(tail.0.len(), TAIL_BYTES);
    }
}
