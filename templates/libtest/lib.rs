//! Replaces the compiler's `test` crate in a bench: the parts that rustc's generated main function and a `#[bench]`
//! need.
//!
//! The fields are those that the compiler writes; if it writes others, the bench does not compile and is refused.

pub use std::hint::black_box;

use std::process::Termination;
use std::time::Instant;

pub mod bench {
    pub use std::hint::black_box;

    pub use super::Bencher;
}

pub mod test {
    pub use super::*;
}

/// The argument of a `#[bench]` function.
#[derive(Clone)]
pub struct Bencher {
    /// Iterations of each sample; as in libtest, one call of the function takes them all.
    sizes: [u64; memprof_rt::MOST_SAMPLES],
    samples: usize,
    pub bytes: u64,
}

impl Bencher {
    pub fn iter<T, F>(&mut self, mut inner: F)
    where
        F: FnMut() -> T,
    {
        memprof_rt::iter_entry();
        memprof_rt::start_again(self.samples);
        for &iterations in &self.sizes[..self.samples] {
            memprof_rt::between();
            let start = Instant::now();
            memprof_rt::open();
            for _ in 0..iterations {
                black_box(inner());
            }
            memprof_rt::close();
            memprof_rt::sampled(start.elapsed().as_nanos() as f64);
        }
    }
}

pub enum TestName {
    StaticTestName(&'static str),
}
pub use TestName::*;

pub enum ShouldPanic {
    No,
    Yes,
    YesWithMessage(&'static str),
}

pub enum TestType {
    UnitTest,
    IntegrationTest,
    DocTest,
    Unknown,
}

pub struct TestDesc {
    pub name: TestName,
    pub ignore: bool,
    pub ignore_message: Option<&'static str>,
    pub source_file: &'static str,
    pub start_line: usize,
    pub start_col: usize,
    pub end_line: usize,
    pub end_col: usize,
    pub should_panic: ShouldPanic,
    pub compile_fail: bool,
    pub no_run: bool,
    pub test_type: TestType,
}

pub enum TestFn {
    StaticTestFn(fn() -> Result<(), String>),
    StaticBenchFn(fn(&mut Bencher) -> Result<(), String>),
}
pub use TestFn::*;

pub struct TestDescAndFn {
    pub desc: TestDesc,
    pub testfn: TestFn,
}

pub fn assert_test_result<T: Termination>(result: T) -> Result<(), String> {
    let code = result.report();
    // An exit code can only be compared by its debug output.
    if format!("{:?}", code) == format!("{:?}", std::process::ExitCode::SUCCESS) {
        Ok(())
    } else {
        Err("the bench returned an error".to_string())
    }
}

/// libtest takes 50 samples; no fewer are taken here.
const SAMPLES: u64 = 50;

/// The main function of the executable.
pub fn test_main_static(tests: &[&TestDescAndFn]) {
    let arguments = Arguments::read();
    for test in tests {
        let TestName::StaticTestName(name) = test.desc.name;
        let function = match test.testfn {
            TestFn::StaticBenchFn(function) => function,
            TestFn::StaticTestFn(_) => continue,
        };
        if arguments.wants(name, test.desc.ignore) {
            run(name, function);
        }
    }
}

/// Like [`test_main_static`]: rustc calls this if a panic aborts.
pub fn test_main_static_abort(tests: &[&TestDescAndFn]) {
    test_main_static(tests)
}

fn run(name: &str, function: fn(&mut Bencher) -> Result<(), String>) {
    let identity = memprof_rt::Identity {
        id: name,
        json: &|| "{}".to_string(),
        harness: "libtest",
        sample_size: SAMPLES,
        wall_time: true,
    };
    memprof_rt::benchmark(&identity, &mut |sizes| {
        let mut bencher = Bencher { sizes: [0; memprof_rt::MOST_SAMPLES], samples: sizes.len(), bytes: 0 };
        bencher.sizes[..sizes.len()].copy_from_slice(sizes);
        if let Err(message) = function(&mut bencher) {
            eprintln!("{}", message);
            std::process::exit(1);
        }
    });
}

/// The part of libtest's command line that selects benchmarks.
struct Arguments {
    filters: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    ignored: bool,
    include_ignored: bool,
}

impl Arguments {
    fn read() -> Arguments {
        let mut read =
            Arguments { filters: Vec::new(), skip: Vec::new(), exact: false, ignored: false, include_ignored: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--exact" => read.exact = true,
                "--ignored" => read.ignored = true,
                "--include-ignored" => read.include_ignored = true,
                "--skip" => read.skip.extend(words.next()),
                "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" => drop(words.next()),
                _ if word.starts_with("--skip=") => read.skip.push(word["--skip=".len()..].to_string()),
                _ if word.starts_with('-') => (),
                _ => read.filters.push(word),
            }
        }
        read
    }

    fn wants(&self, name: &str, ignored: bool) -> bool {
        let fits = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        (self.include_ignored || ignored == self.ignored)
            && (self.filters.is_empty() || self.filters.iter().any(fits))
            && !self.skip.iter().any(fits)
    }
}
