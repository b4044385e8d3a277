//! Programs with the runtime in them, run by a plan as the tool runs benches.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::triple;
use cargo_memprof::measure::{Launch, located};
use cargo_memprof::records::{Reader, Record};
use cargo_memprof::unwind;

/// Whether everything is to be tested, however long it takes.
pub fn thorough() -> bool {
    std::env::var_os("MEMPROF_TEST_SLOW").is_some()
}

/// The way to start a program: by cargo's runner for the target that is tested.
fn launch() -> Launch {
    let variable = |triple: String| format!("CARGO_TARGET_{}_RUNNER", triple.to_uppercase().replace('-', "_"));
    let runner = triple().and_then(|triple| std::env::var(variable(triple)).ok()).unwrap_or_default();
    let runner = runner.split_whitespace().map(Into::into).collect();
    Launch { folder: PathBuf::new(), variables: Vec::new(), runner }
}

/// Builds a program of the fixture `recording` with one of the fixture's profiles; where it is.
pub fn build(profile: &str, program: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recording");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recording/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--profile", profile, "--bin", program, "--manifest-path"]);
    cargo.arg(manifest);
    cargo.arg("--target-dir").arg(&folder).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let other = triple();
    cargo.args(other.iter().flat_map(|other| ["--target", other]));
    assert!(cargo.status().unwrap().success(), "{program} does not build with profile {profile}");
    folder.join(other.unwrap_or_default()).join(profile).join(program)
}

/// The outcome of a program.
pub struct Run {
    pub records: Vec<Record>,
    /// Of the records' file.
    pub bytes: u64,
    pub output: Output,
}

/// One program, and its unwind table.
pub struct Program {
    path: PathBuf,
    folder: tempfile::TempDir,
    ids: Vec<String>,
    variable: &'static str,
    first: String,
    /// Bytes of the records of its listing.
    pub listed: u64,
}

impl Program {
    /// Lists the program's benchmarks and makes the table for what it maps.
    pub fn new(path: &Path) -> Program {
        Program::with_variable(path, "MEMPROF_PLAN")
    }

    /// A program without a harness, which is one benchmark.
    pub fn whole(path: &Path) -> Program {
        Program::with_variable(path, "MEMPROF_PROCESS_PLAN")
    }

    fn with_variable(path: &Path, variable: &'static str) -> Program {
        let (folder, ids, first) = (tempfile::tempdir().unwrap(), Vec::new(), String::new());
        let mut program = Program { path: path.to_owned(), folder, ids, variable, first, listed: 0 };
        let listing = program.run("mode list\n", &[]);
        assert!(listing.output.status.success(), "{}", String::from_utf8_lossy(&listing.output.stderr));
        program.listed = listing.bytes;
        let mut modules = Vec::new();
        for record in listing.records {
            match record {
                Record::Object(module) => modules.push(module),
                Record::Benchmark { id, .. } => program.ids.push(id),
                _ => (),
            }
        }
        std::fs::write(program.table(), unwind::build(&modules).unwrap().to_bytes().unwrap()).unwrap();
        program
    }

    pub fn table(&self) -> PathBuf {
        self.folder.path().join("table")
    }

    /// Makes the table anew, for what a run mapped.
    pub fn remake_table(&self, run: &Run) {
        let module = |record: &Record| if let Record::Object(module) = record { Some(module.clone()) } else { None };
        let modules: Vec<_> = run.records.iter().filter_map(module).collect();
        std::fs::write(self.table(), unwind::build(&modules).unwrap().to_bytes().unwrap()).unwrap();
    }

    /// Counts `iterations` of the benchmarks that `wanted` holds of, with `more` lines in the plan.
    pub fn count(&self, iterations: u64, more: &str, wanted: &dyn Fn(&str) -> bool, env: &[(&str, &str)]) -> Run {
        let table = self.table();
        self.run(&self.plan("count", iterations, &format!("table {}\n{more}", table.display()), wanted), env)
    }

    /// Takes CPU samples while `iterations` of the wanted benchmarks run.
    pub fn sample(&self, iterations: u64, hz: u32, wanted: &dyn Fn(&str) -> bool) -> Run {
        let table = self.table();
        self.run(&self.plan("cpu", iterations, &format!("table {}\ncpu-hz {hz}\n", table.display()), wanted), &[])
    }

    fn plan(&self, mode: &str, iterations: u64, more: &str, wanted: &dyn Fn(&str) -> bool) -> String {
        let mut plan = format!("mode {mode}\niterations {iterations}\n{more}");
        for (index, id) in self.ids.iter().enumerate().filter(|(_, id)| wanted(id)) {
            plan += &format!("run {index} 0 0 0 {id}\n");
        }
        plan
    }

    fn run(&self, plan: &str, env: &[(&str, &str)]) -> Run {
        // Several tests may run the program at once.
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let (plan_file, records) = (folder.path().join("plan"), folder.path().join("records"));
        std::fs::write(&records, b"").unwrap();
        std::fs::write(&plan_file, format!("memprof-plan 1\nrecords {}\n{plan}", records.display())).unwrap();
        let mut command = match self.first.as_str() {
            "" => match launch().runner.split_first() {
                Some((runner, arguments)) => {
                    let mut command = Command::new(runner);
                    command.args(arguments).arg(&self.path);
                    command
                }
                None => Command::new(&self.path),
            },
            first => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{first} \"$0\"")]).arg(&self.path);
                shell
            }
        };
        command.env(self.variable, &plan_file).envs(env.iter().copied());
        let output = command.output().unwrap();
        let bytes = std::fs::metadata(&records).unwrap().len();
        let records = Reader::open(&records).unwrap().poll().unwrap();
        let records = records.into_iter().map(|record| located(record, &launch(), &self.path)).collect();
        Run { records, bytes, output }
    }

    /// From now on it is a shell that starts the program: it does `first`, which ends with `exec` or with a program that starts
    /// another one.
    pub fn after(mut self, first: &str) -> Program {
        self.first = first.to_owned();
        self
    }
}

impl Run {
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}
