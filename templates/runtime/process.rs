//! The work before the main function; and an executable that no harness divides into benchmarks: one bracket from there
//! to its exit.

use std::ffi::{CStr, OsStr};
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::Ordering;
use std::sync::OnceLock;

use crate::bracket::{self, COUNT, LIVE, PEAK, STACKS};
use crate::driver;
use crate::plan::{self, Mode, Plan};
use crate::records::{self, Record};
use crate::{fork, idle, objects, places, program, results, sampler, stacks, sys};

/// libc calls this before the main function, and before constructors without a number.
#[used]
#[cfg_attr(target_os = "linux", link_section = ".init_array.00100")]
#[cfg_attr(target_vendor = "apple", link_section = "__DATA,__mod_init_func")]
#[cfg_attr(windows, link_section = ".CRT$XCU")]
static BEFORE_MAIN: extern "C" fn() = before_main;

static PLAN: OnceLock<Plan> = OnceLock::new();

extern "C" fn before_main() {
    if let Some(path) = taken(plan::VARIABLE) {
        driver::has_plan(path);
    }
    if let Some(path) = taken(plan::PROGRAM_VARIABLE) {
        return program::begin(path);
    }
    if let Some(path) = taken(plan::PROCESS_VARIABLE) {
        return begin(PLAN.get_or_init(|| driver::begun(path)));
    }
    if idle::is_meant() {
        objects::these_stay();
        idle::begin(taken(plan::HTTP_VARIABLE));
    }
}

/// The value of a variable, which is then removed: a child of this process, perhaps this executable again, is not
/// measured. No other thread can be reading the environment yet.
fn taken(variable: &str) -> Option<&'static OsStr> {
    let mut name = [0; 32];
    name[..variable.len()].copy_from_slice(variable.as_bytes());
    // SAFETY: the name ends with a NUL.
    let value = unsafe { sys::getenv(name.as_ptr().cast()) };
    if value.is_null() {
        return None;
    }
    std::env::remove_var(variable);
    objects::these_stay();
    // SAFETY: a variable that this process was started with lies on its first stack, and stays there.
    let value = unsafe { CStr::from_ptr(value) };
    #[cfg(unix)]
    return Some(OsStr::from_bytes(value.to_bytes()));
    #[cfg(not(unix))]
    return value.to_str().ok().map(OsStr::new);
}

/// The only benchmark's number, of a plan that names one.
fn index(plan: &Plan) -> u32 {
    plan.only().map_or(0, |selected| selected.index)
}

fn begin(plan: &'static Plan) {
    if plan.mode == Mode::List {
        Record::new(records::BENCHMARK).u32(0).bytes(b"main").bytes(b"{}").bytes(b"main").emit();
        std::process::exit(0);
    }
    Record::new(records::BEGIN).u32(index(plan)).emit();
    // SAFETY: the handler is a plain function.
    unsafe { sys::atexit(at_exit) };
    let flags = match plan.mode {
        Mode::Count if plan.stacks => COUNT | LIVE | PEAK | STACKS,
        Mode::Count => COUNT | LIVE | PEAK,
        _ => 0,
    };
    if plan.mode == Mode::Cpu && !sampler::arm(plan.cpu_hz) {
        sampler::disarm();
        Record::new(records::NO_SAMPLER).u32(index(plan)).emit();
    }
    stacks::forget_all();
    bracket::begin(flags);
    bracket::open();
}

extern "C" fn at_exit() {
    if fork::is_child() {
        return;
    }
    records::ENDING.store(true, Ordering::Relaxed);
    bracket::close();
    let plan = match PLAN.get() {
        Some(plan) => plan,
        None => return,
    };
    let sum = bracket::end();
    let index = index(plan);
    if plan.mode == Mode::Count {
        results::counted(records::COUNTED, index, plan.pass, 1, &sum);
        results::stacks(index, plan.pass);
    } else {
        let mut samples = sampler::take();
        samples.lost += sampler::disarm();
        results::samples(index, 1, &samples);
    }
    places::tell_at_exit();
    Record::new(records::DONE).u32(index).emit();
}
