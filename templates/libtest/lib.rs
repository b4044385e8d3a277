//! Replaces the compiler's `test` crate in a bench, and in the counting executable of tests: the parts that rustc's
//! generated main function and a `#[bench]` need.
//!
//! The fields are those that the compiler writes; if it writes others, the bench does not compile and is refused.

pub use std::hint::black_box;

use std::any::Any;
use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::{ExitCode, Termination};
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
    /// It runs as a test: once, and nothing is timed.
    is_test: bool,
    pub bytes: u64,
}

impl Bencher {
    pub fn iter<T, F>(&mut self, mut inner: F)
    where
        F: FnMut() -> T,
    {
        if self.is_test {
            black_box(inner());
            return;
        }
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
    let code = Text::of(&result.report());
    if code.bytes[..code.len] == Text::of(&ExitCode::SUCCESS).bytes[..code.len] {
        Ok(())
    } else {
        Err(format!(
            "the test returned a termination value with a non-zero status code ({}) which indicates a failure",
            code.number()
        ))
    }
}

/// The debug output of an exit code, by which alone it can be compared. It allocates nothing, for it is part of the test.
struct Text {
    bytes: [u8; 128],
    len: usize,
}

impl Text {
    fn of(code: &ExitCode) -> Text {
        let mut text = Text { bytes: [0; 128], len: 0 };
        let _ = write!(text, "{:?}", code);
        text
    }

    fn number(&self) -> String {
        self.bytes[..self.len].iter().filter(|byte| byte.is_ascii_digit()).map(|&byte| byte as char).collect()
    }
}

impl Write for Text {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let room = &mut self.bytes[self.len..];
        let len = part.len().min(room.len());
        room[..len].copy_from_slice(&part.as_bytes()[..len]);
        self.len += len;
        Ok(())
    }
}

/// libtest takes 50 samples; no fewer are taken here.
const SAMPLES: u64 = 50;

/// The main function of the executable.
pub fn test_main_static(tests: &[&TestDescAndFn]) {
    match memprof_rt::tests_asked() {
        memprof_rt::TestsAsked::Nothing => run_plain(),
        memprof_rt::TestsAsked::Benchmarks => (),
        memprof_rt::TestsAsked::List => return list_tests(tests),
        memprof_rt::TestsAsked::Run => return run_tests(tests),
    }
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
        let mut bencher =
            Bencher { sizes: [0; memprof_rt::MOST_SAMPLES], samples: sizes.len(), is_test: false, bytes: 0 };
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

/// A test has started its own executable: it gets the one that its user knows, with the compiler's own harness.
fn run_plain() {
    const COUNTED: &str = "-counted";
    let plain = std::env::current_exe().ok();
    let plain = plain.and_then(|path| path.to_str()?.strip_suffix(COUNTED).map(PathBuf::from));
    if let Some(plain) = plain {
        let mut words = std::env::args_os();
        let name = words.next().unwrap_or_else(|| plain.clone().into_os_string());
        let error = std::process::Command::new(&plain).arg0(name).args(words).exec();
        eprintln!("cargo-memprof: cannot run {}: {}", plain.display(), error);
        std::process::exit(70);
    }
}

fn list_tests(tests: &[&TestDescAndFn]) {
    let mut seen = std::collections::HashMap::new();
    for test in tests {
        let TestName::StaticTestName(name) = test.desc.name;
        let occurrence = seen.entry(name).or_insert(0);
        let should_panic = !matches!(test.desc.should_panic, ShouldPanic::No);
        memprof_rt::list_test(*occurrence, name, test.desc.ignore, test.desc.ignore_message, should_panic);
        *occurrence += 1;
    }
}

fn run_tests(tests: &[&TestDescAndFn]) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| memprof_rt::uncounted(|| hook(panic))));
    for test in tests {
        let TestName::StaticTestName(name) = test.desc.name;
        let (expected, place) = (Expected::of(&test.desc.should_panic), Place::of(&test.desc));
        let body: Box<dyn FnOnce() -> Result<(), String> + Send> = match test.testfn {
            TestFn::StaticTestFn(function) => Box::new(function),
            TestFn::StaticBenchFn(function) => Box::new(move || {
                let sizes = [0; memprof_rt::MOST_SAMPLES];
                function(&mut Bencher { sizes, samples: 0, is_test: true, bytes: 0 })
            }),
        };
        let verdict = memprof_rt::test(name, move || {
            let ended = catch_unwind(AssertUnwindSafe(|| __rust_begin_short_backtrace(body)));
            expected.verdict(ended, place)
        });
        match verdict {
            None | Some(Ok(Verdict::Passed)) => (),
            Some(Ok(Verdict::Failed(message))) => {
                if !message.is_empty() {
                    eprintln!("note: {}", message);
                }
                std::process::exit(101);
            }
            // The panic's own value panicked.
            Some(Err(_)) => std::process::exit(101),
        }
    }
}

/// Backtraces end at a function of this name.
#[inline(never)]
fn __rust_begin_short_backtrace<T>(body: impl FnOnce() -> T) -> T {
    black_box(body())
}

enum Verdict {
    Passed,
    /// The reason, where the panic has not said it.
    Failed(String),
}

#[derive(Clone, Copy)]
struct Place(&'static str, usize, usize);

impl Place {
    fn of(desc: &TestDesc) -> Place {
        Place(desc.source_file, desc.start_line, desc.start_col)
    }
}

/// As [`ShouldPanic`].
#[derive(Clone, Copy)]
enum Expected {
    NoPanic,
    Panic(Option<&'static str>),
}

impl Expected {
    fn of(should: &ShouldPanic) -> Expected {
        match should {
            ShouldPanic::No => Expected::NoPanic,
            ShouldPanic::Yes => Expected::Panic(None),
            ShouldPanic::YesWithMessage(message) => Expected::Panic(Some(message)),
        }
    }

    fn verdict(self, ended: Result<Result<(), String>, Box<dyn Any + Send>>, place: Place) -> Verdict {
        match (self, ended) {
            (Expected::NoPanic, Ok(Ok(()))) | (Expected::Panic(None), Err(_)) => Verdict::Passed,
            (Expected::NoPanic, Err(_)) => Verdict::Failed(String::new()),
            (_, Ok(Err(message))) => Verdict::Failed(message),
            (Expected::Panic(_), Ok(Ok(()))) => {
                let Place(file, line, column) = place;
                Verdict::Failed(format!("test did not panic as expected at {}:{}:{}", file, line, column))
            }
            (Expected::Panic(Some(expected)), Err(panic)) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                match text.or_else(|| panic.downcast_ref::<&str>().copied()) {
                    Some(text) if text.contains(expected) => Verdict::Passed,
                    Some(text) => Verdict::Failed(format!(
                        "panic did not contain expected string\n      panic message: {:?}\n expected substring: {:?}",
                        text, expected
                    )),
                    None => Verdict::Failed(format!(
                        "expected panic with string value,\n found non-string value: `{:?}`\n     expected substring: {:?}",
                        (*panic).type_id(),
                        expected
                    )),
                }
            }
        }
    }
}
