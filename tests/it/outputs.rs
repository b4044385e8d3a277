//! Files that the user names as output: a file, a link, a device, a pipe, a folder, a full disk.

use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support;

/// A run that was measured already.
const RESULTS: &str = r#"{"reason":"run-started","format_version":1,"tool":"0.1.0","rustc":"1.95.0","target":"x86_64-unknown-linux-gnu","profile":"bench","cpu":"","commit":null}
{"reason":"benchmark-failed","name":"p/t/a","package":"p","target":"t","id":"a","error":"panicked"}
{"reason":"run-finished","success":false,"benchmarks":0,"failed":1}
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("target/memprof")).unwrap();
        std::fs::write(dir.path().join("target/memprof/results.jsonl"), RESULTS).unwrap();
        Place(dir)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The report in `file`.
    fn report(&self, file: &Path) -> Output {
        support::tool(self.0.path()).args(["report", "-o"]).arg(file).output().unwrap()
    }

    /// A top report of a small profile in `file`.
    fn top(&self, file: &Path) -> Output {
        let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/seeds/pooled.mem.prof");
        let mut command = support::tool(self.0.path());
        command.args(["pprof", "-top"]).arg(format!("-output={}", file.display())).arg(profile).output().unwrap()
    }
}

fn code(output: &Output) -> i32 {
    assert!(String::from_utf8_lossy(&output.stderr).lines().count() <= 2, "{output:?}");
    output.status.code().unwrap()
}

#[test]
fn a_device_stays_a_device() {
    let place = Place::new();
    let null = PathBuf::from("/dev/null");
    assert_eq!((code(&place.report(&null)), code(&place.top(&null))), (0, 0));
    assert!(null.metadata().unwrap().file_type().is_char_device());
    let full = PathBuf::from("/dev/full");
    assert_eq!((code(&place.report(&full)), code(&place.top(&full))), (1, 2));
    let out = place.report(&full);
    assert!(
        String::from_utf8_lossy(&out.stderr).starts_with("error: cannot write /dev/full: No space left"),
        "{out:?}"
    );
}

#[test]
fn a_link_s_target_is_replaced_and_a_pipe_is_written_to() {
    let place = Place::new();
    std::fs::write(place.at("page.html"), "old").unwrap();
    symlink("page.html", place.at("link.html")).unwrap();
    assert_eq!(code(&place.report(&place.at("link.html"))), 0);
    assert!(place.at("link.html").is_symlink());
    assert!(std::fs::read_to_string(place.at("page.html")).unwrap().starts_with("<!"));

    let fifo = place.at("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let read = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::read(fifo).unwrap()
    });
    assert_eq!(code(&place.top(&fifo)), 0);
    assert!(read.join().unwrap().starts_with(b"File") || fifo.metadata().unwrap().file_type().is_fifo());
    assert!(fifo.metadata().unwrap().file_type().is_fifo());
}

#[test]
fn a_folder_is_refused_and_stdout_takes_the_page() {
    let place = Place::new();
    std::fs::create_dir(place.at("folder")).unwrap();
    assert_eq!((code(&place.report(&place.at("folder"))), code(&place.top(&place.at("folder")))), (2, 2));
    let page = place.report(Path::new("/dev/stdout"));
    assert!(page.status.success() && page.stdout.starts_with(b"<!") && page.stdout.ends_with(b"</html>\n"), "{page:?}");
    let mut command = support::tool(place.0.path());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = command.args(["init", "--ci", "github"]).stdout(full).output().unwrap();
    assert_eq!((code(&out), String::from_utf8_lossy(&out.stderr).contains("cannot write to stdout")), (1, true));
}
