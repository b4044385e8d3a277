//! How a test ended.

use std::process::ExitStatus;
use std::time::Duration;

use super::attempt::Attempt;
use crate::measure::{ending, timed_out};

/// The exit code of a test that failed (`templates/libtest/lib.rs`).
const FAILED: i32 = 101;

/// `None`: it passed. Else why it did not, in one line.
pub fn failure(attempt: &Attempt, timeout: Duration) -> Option<String> {
    let Some(status) = attempt.status else { return Some(timed_out(timeout).error) };
    match (attempt.is_done, status.code()) {
        (true, Some(0)) => None,
        (true, Some(FAILED)) => Some(why(status, &attempt.printed())),
        (true, _) => Some(format!("passed, but then its process {}", ending(status, &attempt.printed(), false))),
        (false, _) => Some(ending(status, &attempt.printed(), true)),
    }
}

/// Whether the harness itself has printed why the test failed.
pub fn is_said(attempt: &Attempt) -> bool {
    attempt.is_done && attempt.status.and_then(|status| status.code()) == Some(FAILED)
}

/// The harness's own remark, which is the last that is printed, or the panic.
fn why(status: ExitStatus, printed: &str) -> String {
    let at = printed.rfind("\nnote: ").map(|at| at + 1).or(printed.starts_with("note: ").then_some(0));
    let remark =
        at.map(|at| printed[at..].trim_start_matches("note: ")).filter(|note| !note.contains("RUST_BACKTRACE"));
    if let Some(remark) = remark {
        return remark.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let panic = ending(status, printed, false);
    if panic.starts_with("panicked") { panic } else { "failed".to_owned() }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn the_remark_says_more_than_the_panic() {
        let panic = "thread 'a' (7) panicked at src/lib.rs:1:2:\nboom\nnote: run with `RUST_BACKTRACE=1` environment variable\n";
        let status = ExitStatus::from_raw(101 << 8);
        assert_eq!(why(status, panic), "panicked: boom (at src/lib.rs:1:2)");
        let remark = format!("{panic}note: panic did not contain expected string\n      panic message: \"boom\"\n");
        assert_eq!(why(status, &remark), "panic did not contain expected string panic message: \"boom\"");
        assert_eq!(why(status, ""), "failed");
    }
}
