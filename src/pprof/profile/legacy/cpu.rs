//! gperftools' CPU profile: words of 32 or 64 bits in either order. A header (0, 3, 0 or for Java 1, the period in
//! microseconds, 0), then samples (count, frames, addresses), then a sample of one address 0, then the memory map.

use rustc_hash::FxHashMap;

use super::super::model::Profile;
use super::lines::Lines;
use super::stacks::{Returns, Stacks};
use super::{Parsed, Refusal, java};

/// Reads one word: returns the value, and the rest after it.
type Word = fn(&[u8]) -> Option<(u64, &[u8])>;

const WORDS: [Word; 4] = [
    |data| data.split_first_chunk().map(|(word, rest)| (u32::from_le_bytes(*word).into(), rest)),
    |data| data.split_first_chunk().map(|(word, rest)| (u32::from_be_bytes(*word).into(), rest)),
    |data| data.split_first_chunk().map(|(word, rest)| (u64::from_le_bytes(*word), rest)),
    |data| data.split_first_chunk().map(|(word, rest)| (u64::from_be_bytes(*word), rest)),
];

pub fn read(data: &[u8]) -> Parsed<Profile> {
    for word in WORDS {
        let Some((header, samples)) = header(data, word) else { continue };
        match header {
            [0, 3, 0, period, 0] if period > 0 => return native(samples, period, word),
            [0, 3, 1, period, 0] if period > 0 => {
                let mut stacks = empty(period);
                let rest = read_samples(samples, word, Returns::None, &mut stacks)?;
                return java::with_locations(stacks, Lines::new(rest));
            }
            _ => {}
        }
    }
    Err(Refusal::Other)
}

fn header(data: &[u8], word: Word) -> Option<([u64; 5], &[u8])> {
    let (mut header, mut rest) = ([0; 5], data);
    for value in &mut header {
        (*value, rest) = word(rest)?;
    }
    Some((header, rest))
}

fn empty(period: u64) -> Stacks {
    let kinds = [("samples", "count"), ("cpu", "nanoseconds")];
    Stacks::new(&kinds, kinds[1], (period as i64).wrapping_mul(1000))
}

fn native(samples: &[u8], period: u64, word: Word) -> Parsed<Profile> {
    let mut stacks = empty(period);
    let rest = read_samples(samples, word, Returns::Callers, &mut stacks)?;
    remove_handler_frames(&mut stacks);
    stacks.set_map(&mut Lines::new(rest));
    stacks.remove_doubled_leaves();
    Ok(stacks.profile)
}

/// Reads the samples and returns the rest. A truncated file ends with its last whole sample.
fn read_samples<'a>(data: &'a [u8], word: Word, returns: Returns, stacks: &mut Stacks) -> Parsed<&'a [u8]> {
    let mut rest = data;
    while !rest.is_empty() {
        let (count, behind) = word(rest).ok_or(Refusal::Other)?;
        let (frames, behind) = word(behind).ok_or(Refusal::Other)?;
        if frames > behind.len() as u64 / 4 {
            return Err(Refusal::Other);
        }
        rest = behind;
        let mut addresses = Vec::with_capacity(frames as usize);
        for _ in 0..frames {
            let (address, behind) = word(rest).unwrap_or_default();
            addresses.push(address);
            rest = behind;
        }
        if count == 0 && addresses == [0] {
            break;
        }
        let time = (count as i64).wrapping_mul(stacks.profile.period);
        stacks.sample(&addresses, returns, vec![count as i64, time], vec![]);
    }
    Ok(rest)
}

/// Removes up to two second frames that nearly all samples share: they belong to the signal handler.
fn remove_handler_frames(stacks: &mut Stacks) {
    const FRAMES: usize = 2;
    /// One sample in this many may differ.
    const SIMILAR: usize = 32;
    let count = stacks.profile.samples.len();
    for _ in 0..FRAMES {
        let mut seconds: FxHashMap<u32, usize> = FxHashMap::default();
        for sample in &stacks.profile.samples {
            if let Some(second) = sample.locations.get(1) {
                *seconds.entry(*second).or_default() += 1;
            }
        }
        let shared = seconds.into_iter().find(|(_, samples)| *samples >= count - count / SIMILAR);
        let Some((second, _)) = shared else { return };
        for sample in stacks.profile.samples.iter_mut() {
            if sample.locations.get(1) == Some(&second) {
                sample.locations.remove(1);
            }
        }
    }
}
