//! The children that a program forked, each recorded by itself.

use std::process::ExitStatus;
use std::time::Duration;

use super::region::{Region, word};
use super::ring::Drain;
use super::run::{Ended, pass_on};
use super::target::Program;
use super::timeline::Timeline;
use crate::os::{Pid, Signals, monotonic};

/// More are named and left.
pub const MOST: usize = 64;

/// Waits until the children have ended, too, and passes signals on to those that have not.
pub fn wait_for(regions: Vec<Region>, signals: &mut Signals) -> Vec<Ended> {
    let mut children = Vec::new();
    for region in regions {
        let header = region.header();
        let pid = i32::try_from(header.word(word::PID)).ok().and_then(Pid::from_raw);
        let Some(pid) = pid.filter(|_| header.is_begun()) else { continue };
        // Nobody may have asked how it ended.
        while !matches!(process_state(pid), None | Some('Z' | 'X')) {
            signals.pending().for_each(|signal| pass_on(pid, signal));
            std::thread::sleep(Duration::from_millis(10));
        }
        children.push(ended(region));
    }
    children
}

fn ended(region: Region) -> Ended {
    let header = region.header();
    // A child that `_exit`s says nothing; then it is when it was looked for.
    let ended = if header.word(word::EXITED) == 0 { monotonic() } else { header.word(word::EXITED) };
    let wall = Duration::from_nanos(ended.saturating_sub(header.word(word::BEGUN)));
    let cpu = header.word(word::EXIT_CPU).saturating_sub(header.word(word::BEGUN_CPU));
    let mut timeline = Timeline::default();
    timeline.end(&region, &header, wall);
    Ended {
        status: ExitStatus::default(),
        wall,
        cpu: Duration::from_nanos(cpu),
        samples: Drain::samples(),
        waits: Drain::waits(),
        timeline,
        sampled_from: None,
        children: Vec::new(),
        region,
        is_late: false,
    }
}

/// The letter of proc_pid_stat(5); `None` if there is no such process.
pub fn process_state(pid: Pid) -> Option<char> {
    state_letter(&std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
}

/// It stands behind the name in parentheses, which may hold any character.
pub fn state_letter(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.chars().nth(1)
}

/// The name of a program's child.
pub fn named(program: &Program, number: usize) -> Program {
    Program { case: format!("{}/child-{number}", program.case), ..program.clone() }
}
