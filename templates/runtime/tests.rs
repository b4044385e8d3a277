//! Tests: each is counted in a process of its own, so that no other test, and no thread that one left behind, is in its
//! numbers.

use std::thread::{Builder, Result};

use crate::bracket::{self, COUNT, LIVE, PEAK, STACKS};
use crate::plan::Mode;
use crate::records::{self, Record};
use crate::{driver, fork, places, results, stacks, thread, threads};

/// The tool's wish about the tests of this executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestsAsked {
    /// The tool is not there: a test has started its own executable, for instance.
    Nothing,
    /// Only benchmarks are asked for.
    Benchmarks,
    /// Name them.
    List,
    /// Run those for which [`test`] has a use.
    Run,
}

pub fn tests_asked() -> TestsAsked {
    match driver::plan().map(|plan| plan.mode) {
        None => TestsAsked::Nothing,
        Some(Mode::ListTests) => TestsAsked::List,
        Some(Mode::Test) => TestsAsked::Run,
        Some(_) => TestsAsked::Benchmarks,
    }
}

/// Names a test to the tool; `message` says why it is ignored, if it is.
pub fn list_test(occurrence: u32, name: &str, ignored: bool, message: Option<&str>, should_panic: bool) {
    let message = message.map_or(String::new(), |message| format!(",\"message\":{}", records::quoted(message)));
    Record::new(records::BENCHMARK)
        .u32(occurrence)
        .bytes(name.as_bytes())
        .bytes(format!("{{\"ignored\":{}{},\"should_panic\":{}}}", ignored, message, should_panic).as_bytes())
        .bytes(b"libtest")
        .emit();
}

/// Runs `body` on a thread named as the test, as libtest does, and counts until that thread has ended; `None` if the
/// test was not chosen.
pub fn test<T: Send + 'static>(name: &str, body: impl FnOnce() -> T + Send + 'static) -> Option<Result<T>> {
    let plan = driver::plan()?;
    let selected = plan.take(name)?;
    // Else the first line that a test prints would allocate the buffer of stdout.
    drop(std::io::stdout());
    records::emit_short(records::BEGIN, [selected.index]);
    stacks::forget_all();
    bracket::begin(COUNT | LIVE | PEAK | if plan.stacks { STACKS } else { 0 });
    let run = move || {
        bracket::open();
        body()
    };
    let thread = Builder::new().name(name.to_string()).spawn(run).expect("cannot start a thread for the test");
    let out = thread.join();
    if fork::is_child() {
        return Some(out);
    }
    // A scoped thread is joined before it gives its last blocks back.
    uncounted(threads::settle);
    bracket::close();
    let sum = bracket::end();
    results::counted(records::COUNTED, selected.index, 0, 1, &sum);
    if plan.stacks {
        results::stacks(selected.index, 0);
    }
    drop(places::tell());
    records::emit_short(records::DONE, [selected.index]);
    Some(out)
}

/// Runs `body`, whose allocations are not the test's: the message of a panic, with a backtrace, takes a hundred thousand.
pub fn uncounted<T>(body: impl FnOnce() -> T) -> T {
    thread::nested(body)
}
