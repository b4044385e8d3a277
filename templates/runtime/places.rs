//! Where each object that was told of lies, and whether it is still there: libraries come and go while a bench or a program runs.
//!
//! An address stands for the first object that was told of there, and its rules are that object's. Once it is gone, a stack that
//! comes through its place is cut before it: whatever lies there now has other frames and other names. dlclose is watched for
//! that, by a function of its name in the executable. dlopen is not: it goes by the library that calls it. A library that was
//! opened meanwhile is told of when one closes, when a benchmark ends and when the program does.

use std::os::raw::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::objects::{self, Object};
use crate::records::{self, Record};
use crate::{block, entries, fork, memo, rules, sys, thread};

struct Place {
    path: Vec<u8>,
    build_id: Vec<u8>,
    bias: u64,
    start: u64,
    end: u64,
    /// None of those that stay as long as the process does.
    slot: Option<&'static Slot>,
    was_gone: bool,
}

struct Places {
    all: Vec<Place>,
    /// Calls of dlclose that have not returned.
    closing: u32,
    /// As [`objects::changes`].
    seen: (u64, u64),
}

static PLACES: Mutex<Places> = Mutex::new(Places { all: Vec::new(), closing: 0, seen: (0, 0) });

/// A place as walks see it.
struct Slot {
    start: AtomicU64,
    end: AtomicU64,
    gone: AtomicBool,
}

/// Beyond them the last one stands for everywhere.
const MOST: usize = 256;
#[allow(clippy::declare_interior_mutable_const)]
const FREE: Slot = Slot { start: AtomicU64::new(0), end: AtomicU64::new(0), gone: AtomicBool::new(false) };
static SLOTS: [Slot; MOST] = [FREE; MOST];
static USED: AtomicUsize = AtomicUsize::new(0);

/// Whether `address` lies where an object was that is gone. Async-signal-safe.
#[cold]
pub fn is_gone(address: u64) -> bool {
    let used = &SLOTS[..USED.load(Ordering::Acquire).min(MOST)];
    used.iter().any(|slot| {
        slot.gone.load(Ordering::Relaxed)
            && (slot.start.load(Ordering::Relaxed)..slot.end.load(Ordering::Relaxed)).contains(&address)
    })
}

impl Place {
    fn of(object: &Object, stays: bool) -> Place {
        let start = object.text.iter().map(|s| s.vaddr).min().unwrap_or(0).wrapping_add(object.bias);
        let end = object.text.iter().map(|s| s.vaddr + s.size).max().unwrap_or(0).wrapping_add(object.bias);
        let slot = if stays { None } else { Some(slot(start, end)) };
        let (path, build_id) = (object.path.clone(), object.build_id.clone());
        Place { path, build_id, bias: object.bias, start, end, slot, was_gone: false }
    }

    fn is(&self, object: &Object) -> bool {
        self.bias == object.bias && self.path == object.path && self.build_id == object.build_id
    }

    /// True where its rules were in use, and are no longer.
    fn set_gone(&self, gone: bool) -> bool {
        match self.slot {
            // Of the slot that stands for everywhere nobody knows what lies there.
            Some(slot) => slot.gone.store(gone || slot.end.load(Ordering::Relaxed) == u64::MAX, Ordering::Release),
            None => return false,
        }
        rules::set_in_use(self.start, !gone) && gone
    }
}

fn slot(start: u64, end: u64) -> &'static Slot {
    // One at a time: the lock is held.
    let used = USED.load(Ordering::Relaxed);
    let slot = &SLOTS[used.min(MOST - 1)];
    let everywhere = used >= MOST - 1;
    slot.start.store(if everywhere { 0 } else { start }, Ordering::Relaxed);
    slot.end.store(if everywhere { u64::MAX } else { end }, Ordering::Relaxed);
    USED.store(used + 1, Ordering::Release);
    slot
}

