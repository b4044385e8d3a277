//! rustc's `.d` files, from which cargo tells what is out of date. After a call with an overlay they must name the originals.

use std::path::Path;

use super::arguments::Arguments;
use super::overlay::Overlay;
use super::{RUNTIME_VARIABLE, Setup};
use crate::{Result, fs};

/// After a call: its `.d` file names the originals, and the runtime that it was built with.
pub fn mend_file(args: &Arguments, overlay: Option<&Overlay>, setup: &Setup) -> Result<()> {
    let Some(path) = args.output(".d").filter(|path| path.exists()) else { return Ok(()) };
    let text = fs::read_to_string(&path)?;
    fs::write(&path, mend(&text, overlay, RUNTIME_VARIABLE, &setup.runtime.hash))
}

/// `text` with `overlay` paths put back to `original`, and with a line that makes cargo rebuild when `variable` changes.
fn mend(text: &str, overlay: Option<&Overlay>, variable: &str, value: &str) -> String {
    let mut mended = match overlay {
        Some(overlay) => text.replace(&escaped(&overlay.folder), &escaped(&overlay.original)),
        None => text.to_owned(),
    };
    if !mended.ends_with('\n') {
        mended.push('\n');
    }
    mended.push_str(&format!("# env-dep:{variable}={value}\n"));
    mended
}

/// rustc writes a space of a path as `\ `.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace(' ', "\\ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_originals() {
        let text = "out.rlib: /o\\ v/1/lib.rs /o\\ v/1/a.rs\n\n/o\\ v/1/lib.rs:\n";
        let overlay = Overlay { folder: "/o v/1".into(), original: "/src dir".into() };
        let mended = mend(text, Some(&overlay), "V", "7");
        assert_eq!(mended, "out.rlib: /src\\ dir/lib.rs /src\\ dir/a.rs\n\n/src\\ dir/lib.rs:\n# env-dep:V=7\n");
    }
}
