//! Where a deflate stream is broken, as Go's reader counts: "flate: corrupt input before offset 364" is what pprof says, and
//! the number depends on how far the reader has read when it notices. So a stream that could not be expanded is walked once
//! more, byte by byte, in Go's way. Nothing is kept but the size of what would come out.

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The stream contradicts itself; the bytes read before that was noticed.
    Corrupt(usize),
    /// It ends too early.
    Cut,
}

/// Walks a raw deflate stream to its end or to what is broken.
pub fn diagnose(data: &[u8]) -> Result<(), Broken> {
    Walker { data, read: 0, bits: 0, count: 0, written: 0 }.walk()
}

const MAX_LITERALS: usize = 286;
const MAX_DISTANCES: usize = 30;
const WINDOW: usize = 1 << 15;
const END_OF_BLOCK: usize = 256;
/// The longest code.
const LONGEST: u32 = 15;

struct Walker<'a> {
    data: &'a [u8],
    read: usize,
    bits: u32,
    count: u32,
    written: usize,
}

/// A code: for every 15 bits that may come, the symbol and its length; length 0: no symbol.
struct Code {
    shortest: u32,
    table: Vec<(u16, u8)>,
}

impl Code {
    /// The canonical code of these lengths; `None` where it is not complete. A code without symbols, or with one of one
    /// bit, is let through: only its use fails.
    fn new(lengths: &[u8]) -> Option<Code> {
        let mut counts = [0u32; LONGEST as usize + 1];
        lengths.iter().filter(|length| **length > 0).for_each(|length| counts[usize::from(*length)] += 1);
        let mut table = vec![(0, 0); 1 << LONGEST];
        let Some(shortest) = counts.iter().position(|count| *count > 0) else {
            return Some(Code { shortest: 0, table });
        };
        let longest = counts.iter().rposition(|count| *count > 0).unwrap_or(shortest);
        let mut next = [0u32; LONGEST as usize + 1];
        let mut code = 0u32;
        for length in shortest..=longest {
            code <<= 1;
            next[length] = code;
            code += counts[length];
        }
        if code != 1 << longest && !(code == 1 && longest == 1) {
            return None;
        }
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let slot = &mut next[usize::from(*length)];
            let reversed = (slot.reverse_bits() >> (32 - u32::from(*length))) as usize;
            *slot += 1;
            for at in (reversed..table.len()).step_by(1 << *length) {
                table[at] = (symbol as u16, *length);
            }
        }
        Some(Code { shortest: shortest as u32, table })
    }
}