impl Places {
    /// Tells of those objects that have not been told of.
    fn tell(&mut self, objects: &[Object]) {
        for (i, object) in objects.iter().enumerate() {
            let stays = i < objects::those_that_stay();
            let known = self.all.iter().any(|place| place.is(object));
            // The executable's path is asked for anew each time, and may have changed.
            if !known && !(stays && self.all.iter().any(|place| place.bias == object.bias)) {
                self.all.push(Place::of(object, stays));
                emit(object);
            }
        }
    }

    /// Finds out what is gone, and what has come back. A library without a build id may have come back as another.
    fn settle(&mut self, objects: &[Object]) {
        for place in &mut self.all {
            let there = objects.iter().any(|object| place.is(object));
            place.was_gone |= !there;
            if place.set_gone(!there || place.was_gone && place.build_id.is_empty()) {
                forget_walks(&[(place.start, place.end)]);
            }
        }
    }

    /// All that may go counts as gone until it is known what went: another thread may open a library in its place before that.
    fn suspend(&mut self) {
        let used: Vec<_> =
            self.all.iter().filter(|place| place.set_gone(true)).map(|place| (place.start, place.end)).collect();
        if !used.is_empty() {
            forget_walks(&used);
        }
    }
}

/// What is remembered of stacks through these places is void. Their rules are not in use any more, so it is not remembered anew;
/// and no thread has such a stack, or the library could not be closed.
fn forget_walks(places: &[(u64, u64)]) {
    memo::forget_all();
    let within = |address: u64| places.iter().any(|&(start, end)| address > start && address <= end);
    for entry in entries::all().filter(|entry| entry.stood()) {
        if entry.addresses().iter().any(|&address| within(address)) {
            entry.forget_walk();
        }
    }
}

fn emit(object: &Object) {
    let mut record = Record::new(records::OBJECT)
        .u64(object.bias)
        .bytes(&object.path)
        .bytes(&object.build_id)
        .u32(object.text.len() as u32);
    for segment in &object.text {
        record = record.u64(segment.vaddr).u64(segment.size).u64(segment.file_offset);
    }
    record.bytes(&object.vdso_image()).emit();
}

fn places() -> MutexGuard<'static, Places> {
    PLACES.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

static FOLLOWED: AtomicBool = AtomicBool::new(false);

/// Tells of what is loaded and has not been told of: libraries that a bench opens come later.
pub fn tell(objects: &[Object]) {
    let mut places = places();
    places.seen = objects::changes();
    places.tell(objects);
    match places.closing {
        0 => places.settle(objects),
        _ => places.suspend(),
    }
    FOLLOWED.store(true, Ordering::Release);
}

/// At the end of a program: as [`tell`], where anything has changed.
pub fn tell_at_exit() {
    let _own = block::own();
    if objects::changes() != places().seen {
        thread::nested(|| tell(&objects::loaded()));
    }
}

#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
fn closing() {
    let _own = block::own();
    thread::nested(|| {
        let mut places = places();
        places.tell(&objects::loaded());
        places.closing += 1;
        places.suspend();
    });
}

#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
fn closed() {
    let _own = block::own();
    thread::nested(|| {
        let mut places = places();
        places.closing -= 1;
        if places.closing == 0 {
            places.seen = objects::changes();
            places.settle(&objects::loaded());
        }
    });
}

#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
static REAL_CLOSE: AtomicUsize = AtomicUsize::new(0);

/// dlclose(3), followed.
///
/// # Safety
/// As dlclose(3).
#[cfg(not(any(test, target_feature = "crt-static")))]
#[no_mangle]
pub unsafe extern "C" fn dlclose(handle: *mut c_void) -> c_int {
    let mut at = REAL_CLOSE.load(Ordering::Relaxed);
    if at == 0 {
        at = sys::dlsym(sys::RTLD_NEXT, b"dlclose\0".as_ptr().cast()) as usize;
        REAL_CLOSE.store(at, Ordering::Relaxed);
    }
    if at == 0 {
        return -1;
    }
    // The next `dlclose` in link order is libc's, of that type.
    let close = std::mem::transmute::<usize, Close>(at);
    if !FOLLOWED.load(Ordering::Acquire) || fork::is_child() {
        return close(handle);
    }
    closing();
    let answer = close(handle);
    closed();
    answer
}
