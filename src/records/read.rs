//! Reads the record file while the bench is still writing it.
//!
//! Format (`templates/runtime/records.rs`): `kind: u32, length: u64, payload`, little-endian. A record that is cut at
//! the end of the file is either still being written or was cut off by a crash: the reader leaves it alone.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::os::os_string;
use crate::records::growth::Growth;
use crate::records::recording::*;
use crate::{Error, Result};

/// The format version that this reader understands.
const VERSION: u32 = 3;
/// Bytes before the payload.
const HEADER: usize = 12;

/// Follows one record file.
pub struct Reader {
    file: File,
    /// Bytes read and not yet understood.
    pending: Vec<u8>,
}

impl Reader {
    pub fn open(path: &Path) -> std::io::Result<Reader> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Reader { file, pending: Vec::new() })
    }

    /// All complete records that came since the last call.
    ///
    /// # Errors
    /// If the file is not in this format: the runtime of another version wrote it, or something overwrote it.
    pub fn poll(&mut self) -> Result<Vec<Record>> {
        self.file.read_to_end(&mut self.pending).map_err(|e| Error::with("cannot read the bench's records", e))?;
        let (records, end) = parse_all(&self.pending)?;
        self.pending.drain(..end);
        Ok(records)
    }
}

/// The complete records of `bytes`, and where the last of them ends.
///
/// # Errors
/// As [`Reader::poll`].
pub fn parse_all(bytes: &[u8]) -> Result<(Vec<Record>, usize)> {
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + HEADER) {
        let mut header = Payload(header);
        let (Some(kind), Some(length)) = (header.u32(), header.u64()) else { break };
        let Some(payload) = bytes[at + HEADER..].get(..length as usize) else { break };
        let mut payload = Payload(payload);
        let record = parse(kind, &mut payload).filter(|_| payload.0.is_empty());
        records.push(record.ok_or_else(|| Error::other("the bench's records are of another format"))?);
        at += HEADER + length as usize;
    }
    Ok((records, at))
}

struct Payload<'a>(&'a [u8]);

