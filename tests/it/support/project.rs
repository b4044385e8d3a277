//! A copy of a fixture that is changed as a project changes.

use std::fs::File;
use std::path::PathBuf;
use std::process::Output;

use cargo_memprof::results::check::Check;
use cargo_memprof::results::lines::Run;

use super::{copy_dir, fixture, lock, set_apart, target_dir, tool};

/// A copy of a fixture that may be changed; held by one test at a time.
pub struct Project {
    pub root: PathBuf,
    pub target: PathBuf,
    _lock: File,
}

impl Project {
    /// Copies fixtures/`folder`; the crate is in `inside` of it.
    pub fn copy(folder: &str, inside: &str) -> Project {
        let (lock, target) = (lock(), target_dir());
        let copy = target.join("gate").join(folder);
        let _ = std::fs::remove_dir_all(&copy);
        copy_dir(&fixture(folder), &copy);
        set_apart(&copy.join(inside), "gate");
        Project { root: copy.join(inside), target, _lock: lock }
    }

    /// Of which one variant takes its buffer from a pool.
    pub fn new() -> Project {
        Project::copy("buffer_write", "")
    }

    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.root.join(file)).unwrap()
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.root.join(file), text).unwrap();
    }

    pub fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file}: {from}");
        self.write(file, &text.replacen(from, to, 1));
    }

    pub fn tool(&self, words: &str, more: &[&str]) -> Output {
        let mut command = tool(&self.root);
        command
            .env_remove("GITHUB_STEP_SUMMARY")
            .env_remove("GITHUB_WORKSPACE")
            .args(words.split_whitespace())
            .args(more)
            .output()
            .unwrap()
    }

    /// The tool with these arguments; its exit code must be `code`.
    #[track_caller]
    pub fn memprof(&self, code: i32, words: &str) -> Printed {
        let target = self.target.to_str().unwrap();
        let out = self.tool(words, &["-benchtime=20ms", "--target-dir", target]);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let printed = Printed { stdout: text(out.stdout), stderr: text(out.stderr) };
        assert_eq!(out.status.code(), Some(code), "{words}\n{}\n{}", printed.stdout, printed.stderr);
        printed
    }
}

pub struct Printed {
    pub stdout: String,
    pub stderr: String,
}

impl Printed {
    pub fn checks(&self) -> Vec<Check> {
        Run::parse(&self.stdout).unwrap().checks
    }

    #[track_caller]
    pub fn says(&self, text: &str) {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "{text}\n{}\n{}", self.stdout, self.stderr);
    }
}

/// An allocation more, in the pooled variant.
pub fn regress(project: &Project) -> String {
    let copy = "let data = std::hint::black_box(data.to_vec());";
    let from = "let mut buffer = pool.get();\n    write_bytes(&mut buffer, data);";
    project.replace(
        "src/lib.rs",
        from,
        &format!("let mut buffer = pool.get();\n    {copy}\n    write_bytes(&mut buffer, &data);"),
    );
    let line = project.read("src/lib.rs").lines().position(|line| line.contains(copy)).unwrap() + 1;
    format!("src/lib.rs:{line}")
}
