//! gzip with a size limit: a file may expand a thousandfold, and a profile from elsewhere must not exhaust memory.

use std::io::{ErrorKind, Read, Write};

use flate2::bufread::MultiGzDecoder;

/// The most bytes that a compressed profile may expand to: 512 MiB. The largest profiles that tools write are about 10
/// MiB.
pub const MAX_EXPANDED: usize = 512 << 20;

/// Whether `data` starts like a gzip file.
pub fn is_gzip(data: &[u8]) -> bool {
    data.starts_with(&[0x1f, 0x8b])
}

/// Expands all members of a gzip file.
pub fn expand(data: &[u8]) -> Result<Vec<u8>, String> {
    expand_bounded(data, MAX_EXPANDED)
}

fn expand_bounded(data: &[u8], bound: usize) -> Result<Vec<u8>, String> {
    // The last four bytes hold the size (modulo 2^32): a good guess for the first allocation, but only trusted within
    // limits.
    let hint = data.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
    let mut out = Vec::with_capacity(hint.min(data.len().saturating_mul(1032)).min(bound));
    let read = MultiGzDecoder::new(data).take(bound as u64 + 1).read_to_end(&mut out);
    read.map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => "the file ends too early; copy or record it again".to_owned(),
        _ => format!("{error}; copy or record it again"),
    })?;
    if out.len() > bound { Err(format!("larger than {} MiB when expanded", bound >> 20)) } else { Ok(out) }
}

/// Compresses `data` without a timestamp, so that equal profiles are equal files.
pub fn compress(data: &[u8]) -> Vec<u8> {
    compress_by(flate2::Compression::default(), data)
}

/// Takes a fraction of the time, and gives somewhat more bytes.
pub fn compress_quickly(data: &[u8]) -> Vec<u8> {
    compress_by(flate2::Compression::fast(), data)
}

fn compress_by(level: flate2::Compression, data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::with_capacity(data.len() / 2), level);
    // Writing into a Vec does not fail.
    encoder.write_all(data).and_then(|()| encoder.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_joined() {
        let two = [compress(b"ab"), compress_quickly(b"cd")].concat();
        assert_eq!(expand(&two).unwrap(), b"abcd");
    }

    #[test]
    fn broken_files_are_refused() {
        let good = compress(&b"some text that is long enough to be compressed, long enough".repeat(9));
        for end in 0..good.len() {
            assert!(end == 0 || expand(&good[..end]).unwrap_err().starts_with("the file ends too early"), "{end}");
        }
        assert!(expand(&[&good[..], b"garbage after the end"].concat()).is_err());
        for at in [good.len() - 6, good.len() - 2, 15] {
            let mut broken = good.clone();
            broken[at] ^= 1;
            assert!(expand(&broken).is_err(), "{at}");
        }
    }

    #[test]
    fn a_bomb_meets_the_bound() {
        let bomb = compress(&vec![0; 4 << 20]);
        assert_eq!(expand_bounded(&bomb, 1 << 20).unwrap_err(), "larger than 1 MiB when expanded");
        assert_eq!(expand_bounded(&bomb, 4 << 20).unwrap().len(), 4 << 20);
    }
}
