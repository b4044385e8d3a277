//! The place in an executable that says that it is to wait for the tool (`templates/runtime/idle.rs`).

use std::path::Path;

use super::attach::VERSION;
use crate::programs::region::word;

const BEGIN: &[u8] = b"cargo-memprof: made to wait for\n";
const LEN: usize = word::MADE_BY_LEN * 8;

/// Puts the version and the path of the tool there.
///
/// # Errors
/// There is no such place, or more than one.
pub fn set(executable: &mut [u8], tool: &Path) -> Result<(), String> {
    let places: Vec<usize> = memchr::memmem::find_iter(executable, BEGIN).collect();
    let &[place] = places.as_slice() else {
        return Err(format!("the recorder is in it {} times", places.len()));
    };
    let room = executable.get_mut(place + BEGIN.len()..place + BEGIN.len() + LEN);
    let room = room.ok_or_else(|| "the recorder is not whole".to_owned())?;
    let mut text = format!("{VERSION}\n").into_bytes();
    let path = tool.as_os_str().as_encoded_bytes();
    // It is looked for by its name where the path is too long.
    if text.len() + path.len() < LEN {
        text.extend_from_slice(path);
    }
    room.fill(0);
    room[..text.len()].copy_from_slice(&text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_is_named_behind_the_mark() {
        let mut bytes = [b"xy", BEGIN, &[7; LEN], b"z"].concat();
        set(&mut bytes, Path::new("/bin/tool")).unwrap();
        let text = format!("{VERSION}\n/bin/tool\0");
        assert!(bytes[2 + BEGIN.len()..].starts_with(text.as_bytes()) && bytes.ends_with(b"\0z"));
        set(&mut bytes, Path::new(&"/long".repeat(100))).unwrap();
        assert!(bytes[2 + BEGIN.len()..].starts_with(format!("{VERSION}\n\0").as_bytes()));
        assert!(set(&mut b"nothing".to_vec(), Path::new("/t")).is_err());
        assert!(set(&mut [BEGIN, BEGIN].concat(), Path::new("/t")).is_err());
        assert!(set(&mut BEGIN.to_vec(), Path::new("/t")).is_err());
    }
}
