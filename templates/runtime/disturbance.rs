//! The part of a sample's time that other work on the machine took.

use std::fs::File;
use std::io::Read;

use crate::sys;

/// The time that other machines on the same hardware took of all processors, in milliseconds since the start; 0 if unknown.
pub fn stolen_ms() -> u64 {
    // A tick is 10 ms on every architecture.
    let mut text = [0; 256];
    let read = File::open("/proc/stat").and_then(|mut file| file.read(&mut text));
    read.map_or(0, |len| stolen_ticks(&text[..len]) * 10)
}

/// `cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …`.
fn stolen_ticks(stat: &[u8]) -> u64 {
    number(stat.split(|&byte| byte == b'\n').next().unwrap_or_default(), 8)
}

/// The field at that place of a line; 0 if it is no number.
fn number(line: &[u8], place: usize) -> u64 {
    let field = line.split(|&byte| byte == b' ').filter(|field| !field.is_empty()).nth(place).unwrap_or_default();
    let digits = field.iter().all(u8::is_ascii_digit);
    if digits {
        field.iter().fold(0, |sum: u64, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    } else {
        0
    }
}

/// The share of a sample's time (`value`) that other work took. It lasted `wall` with what the harness does not time, such as
/// a batch's set-up; as much of the delay as fits there may lie there.
pub fn share(value: f64, (wall, delay): (u64, u64)) -> f32 {
    let inside = delay as f64 - (wall as f64 - value).max(0.0);
    if inside > 0.0 && inside < value {
        (inside / value) as f32
    } else {
        0.0
    }
}

/// The start or the end of a sample: the kernel's counts.
pub struct Mark {
    pub wall: u64,
    /// Time on a processor, of this thread and of the whole process.
    own: u64,
    process: u64,
    /// How long this thread has been ready to run without a processor; `None` if unknown.
    delay: Option<u64>,
    /// Voluntary switches, and those that other work forced.
    waits: i64,
    preempted: i64,
}

impl Mark {
    /// The clocks come last, or else the sample would seem longer.
    pub fn at_the_start(schedule: &Option<sys::Schedule>) -> Mark {
        let (usage, delay) = (sys::usage(), delay(schedule));
        Mark { delay, waits: usage.voluntary, preempted: usage.involuntary, ..Mark::clocks() }
    }

    /// The clocks come first.
    pub fn at_the_end(schedule: &Option<sys::Schedule>) -> Mark {
        let clocks = Mark::clocks();
        let (usage, delay) = (sys::usage(), delay(schedule));
        Mark { delay, waits: usage.voluntary, preempted: usage.involuntary, ..clocks }
    }

    fn clocks() -> Mark {
        Mark {
            wall: sys::clock(sys::CLOCK_MONOTONIC),
            own: sys::clock(sys::CLOCK_THREAD_CPUTIME_ID),
            process: sys::clock(sys::CLOCK_PROCESS_CPUTIME_ID),
            delay: None,
            waits: 0,
            preempted: 0,
        }
    }

    /// Whether other work took the processor until `end`; if nothing waited, time that is not the thread's own is the
    /// machine's.
    pub fn is_interrupted(&self, end: &Mark) -> bool {
        let (wall, own) = (end.wall.saturating_sub(self.wall), end.own.saturating_sub(self.own));
        end.preempted != self.preempted || end.waits == self.waits && wall > own + wall / 50 + 20_000
    }

    /// How long the thread was ready to run until `end` while other processes had the processor, in nanoseconds. 0 where it
    /// may have been the process's own threads, or what it waited for: that belongs to the result.
    pub fn delay_by_others(&self, end: &Mark) -> u64 {
        let wall = end.wall.saturating_sub(self.wall);
        let others = end.process.saturating_sub(self.process).saturating_sub(end.own.saturating_sub(self.own));
        match (self.delay, end.delay) {
            (Some(from), Some(to)) if end.waits == self.waits && others <= wall / 50 + 20_000 => {
                to.saturating_sub(from)
            }
            _ => 0,
        }
    }
}

fn delay(schedule: &Option<sys::Schedule>) -> Option<u64> {
    let mut text = [0; 80];
    Some(number(schedule.as_ref()?.read(&mut text)?, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stolen_time_is_the_eighth_number() {
        assert_eq!(stolen_ticks(b"cpu  10 20 30 40 50 60 70 123 90 0\ncpu0 1 1 1 1 1 1 1 9 1 0\n"), 123);
        assert_eq!(
            (stolen_ticks(b"cpu  10 20"), stolen_ticks(b""), stolen_ticks(b"cpu  1 2 3 4 5 6 7 x 9")),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_thread_that_waits_for_itself_is_not_interrupted() {
        let schedule = sys::Schedule::own();
        let mark = Mark::at_the_start(&schedule);
        std::thread::sleep(Duration::from_millis(5));
        let end = Mark::at_the_end(&schedule);
        assert!(end.waits > mark.waits && end.wall - mark.wall >= 5_000_000);
        assert!(!Mark { preempted: end.preempted, ..mark }.is_interrupted(&end));
        assert_eq!(mark.delay_by_others(&end), 0);
    }

    #[test]
    fn only_the_time_of_other_processes_is_a_delay() {
        let none = Mark { wall: 0, own: 0, process: 0, delay: Some(50), waits: 3, preempted: 0 };
        let end = |process: u64, waits: i64, delay: Option<u64>| {
            none.delay_by_others(&Mark { wall: 1_000_000, own: 700_000, process, delay, waits, preempted: 1 })
        };
        assert_eq!(end(700_000, 3, Some(300_050)), 300_000);
        // Another thread of the process ran; it waited; the kernel does not tell.
        assert_eq!([end(1_000_000, 3, Some(300_050)), end(700_000, 4, Some(300_050)), end(700_000, 3, None)], [0; 3]);
    }

    #[test]
    fn a_delay_may_lie_in_what_is_not_timed() {
        assert_eq!(share(1000.0, (1000, 250)), 0.25);
        // Of 300 at most 200 fit in the set-up.
        assert_eq!(share(1000.0, (1200, 300)), 0.1);
        assert_eq!((share(1000.0, (5000, 300)), share(0.0, (10, 5)), share(1000.0, (1000, 1000))), (0.0, 0.0, 0.0));
    }
}
