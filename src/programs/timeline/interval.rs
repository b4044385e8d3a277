//! A part of a program's run as a profile: what each stack allocated in it, and what of that was still live at its end.
//!
//! The first is exact from one step to another. The second is known where counts leave no choice: at least as much as the
//! stack's live blocks grew since any moment of the interval, for a block that was live then and is now is older than
//! that; at most what was allocated, and what is live. The profile has the least, and says how much more it may be.

use std::str::FromStr;
use std::time::Duration;

use super::file::File;
use crate::pprof::profile::Profile;

/// From when to when, since the program's start; open ends are its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    from: Duration,
    to: Option<Duration>,
}

impl FromStr for Interval {
    type Err = String;

    /// `2s,5s`, `500ms,1.5s`, `2s,`, `,90`: seconds where no unit is given.
    fn from_str(text: &str) -> Result<Interval, String> {
        let wrong = || format!("`{text}` is not an interval; write it as 2s,5s or 500ms,1.5s");
        let (from, to) = text.split_once(',').ok_or_else(wrong)?;
        let moment = |text: &str| -> Result<Option<Duration>, String> {
            let text = text.trim();
            let number = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
            let factor = match &text[number.len()..] {
                "" | "s" => 1.0,
                "ms" => 1e-3,
                "us" => 1e-6,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
            if text.is_empty() {
                return Ok(None);
            }
            let seconds = number.parse::<f64>().map_err(|_| wrong())? * factor;
            Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| wrong())
        };
        let (from, to) = (moment(from)?.unwrap_or_default(), moment(to)?);
        if to.is_some_and(|to| to <= from) {
            return Err(format!("the interval `{text}` ends before it begins"));
        }
        Ok(Interval { from, to })
    }
}

/// The counts of a stack: allocations, bytes, frees, freed bytes.
type Counts = [u64; 4];

/// One stack in the interval: blocks and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    allocated: [u64; 2],
    /// At least and at most so many of them are live at the end.
    least: [u64; 2],
    most: [u64; 2],
}

