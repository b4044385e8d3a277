//! Decodes the bytes of a file to text, in any of the encodings that shells and archivers give to benchmark output.

use std::borrow::Cow;
use std::io::ErrorKind;

use flate2::read::MultiGzDecoder;

use crate::fs;

/// The text of a file: UTF-8 with or without a byte-order mark, UTF-16 likewise (PowerShell's `>`), any of them
/// gzipped. The error says what is wrong with the archive.
pub fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let text = decoded(bytes)?;
    // Where no line feed ends a line, a carriage return does.
    Ok(if text.contains('\r') && !text.contains('\n') { text.replace('\r', "\n") } else { text })
}

fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) { unzip(&bytes)? } else { bytes };
    Ok(match utf_16(&bytes) {
        Some((order, bytes)) => from_utf_16(order, bytes),
        None => {
            let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
            match String::from_utf8_lossy(text) {
                // Large files are not copied.
                Cow::Borrowed(text) if text.len() < bytes.len() => text.to_owned(),
                Cow::Borrowed(_) => String::from_utf8(bytes).unwrap_or_default(),
                Cow::Owned(text) => text,
            }
        }
    })
}

fn unzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    fs::read_bounded(MultiGzDecoder::new(bytes), fs::MOST_INPUT).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => format!("unpacked, {error}"),
        _ => format!("the gzip data is damaged: {error}"),
    })
}

#[derive(Clone, Copy)]
enum ByteOrder {
    Little,
    Big,
}

/// The byte order and the rest after its mark; a text without a mark shows its byte order by the zeros beside its
/// ASCII characters.
fn utf_16(bytes: &[u8]) -> Option<(ByteOrder, &[u8])> {
    const LOOKED_AT: usize = 1024;
    match bytes {
        [0xff, 0xfe, rest @ ..] => return Some((ByteOrder::Little, rest)),
        [0xfe, 0xff, rest @ ..] => return Some((ByteOrder::Big, rest)),
        _ => (),
    }
    let pairs: Vec<&[u8]> = bytes[..bytes.len().min(LOOKED_AT)].chunks_exact(2).collect();
    let share = |is_it: fn(&[u8]) -> bool| pairs.iter().filter(|pair| is_it(pair)).count() * 4 > pairs.len() * 3;
    if share(|pair| pair[0] != 0 && pair[1] == 0) {
        Some((ByteOrder::Little, bytes))
    } else if share(|pair| pair[0] == 0 && pair[1] != 0) {
        Some((ByteOrder::Big, bytes))
    } else {
        None
    }
}

fn from_utf_16(order: ByteOrder, bytes: &[u8]) -> String {
    let unit = |pair: &[u8]| match order {
        ByteOrder::Little => u16::from_le_bytes([pair[0], pair[1]]),
        ByteOrder::Big => u16::from_be_bytes([pair[0], pair[1]]),
    };
    char::decode_utf16(bytes.chunks_exact(2).map(unit)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Tells the user why a text may have no benchmark in it.
pub fn describe(text: &str) -> &'static str {
    let replaced = text.chars().take(1000).filter(|c| matches!(*c, '\0' | char::REPLACEMENT_CHARACTER)).count();
    if text.trim().is_empty() {
        "it is empty"
    } else if replaced > 10 || text.starts_with('\0') {
        "it is not text"
    } else if text.trim_start().starts_with(['{', '[']) {
        "it is JSON of another kind than `cargo memprof -json` prints"
    } else {
        "no line of it is like `BenchmarkName 100 17 ns/op`"
    }
}

/// Whether this is the output of `go test` where it ran no benchmark.
pub fn is_go_test(text: &str) -> bool {
    let says =
        |line: &str| line == "PASS" || ["ok ", "FAIL", "? ", "goos:", "pkg:"].iter().any(|word| line.starts_with(word));
    // A name that no line begins with was meant to be read.
    !text.contains("Benchmark") && text.lines().any(says)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &str = "goos: linux\nBenchmarkµ-8 \t 5 17 ns/op\n";

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let little: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        let all = [
            TEXT.as_bytes().to_vec(),
            marked(&[0xef, 0xbb, 0xbf], TEXT.as_bytes()),
            marked(&[0xff, 0xfe], &little),
            marked(&[0xfe, 0xff], &big),
            little,
            big,
        ];
        for bytes in all {
            assert_eq!(decode(bytes.clone()).as_deref(), Ok(TEXT), "{bytes:x?}");
            assert_eq!(decode(gzipped(&bytes)).as_deref(), Ok(TEXT), "{bytes:x?}");
        }
        // Lines as of the first Macintosh.
        let returns = TEXT.replace('\n', "\r");
        assert_eq!(decode(returns.into_bytes()).as_deref(), Ok(TEXT));
        assert_eq!(decode(b"a\rb\nc\r\n".to_vec()).as_deref(), Ok("a\rb\nc\r\n"));
        // Several members, as of `cat a.gz b.gz`.
        assert_eq!(decode([gzipped(b"a"), gzipped(b"b")].concat()).as_deref(), Ok("ab"));
    }

    #[test]
    fn what_is_no_text_is_no_panic() {
        for bytes in [&[][..], &[0xff], &[0xff, 0xfe], &[0xff, 0xfe, 0x41], &[0], &[0xef, 0xbb, 0xbf], &[0x80; 50]] {
            decode(bytes.to_vec()).unwrap();
        }
        assert_eq!(decode(b"a\xffb".to_vec()).unwrap(), "a\u{fffd}b");
        let mut damaged = gzipped(&[7; 5000]);
        damaged.truncate(damaged.len() / 2);
        assert!(decode(damaged).unwrap_err().starts_with("the gzip data is damaged"));
        for (text, why) in
            [("\n", "empty"), ("{\"a\":1}", "JSON"), ("\u{fffd}\0".repeat(9).as_str(), "not text"), ("x", "no line")]
        {
            assert!(describe(text).contains(why), "{text}");
        }
        assert!(is_go_test("goos: linux\nPASS\n") && !is_go_test("goos: linux\u{2028}BenchmarkA 1 2 ns/op\n"));
    }
}