impl Payload<'_> {
    fn take(&mut self, n: usize) -> Option<&[u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn f64(&mut self) -> Option<f64> {
        self.u64().map(f64::from_bits)
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let n = self.u32()? as usize;
        Some(self.take(n)?.to_vec())
    }

    fn string(&mut self) -> Option<String> {
        Some(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }

    fn u64s(&mut self, n: usize) -> Option<Vec<u64>> {
        let bytes = self.take(n.checked_mul(8)?)?;
        Some(bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes"))).collect())
    }
}

/// `None` if the payload does not fit its kind.
fn parse(kind: u32, p: &mut Payload) -> Option<Record> {
    Some(match kind {
        1 => match p.u32()? {
            VERSION => Record::Start { pid: p.u32()? },
            _ => return None,
        },
        2 => Record::Object(object(p)?),
        3 => {
            Record::Benchmark { occurrence: p.u32()?, id: p.string()?, description: p.string()?, harness: p.string()? }
        }
        4 => Record::Begin { index: p.u32()? as usize },
        5 => {
            let (index, custom, wall_time) = (p.u32()? as usize, p.u32()? & 1 != 0, p.u32()? != 0);
            let (interrupted, stolen_ms, largest_iterations) = (p.u32()?, p.u32()?, p.u64()?);
            let sample = |p: &mut Payload| {
                let (iterations, value) = (p.u64()?, p.f64()?);
                Some(TimedSample { iterations, value, delayed: f64::from(f32::from_bits(p.u32()?)).clamp(0.0, 1.0) })
            };
            let samples = (0..p.u32()?).map(|_| sample(p)).collect::<Option<_>>()?;
            Record::Timed(Timed { index, custom, wall_time, interrupted, stolen_ms, largest_iterations, samples })
        }
        6 => Record::Counted(counted(p)?),
        7 => {
            let (index, pass) = (p.u32()? as usize, p.u32()?);
            let stacks = (0..p.u32()?).map(|_| allocation_stack(p)).collect::<Option<_>>()?;
            Record::Stacks { index, pass, stacks }
        }
        8 => Record::Samples(samples(p)?),
        9 => Record::Done { index: p.u32()? as usize },
        10 => Record::NotLinked,
        11 => Record::NoSampler { index: p.u32()? as usize },
        14 => {
            let (index, whole) = (p.u32()? as usize, p.u32()? != 0);
            let stacks = (0..p.u32()?).map(|_| peak_stack(p)).collect::<Option<_>>()?;
            Record::Peaks { index, stacks: whole.then_some(stacks) }
        }
        17 => Record::Waits(waits(p)?),
        16 => Record::Lives(lives(p)?),
        13 => Record::Freed(counted(p)?),
        15 => Record::Untimed { index: p.u32()? as usize },
        12 => Record::Verified { index: p.u32()? as usize, compared: p.u64()?, wrong: p.u64()? },
        _ => return None,
    })
}

fn counted(p: &mut Payload) -> Option<Counted> {
    let (index, pass, loops, iterations) = (p.u32()? as usize, p.u32()?, p.u32()?, p.u64()?);
    Some(Counted {
        index,
        pass: (pass != u32::MAX).then_some(pass),
        custom: loops & 1 != 0,
        iterations,
        counts: counts(p)?,
        peak_bytes: p.u64()?,
        nanoseconds: p.u64()?,
        lost: p.u64()?,
        recorder_bytes: p.u64()?,
    })
}

fn object(p: &mut Payload) -> Option<Module> {
    let bias = p.u64()?;
    let path = os_string(p.bytes()?).into();
    let build_id = p.bytes()?;
    let segment = |p: &mut Payload| Some(Segment { vaddr: p.u64()?, size: p.u64()?, file_offset: p.u64()? });
    let text = (0..p.u32()?).map(|_| segment(p)).collect::<Option<_>>()?;
    let image = Some(p.bytes()?).filter(|image| !image.is_empty());
    Some(Module { path, bias, build_id, text, image })
}

fn counts(p: &mut Payload) -> Option<StackCounts> {
    Some(StackCounts {
        allocs: p.u64()?,
        bytes: p.u64()?,
        reallocs: p.u64()?,
        grown_bytes: p.u64()?,
        frees: p.u64()?,
        freed_bytes: p.u64()?,
    })
}

fn completeness(cut: bool) -> Completeness {
    if cut { Completeness::Cut } else { Completeness::Whole }
}

fn peak_stack(p: &mut Payload) -> Option<(Stack, [u64; 2])> {
    let values = [p.u64()?, p.u64()?];
    Some((stack(p)?, values))
}

fn allocation_stack(p: &mut Payload) -> Option<Allocations> {
    let (counts, thread) = (counts(p)?, p.u32()?);
    Some(Allocations { stack: stack(p)?, counts, thread })
}

fn lives(p: &mut Payload) -> Option<Lives> {
    let (index, whole, operations, peak_bytes) = (p.u32()? as usize, p.u32()? != 0, p.u64()?, p.u64()?);
    let numbered = (0..p.u32()?).map(|_| life(p)).collect::<Option<Vec<_>>>()?;
    let at: HashMap<u32, usize> = numbered.iter().enumerate().map(|(at, (number, ..))| (*number, at)).collect();
    let placed = |numbered: Numbered| {
        numbered.iter().map(|(number, sum)| Some((*at.get(number)?, *sum))).collect::<Option<Vec<_>>>()
    };
    let stacks = numbered.into_iter().map(|(_, stack, mut life, grew_at, freed_at)| {
        (life.grew_at, life.freed_at) = (placed(grew_at)?, placed(freed_at)?);
        Some((stack, life))
    });
    let stacks = stacks.collect::<Option<_>>()?;
    let more_successions = p.u32()? != 0;
    let successions = (0..p.u32()?).map(|_| succession(p, &at)).collect::<Option<_>>()?;
    let more_spans = p.u32()? != 0;
    let spans = (0..p.u32()? as usize).map(|index| {
        let (stack, follows) = (*at.get(&p.u32()?)?, p.u32()? as usize);
        let follows = if follows <= index { follows.checked_sub(1) } else { return None };
        Some(Span { stack, follows, begun: p.u32()?, ended: p.u32()? })
    });
    let spans = spans.collect::<Option<_>>()?;
    let events = p.u64()?;
    let curve = (0..p.u32()?).map(|_| p.u64()).collect::<Option<_>>()?;
    Some(Lives {
        index,
        whole,
        operations,
        peak_bytes,
        stacks,
        successions,
        more_successions,
        spans,
        more_spans,
        curve,
        events,
    })
}

fn succession(p: &mut Payload, at: &HashMap<u32, usize>) -> Option<Succession> {
    let times = p.u64()?;
    let piece = |p: &mut Payload| {
        Some(Piece {
            stack: *at.get(&p.u32()?)?,
            blocks: p.u64()?,
            bytes: p.u64()?,
            last_bytes: p.u64()?,
            least: p.u64()?,
            least_last: p.u64()?,
            most_last: p.u64()?,
        })
    };
    let pieces = (0..p.u32()?).map(|_| piece(p)).collect::<Option<_>>()?;
    Some(Succession { times, pieces })
}

/// Stacks by their numbers.
type Numbered = Vec<(u32, u64)>;

/// The stack's number, the stack, its life but for `grew_at` and `freed_at`, and these.
fn life(p: &mut Payload) -> Option<(u32, Stack, Life, Numbered, Numbered)> {
    let number = p.u32()?;
    let mut life = Life {
        fresh: p.u64()?,
        zeroed: p.u64()?,
        grown: p.u64()?,
        shrunk: p.u64()?,
        freed: p.u64()?,
        freed_elsewhere: p.u64()?,
        kept: p.u64()?,
        of_older: p.u64()?,
        peak_bytes: p.u64()?,
        most_live: p.u64()?,
        brackets: p.u64()?,
        other_sizes: p.u64()?,
        grew: growth(p)?,
        alone: growth(p)?,
        ..Life::default()
    };
    life.sizes = (0..p.u32()?).map(|_| Some((p.u64()?, p.u64()?))).collect::<Option<_>>()?;
    let numbered = |p: &mut Payload| (0..p.u32()?).map(|_| Some((p.u32()?, p.u64()?))).collect::<Option<_>>();
    let grew_at = numbered(p)?;
    life.threads = (0..p.u32()?).map(|_| p.u32()).collect::<Option<_>>()?;
    let freed_at = numbered(p)?;
    Some((number, stack(p)?, life, grew_at, freed_at))
}

fn growth(p: &mut Payload) -> Option<Growth> {
    p.u64s(8)?.try_into().ok().map(Growth::of_words)
}

fn stack(p: &mut Payload) -> Option<Stack> {
    let (cut, depth) = (p.u32()? != 0, p.u32()? as usize);
    let addresses = p.u64s(depth)?;
    Some(Stack { addresses, leaf_is_exact: false, completeness: completeness(cut) })
}

fn samples(p: &mut Payload) -> Option<Samples> {
    let index = p.u32()? as usize;
    let method = match p.u32()? {
        1 => SamplingMethod::Perf,
        2 => SamplingMethod::PerfUserOnly,
        _ => SamplingMethod::Timers,
    };
    let (period_ns, lost, unarmed, by_timer) = (p.u64()?, p.u64()?, p.u64()?, p.u64()?);
    let iterations = p.u64()?;
    let of = |(count, thread, stack)| Sample { stack, count, thread };
    let stacks = written(p, true)?.into_iter().map(of).collect();
    Some(Samples { index, method, period_ns, lost, unarmed, by_timer, iterations, stacks })
}

fn waits(p: &mut Payload) -> Option<Waits> {
    let (index, iterations, lost) = (p.u32()? as usize, p.u64()?, p.u64()?);
    let of = |(nanoseconds, thread, stack)| Wait { stack, count: 1, nanoseconds, thread };
    let waits = written(p, false)?.into_iter().map(of).collect();
    Some(Waits { index, iterations, lost, waits })
}

/// Amounts, threads and stacks that many threads recorded at once. A slot that was not filled in time has no amount.
fn written(p: &mut Payload, leaf_is_exact: bool) -> Option<Vec<(u64, u32, Stack)>> {
    let number = p.u32()? as usize;
    let words = p.u64s(number)?;
    let (mut stacks, mut at) = (Vec::new(), 0);
    while let Some(&[amount, depth, thread]) = words.get(at..at + 3) {
        let (cut, depth) = (depth >> 32 != 0, (depth & 0xFFFF_FFFF) as usize);
        let Some(addresses) = words.get(at + 3..at + 3 + depth) else { break };
        if amount != 0 {
            let stack = Stack { addresses: addresses.to_vec(), leaf_is_exact, completeness: completeness(cut) };
            stacks.push((amount, thread as u32, stack));
        }
        at += 3 + depth;
    }
    Some(stacks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_cut_record_waits_for_its_rest() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut reader = Reader::open(file.path()).unwrap();
        let record = done(7);
        file.write_all(&record).unwrap();
        file.write_all(&record[..6]).unwrap();
        assert!(matches!(reader.poll().unwrap()[..], [Record::Done { index: 7 }]));
        assert!(reader.poll().unwrap().is_empty());
        file.write_all(&record[6..]).unwrap();
        assert!(matches!(reader.poll().unwrap()[..], [Record::Done { index: 7 }]));
    }

    #[test]
    fn another_format_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let start = [1u32.to_le_bytes(), 8u32.to_le_bytes(), [0; 4], 1u32.to_le_bytes(), [0; 4]].concat();
        file.write_all(&start).unwrap();
        assert!(Reader::open(file.path()).unwrap().poll().is_err());
    }

    fn done(index: u32) -> Vec<u8> {
        [9u32.to_le_bytes(), 4u32.to_le_bytes(), [0; 4], index.to_le_bytes()].concat()
    }

    /// The remains of a failed write make the lengths after it wrong.
    #[test]
    fn a_record_with_something_left_over_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut record = done(7);
        record[4] = 8;
        file.write_all(&[record, vec![0; 4]].concat()).unwrap();
        assert!(Reader::open(file.path()).unwrap().poll().is_err());
    }

    #[test]
    fn lengths_have_64_bits() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for high in [1u32, u32::MAX] {
            let record = [done(7), [[9, 0, 0, 0], 4u32.to_le_bytes(), high.to_le_bytes(), [1, 0, 0, 0]].concat()];
            file.as_file().set_len(0).unwrap();
            std::fs::write(file.path(), record.concat()).unwrap();
            // The second one is there in part.
            assert!(matches!(Reader::open(file.path()).unwrap().poll().unwrap()[..], [Record::Done { index: 7 }]));
        }
        file.flush().unwrap();
    }
}