impl Walker<'_> {
    fn corrupt<T>(&self) -> Result<T, Broken> {
        Err(Broken::Corrupt(self.read))
    }

    fn more(&mut self) -> Result<(), Broken> {
        let byte = *self.data.get(self.read).ok_or(Broken::Cut)?;
        self.read += 1;
        self.bits |= u32::from(byte) << self.count;
        self.count += 8;
        Ok(())
    }

    fn need(&mut self, count: u32) -> Result<(), Broken> {
        while self.count < count {
            self.more()?;
        }
        Ok(())
    }

    fn take(&mut self, count: u32) -> Result<usize, Broken> {
        self.need(count)?;
        let value = self.bits & ((1 << count) - 1);
        self.bits >>= count;
        self.count -= count;
        Ok(value as usize)
    }

    /// The next symbol. As many bits are read as the code that the bits at hand would be has.
    fn symbol(&mut self, code: &Code) -> Result<usize, Broken> {
        let mut wanted = code.shortest;
        loop {
            self.need(wanted)?;
            let (symbol, length) = code.table[(self.bits & ((1 << LONGEST) - 1)) as usize];
            wanted = u32::from(length);
            if wanted == 0 {
                return self.corrupt();
            }
            if wanted <= self.count {
                self.bits >>= wanted;
                self.count -= wanted;
                return Ok(usize::from(symbol));
            }
        }
    }

    fn walk(&mut self) -> Result<(), Broken> {
        loop {
            self.need(3)?;
            let last = self.take(1)? == 1;
            match self.take(2)? {
                0 => self.stored()?,
                1 => {
                    let mut lengths = [8u8; 288];
                    lengths[144..256].fill(9);
                    lengths[256..280].fill(7);
                    match Code::new(&lengths) {
                        Some(code) => self.block(&code, None)?,
                        None => return self.corrupt(),
                    }
                }
                2 => {
                    let (literals, distances) = self.codes()?;
                    self.block(&literals, Some(&distances))?;
                }
                _ => return self.corrupt(),
            }
            if last {
                return Ok(());
            }
        }
    }

    fn stored(&mut self) -> Result<(), Broken> {
        (self.bits, self.count) = (0, 0);
        let head: [u8; 4] =
            self.data.get(self.read..self.read + 4).and_then(|head| head.try_into().ok()).ok_or(Broken::Cut)?;
        self.read += 4;
        let length = u16::from_le_bytes([head[0], head[1]]);
        if length != !u16::from_le_bytes([head[2], head[3]]) {
            return self.corrupt();
        }
        let length = usize::from(length);
        if self.data.len() - self.read < length {
            return Err(Broken::Cut);
        }
        self.read += length;
        self.written += length;
        Ok(())
    }

    fn codes(&mut self) -> Result<(Code, Code), Broken> {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        self.need(14)?;
        let literals = self.take(5)? + 257;
        if literals > MAX_LITERALS {
            return self.corrupt();
        }
        let distances = self.take(5)? + 1;
        if distances > MAX_DISTANCES {
            return self.corrupt();
        }
        let count = self.take(4)? + 4;
        let mut lengths = [0u8; 19];
        for at in &ORDER[..count] {
            lengths[*at] = self.take(3)? as u8;
        }
        let Some(code) = Code::new(&lengths) else { return self.corrupt() };
        let total = literals + distances;
        let mut lengths: Vec<u8> = Vec::with_capacity(total);
        while lengths.len() < total {
            let (least, bits, value) = match self.symbol(&code)? {
                length @ 0..16 => {
                    lengths.push(length as u8);
                    continue;
                }
                16 => match lengths.last() {
                    Some(last) => (3, 2, *last),
                    None => return self.corrupt(),
                },
                17 => (3, 3, 0),
                _ => (11, 7, 0),
            };
            let times = least + self.take(bits)?;
            if lengths.len() + times > total {
                return self.corrupt();
            }
            lengths.resize(lengths.len() + times, value);
        }
        let (Some(mut first), Some(second)) = (Code::new(&lengths[..literals]), Code::new(&lengths[literals..])) else {
            return self.corrupt();
        };
        // Every block has an end, so at least its code's length can be read at a time.
        first.shortest = first.shortest.max(u32::from(lengths[END_OF_BLOCK]));
        Ok((first, second))
    }

    fn block(&mut self, literals: &Code, distances: Option<&Code>) -> Result<(), Broken> {
        loop {
            let symbol = self.symbol(literals)?;
            let length = match symbol {
                0..END_OF_BLOCK => {
                    self.written += 1;
                    continue;
                }
                END_OF_BLOCK => return Ok(()),
                257..265 => symbol - 254,
                265..285 => {
                    let bits = (symbol as u32 - 261) / 4;
                    ((4 + (symbol - 265) % 4) << bits) + 3 + self.take(bits)?
                }
                285 => 258,
                _ => return self.corrupt(),
            };
            let code = match distances {
                Some(distances) => self.symbol(distances)?,
                None => (self.take(5)? as u8).reverse_bits() as usize >> 3,
            };
            let distance = match code {
                0..4 => code + 1,
                4..MAX_DISTANCES => {
                    let bits = (code as u32 - 2) / 2;
                    ((2 + (code & 1)) << bits) + 1 + self.take(bits)?
                }
                _ => return self.corrupt(),
            };
            if distance > self.written.min(WINDOW) {
                return self.corrupt();
            }
            self.written += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_streams_have_nothing_broken() {
        let gzip =
            super::super::gzip::compress(&b"a stream that repeats itself, a stream that repeats itself".repeat(30));
        assert_eq!(diagnose(&gzip[10..]), Ok(()));
        assert_eq!(diagnose(&gzip[10..gzip.len() - 12]), Err(Broken::Cut));
    }

    #[test]
    fn what_is_broken_is_placed() {
        // A block of the reserved type; a stored block whose length contradicts itself; a distance before the start.
        assert_eq!(diagnose(&[0b111]), Err(Broken::Corrupt(1)));
        assert_eq!(diagnose(&[1, 5, 0, 0, 0]), Err(Broken::Corrupt(5)));
        assert_eq!(diagnose(&[0b0000_0011, 0b0000_0010, 0]), Err(Broken::Corrupt(2)));
    }
}