/// `mem`, the mem.prof beside `file`, with the values of the interval. Peaks are not known of an interval.
///
/// # Errors
/// They do not belong together, or the interval is shorter than a step.
pub fn cut(mut mem: Profile, file: &File, interval: Interval) -> Result<Profile, String> {
    let kinds: Vec<&str> = mem.sample_types.iter().map(|of| &*of.kind).collect();
    if !kinds.starts_with(&["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]) {
        return Err("-between needs the mem.prof of a program's run".into());
    }
    if (mem.time_nanos, mem.samples.len()) != (file.mem_time_ns, file.mem_samples) {
        return Err("the timeline beside it is of another run".into());
    }
    let (from, to) = bounds(file, interval)?;
    let parts = parts(file, from, to, mem.samples.len());
    mem.sample_types.truncate(4);
    for (sample, part) in mem.samples.iter_mut().zip(&parts) {
        sample.values = [part.allocated, part.least].concat().into_iter().map(|value| value as i64).collect();
    }
    mem.samples.retain(|sample| !sample.is_zero());
    let at = |moment: Option<usize>| moment.map_or(0, |step| file.steps[step].at_ns);
    let seconds = |ns: u64| ns as f64 / 1e9;
    mem.comments.push(
        format!(
            "memprof: allocated from {:.3} s to {:.3} s; inuse_: the part of it that was live at the end",
            seconds(at(from)),
            seconds(at(Some(to)))
        )
        .into(),
    );
    let doubt = |i: usize| parts.iter().map(|part| part.most[i] - part.least[i]).sum::<u64>();
    let doubtful = parts.iter().filter(|part| part.most != part.least).count();
    if doubtful > 0 {
        let (blocks, bytes) = (doubt(0), doubt(1));
        mem.comments.push(
            format!(
                "memprof: inuse_ is at least; up to {blocks} blocks and {bytes} bytes more at {doubtful} stacks that freed older blocks, too"
            )
            .into(),
        );
    }
    mem.default_sample_type = "inuse_space".into();
    mem.duration_nanos = (at(Some(to)) - at(from)) as i64;
    Ok(mem)
}

/// The steps, of those with changes, that are nearest to the interval's ends; no step is the program's start.
fn bounds(file: &File, interval: Interval) -> Result<(Option<usize>, usize), String> {
    let looked = || file.steps.iter().enumerate().filter(|(_, step)| step.changes.is_some());
    let nearest = |to: Duration| {
        let to = to.as_nanos() as u64;
        looked().min_by_key(|(_, step)| step.at_ns.abs_diff(to)).map(|(number, step)| (number, step.at_ns.abs_diff(to)))
    };
    let none = || "the run has no stacks over time (it was run with --no-profiles)".to_owned();
    let (from, distance) = nearest(interval.from).ok_or_else(none)?;
    let from = (interval.from.as_nanos() as u64 > distance).then_some(from);
    let to = match interval.to {
        Some(to) => nearest(to).map(|(number, _)| number),
        None => looked().next_back().map(|(number, _)| number),
    };
    let to = to.ok_or_else(none)?;
    if from.is_some_and(|from| from >= to) {
        let of = |ns: u64| ns as f64 / 1e9;
        return Err(format!(
            "no step of the timeline lies in that interval: the run took {:.3} s, steps are {:.3} s",
            of(file.wall_ns),
            of(file.step_ns)
        ));
    }
    Ok((from, to))
}

fn parts(file: &File, from: Option<usize>, to: usize, samples: usize) -> Vec<Part> {
    let mut counts: Vec<Counts> = vec![[0; 4]; samples];
    let mut begin = counts.clone();
    // The fewest live blocks, and bytes, at a moment of the interval.
    let mut fewest = vec![[0u64; 2]; samples];
    let live = |counts: &Counts| [counts[0].saturating_sub(counts[2]), counts[1].saturating_sub(counts[3])];
    for (number, step) in file.steps.iter().enumerate().take(to + 1) {
        for change in step.changes.iter().flatten() {
            let Some(counts) = counts.get_mut(change[0] as usize) else { continue };
            counts.iter_mut().zip(&change[1..]).for_each(|(count, value)| *count = count.saturating_add(*value));
            if from.is_none_or(|from| number > from) {
                let fewest = &mut fewest[change[0] as usize];
                *fewest = std::array::from_fn(|i| fewest[i].min(live(counts)[i]));
            }
        }
        if from == Some(number) {
            begin.clone_from(&counts);
            fewest = counts.iter().map(live).collect();
        }
    }
    let part = |((end, begin), fewest): ((&Counts, &Counts), &[u64; 2])| {
        let live = live(end);
        let allocated = [0, 1].map(|i| end[i].saturating_sub(begin[i]));
        let most = [0, 1].map(|i| allocated[i].min(live[i]));
        let least = [0, 1].map(|i| live[i].saturating_sub(fewest[i]).min(most[i]));
        Part { allocated, least, most }
    };
    counts.iter().zip(&begin).zip(&fewest).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Step;
    use super::*;
    use crate::pprof::profile::{Builder, ValueType};

    /// A step a second; each stack's changes: blocks allocated and freed, of 10 bytes.
    fn file(steps: &[&[(u64, u64, u64)]]) -> File {
        let step = |(second, changes): (usize, &&[(u64, u64, u64)])| Step {
            at_ns: (second as u64 + 1) * 1_000_000_000,
            changes: Some(
                changes.iter().map(|&(stack, new, freed)| [stack, new, new * 10, freed, freed * 10]).collect(),
            ),
            ..Step::default()
        };
        File {
            version: 1,
            step_ns: 1_000_000_000,
            wall_ns: steps.len() as u64 * 1_000_000_000,
            threads: Default::default(),
            sites: Vec::new(),
            steps: steps.iter().enumerate().map(step).collect(),
            mem_time_ns: 5,
            mem_samples: 2,
        }
    }

    fn mem() -> Profile {
        let types = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space", "peak_objects", "peak_space"];
        let mut builder = Builder::new(types.map(|kind| ValueType::new(kind, "count")).into());
        for _ in 0..2 {
            let location = builder.location(None, builder.profile.samples.len() as u64 + 1, Vec::new());
            builder.sample(vec![location], vec![1; 6], Vec::new());
        }
        Profile { time_nanos: 5, ..builder.finish() }
    }

    fn values(file: &File, interval: &str) -> Vec<Vec<i64>> {
        let cut = cut(mem(), file, interval.parse().unwrap()).unwrap();
        cut.samples.iter().map(|sample| sample.values.clone()).collect()
    }

    #[test]
    fn what_was_allocated_in_it_and_is_live_at_its_end() {
        let file = file(&[&[(0, 5, 0)], &[(0, 3, 0), (1, 7, 0)], &[(1, 0, 7)], &[(0, 2, 8)]]);
        assert_eq!(values(&file, "1s,2s"), [[3, 30, 3, 30], [7, 70, 7, 70]]);
        assert_eq!(values(&file, "1s,3s"), [[3, 30, 3, 30], [7, 70, 0, 0]]);
        assert_eq!(values(&file, ",2"), [[8, 80, 8, 80], [7, 70, 7, 70]]);
        assert_eq!(values(&file, "3s,"), [[2, 20, 0, 0]]);
        assert_eq!(values(&file, "1.4s,2.2s"), [[3, 30, 3, 30], [7, 70, 7, 70]]);
    }

    #[test]
    fn doubt_is_stated() {
        // Ten old blocks; then two come and two go: old ones, or the new.
        let file = file(&[&[(0, 10, 0)], &[(0, 2, 2)], &[(0, 1, 0)]]);
        let part = cut(mem(), &file, "1s,3s".parse().unwrap()).unwrap();
        assert_eq!(part.samples[0].values, [3, 30, 1, 10]);
        assert!(
            part.comments.last().unwrap().contains("up to 2 blocks and 20 bytes more at 1 stacks"),
            "{:?}",
            part.comments
        );
        // All were gone in between: what is live is new.
        let file = self::file(&[&[(0, 10, 0)], &[(0, 0, 10)], &[(0, 5, 2)]]);
        assert_eq!(values(&file, "1s,3s"), [[5, 50, 3, 30]]);
    }

    #[test]
    fn intervals_are_read() {
        let read = |text: &str| text.parse::<Interval>();
        let of = |from: u64, to: Option<u64>| {
            Ok(Interval { from: Duration::from_millis(from), to: to.map(Duration::from_millis) })
        };
        assert_eq!(read("2s,5s"), of(2000, Some(5000)));
        assert_eq!(read("500ms,1.5"), of(500, Some(1500)));
        assert_eq!(read("1m,"), of(60_000, None));
        assert_eq!(read(","), of(0, None));
        for text in ["", "2s", "5s,2s", "2s,2s", "x,5s", "-1s,2s", "1s,2y", "1s,nan", "s,2", "1e400,", "1s,2s,3s"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let interval: Interval = "1s,2s".parse().unwrap();
        let one = file(&[&[], &[]]);
        assert!(cut(Profile { time_nanos: 6, ..mem() }, &one, interval).is_err());
        assert!(cut(Profile::default(), &one, interval).is_err());
        assert!(cut(mem(), &one, "8s,9s".parse().unwrap()).unwrap_err().contains("steps are 1.000 s"));
    }
}
