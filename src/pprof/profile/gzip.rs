//! gzip, with a bound and with the words of Go's reader, which are the words that pprof's users search for.
//!
//! A gzip file may expand a thousandfold; a profile that was sent by mail must not take the machine down. So the expanded
//! size is bounded by [`MAX_EXPANDED`], far above any real profile.

use std::io::Write;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::inflate::{Broken, diagnose};

/// The most bytes that a compressed profile may expand to: 512 MiB. The largest profiles that tools write have some 10 MiB.
pub const MAX_EXPANDED: usize = 512 << 20;

const UNEXPECTED_EOF: &str = "unexpected EOF";
const TOO_LARGE: &str = "larger than";
const INVALID_HEADER: &str = "gzip: invalid header";

/// Whether `data` starts as gzip does.
pub fn is_gzip(data: &[u8]) -> bool {
    data.starts_with(&[0x1f, 0x8b])
}

/// Expands all members of a gzip file. The error is what Go's compress/gzip says.
pub fn expand(data: &[u8]) -> Result<Vec<u8>, String> {
    expand_bounded(data, MAX_EXPANDED)
}

fn expand_bounded(data: &[u8], bound: usize) -> Result<Vec<u8>, String> {
    // The last four bytes give the size (modulo 2^32): a good guess for the first allocation, believed only within reason.
    let hint = data.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
    let mut out = Vec::with_capacity(hint.min(data.len().saturating_mul(1032)).min(bound));
    let mut rest = data;
    while !rest.is_empty() {
        rest = member(skip_header(rest)?, &mut out, bound)?;
    }
    Ok(out)
}

fn skip_header(data: &[u8]) -> Result<&[u8], String> {
    let (head, mut rest) = data.split_at_checked(10).ok_or(UNEXPECTED_EOF)?;
    if head[..3] != [0x1f, 0x8b, 8] {
        return Err(INVALID_HEADER.into());
    }
    let flags = head[3];
    if flags & 0x04 != 0 {
        let (length, tail) = rest.split_at_checked(2).ok_or(UNEXPECTED_EOF)?;
        let length = usize::from(length[0]) | usize::from(length[1]) << 8;
        rest = tail.get(length..).ok_or(UNEXPECTED_EOF)?;
    }
    for text in [0x08, 0x10] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0).ok_or(UNEXPECTED_EOF)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & 0x02 != 0 {
        let mut sum = Crc::new();
        sum.update(&data[..data.len() - rest.len()]);
        let (written, tail) = rest.split_at_checked(2).ok_or(UNEXPECTED_EOF)?;
        if written != &sum.sum().to_le_bytes()[..2] {
            return Err(INVALID_HEADER.into());
        }
        rest = tail;
    }
    Ok(rest)
}

/// Expands one member's body onto `out`; what follows its trailer. What is broken is told as Go's reader would.
fn member<'a>(data: &'a [u8], out: &mut Vec<u8>, bound: usize) -> Result<&'a [u8], String> {
    expand_member(data, out, bound).map_err(|error| {
        if error.starts_with(TOO_LARGE) {
            return error;
        }
        match diagnose(data) {
            Err(Broken::Corrupt(offset)) => format!("flate: corrupt input before offset {offset}"),
            Err(Broken::Cut) => UNEXPECTED_EOF.into(),
            Ok(()) => error,
        }
    })
}

fn expand_member<'a>(data: &'a [u8], out: &mut Vec<u8>, bound: usize) -> Result<&'a [u8], String> {
    let start = out.len();
    let mut inflate = Decompress::new(false);
    loop {
        let read = inflate.total_in() as usize;
        if out.len() == out.capacity() {
            if out.len() >= bound {
                return Err(format!("{TOO_LARGE} {} MiB when expanded", bound >> 20));
            }
            out.reserve_exact(out.len().clamp(32 << 10, bound - out.len()));
        }
        let before = out.len();
        let status =
            inflate.decompress_vec(&data[read..], out, FlushDecompress::None).map_err(|_| "gzip: invalid checksum")?;
        match status {
            Status::StreamEnd => break,
            // No input left, and nothing more comes out.
            _ if inflate.total_in() as usize == data.len() && out.len() == before => return Err(UNEXPECTED_EOF.into()),
            Status::BufError if out.len() < out.capacity() => return Err(UNEXPECTED_EOF.into()),
            _ => {}
        }
    }
    if out.len() > bound {
        return Err(format!("{TOO_LARGE} {} MiB when expanded", bound >> 20));
    }
    let (trailer, rest) = data[inflate.total_in() as usize..].split_at_checked(8).ok_or(UNEXPECTED_EOF)?;
    let mut sum = Crc::new();
    sum.update(&out[start..]);
    if trailer[..4] != sum.sum().to_le_bytes() || trailer[4..] != ((out.len() - start) as u32).to_le_bytes() {
        return Err("gzip: invalid checksum".into());
    }
    Ok(rest)
}

/// Compresses `data`, without a time of its own, so that equal profiles are equal files.
pub fn compress(data: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::GzBuilder::new().write(Vec::with_capacity(data.len() / 2), flate2::Compression::default());
    // Writing into a Vec does not fail.
    encoder.write_all(data).and_then(|()| encoder.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_joined() {
        let two = [compress(b"ab"), compress(b"cd")].concat();
        assert_eq!(expand(&two).unwrap(), b"abcd");
    }

    #[test]
    fn broken_files_get_gos_words() {
        let good = compress(&b"some text that is long enough to be compressed, long enough".repeat(9));
        assert_eq!(expand(&good[..5]).unwrap_err(), UNEXPECTED_EOF);
        assert_eq!(expand(&good[..good.len() / 2]).unwrap_err(), UNEXPECTED_EOF);
        assert_eq!(expand(&good[..good.len() - 3]).unwrap_err(), UNEXPECTED_EOF);
        assert_eq!(expand(&[&good[..], b"garbage after the end"].concat()).unwrap_err(), INVALID_HEADER);
        let mut wrong_sum = good.clone();
        let at = good.len() - 6;
        wrong_sum[at] ^= 1;
        assert_eq!(expand(&wrong_sum).unwrap_err(), "gzip: invalid checksum");
    }

    #[test]
    fn a_bomb_meets_the_bound() {
        let bomb = compress(&vec![0; 4 << 20]);
        assert_eq!(expand_bounded(&bomb, 1 << 20).unwrap_err(), "larger than 1 MiB when expanded");
        assert_eq!(expand_bounded(&bomb, 4 << 20).unwrap().len(), 4 << 20);
    }
}
