//! The place of each reported object, and whether it is still there: libraries come and go while a bench or a program
//! runs.
//!
//! An address stands for the first object that was reported there, and its rules are that object's. Once that object is
//! gone, a stack that comes through its place is cut before it: code that lies there now has other frames and other
//! names. dlclose and dlopen are watched for that (`libraries`). A library that was opened without notice is reported
//! when one closes, when a benchmark ends and when the program does.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::objects::{self, Object};
use crate::records::{self, Record};
use crate::{block, entries, memo, rules, thread};

struct Place {
    path: Vec<u8>,
    build_id: Vec<u8>,
    bias: u64,
    start: u64,
    end: u64,
    /// None for objects that stay as long as the process does.
    slot: Option<&'static Slot>,
    /// The rules at `start`, if there are any, are its own.
    is_first: bool,
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

/// Beyond this number the last one stands for everywhere.
const MOST: usize = 256;
#[allow(clippy::declare_interior_mutable_const)]
const FREE: Slot = Slot { start: AtomicU64::new(0), end: AtomicU64::new(0), gone: AtomicBool::new(false) };
static SLOTS: [Slot; MOST] = [FREE; MOST];
static USED: AtomicUsize = AtomicUsize::new(0);

/// Whether `address` lies in the place of an object that is gone. Async-signal-safe.
#[cold]
pub fn is_gone(address: u64) -> bool {
    let used = &SLOTS[..USED.load(Ordering::Acquire).min(MOST)];
    used.iter().any(|slot| {
        slot.gone.load(Ordering::Relaxed)
            && (slot.start.load(Ordering::Relaxed)..slot.end.load(Ordering::Relaxed)).contains(&address)
    })
}

impl Place {
    fn of(object: &Object, stays: bool, known: &[Place]) -> Place {
        let start = object.text.iter().map(|s| s.vaddr).min().unwrap_or(0).wrapping_add(object.bias);
        let end = object.text.iter().map(|s| s.vaddr + s.size).max().unwrap_or(0).wrapping_add(object.bias);
        let slot = if stays { None } else { Some(slot(start, end)) };
        let (path, build_id) = (object.path.clone(), object.build_id.clone());
        let is_first = known.iter().all(|place| place.start != start);
        Place { path, build_id, bias: object.bias, start, end, slot, is_first, was_gone: false }
    }

    fn is(&self, object: &Object) -> bool {
        self.bias == object.bias && self.path == object.path && self.build_id == object.build_id
    }

    /// True where its rules were in use, and are no longer.
    fn set_gone(&self, gone: bool) -> bool {
        match self.slot {
            // Nobody knows what lies in the slot that stands for everywhere.
            Some(slot) => slot.gone.store(gone || slot.end.load(Ordering::Relaxed) == u64::MAX, Ordering::Release),
            None => return false,
        }
        self.is_first && rules::set_in_use(self.start, !gone) && gone
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
    /// Reports those objects that have not been reported yet.
    fn tell(&mut self, objects: &[Object]) {
        for (i, object) in objects.iter().enumerate() {
            // The executable's path, which is looked up again each time, may have changed.
            let is_executable = i == 0 && !self.all.is_empty();
            if !is_executable && !self.all.iter().any(|place| place.is(object)) {
                let place = Place::of(object, i < objects::those_that_stay(), &self.all);
                self.all.push(place);
                emit(object);
            }
        }
    }

    /// Looks at the objects that are loaded now.
    fn look(&mut self) -> Vec<Object> {
        self.seen = objects::changes();
        let objects = objects::loaded();
        self.tell(&objects);
        match self.closing {
            0 => self.settle(&objects),
            _ => self.suspend(),
        }
        FOLLOWED.store(true, Ordering::Release);
        objects
    }

    /// Finds out which objects are gone, and which have come back. A library without a build id may have come back as
    /// another.
    fn settle(&mut self, objects: &[Object]) {
        for place in &mut self.all {
            let there = objects.iter().any(|object| place.is(object));
            place.was_gone |= !there;
            if place.set_gone(!there || place.was_gone && place.build_id.is_empty()) {
                forget_walks(&[(place.start, place.end)]);
            }
        }
    }

    /// Every object that may go counts as gone until it is known which one went: another thread may open a library in
    /// its place before that.
    fn suspend(&mut self) {
        let used: Vec<_> =
            self.all.iter().filter(|place| place.set_gone(true)).map(|place| (place.start, place.end)).collect();
        if !used.is_empty() {
            forget_walks(&used);
        }
    }
}

/// Voids everything remembered of stacks through these places. Their rules are no longer in use, so nothing is
/// remembered there again; and no thread has such a stack, or the library could not be closed.
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

/// Reports the loaded objects that have not been reported: libraries that a bench opens come later. Returns all loaded
/// objects.
pub fn tell() -> Vec<Object> {
    let _own = block::own();
    thread::nested(|| places().look())
}

/// At the end of the process: like [`tell`], if anything has changed.
pub fn tell_at_exit() {
    let _own = block::own();
    // The process may be ending because a record of these could not be written.
    if let Ok(mut places) = PLACES.try_lock() {
        if objects::changes() != places.seen {
            thread::nested(|| drop(places.look()));
        }
    }
}

static FOLLOWED: AtomicBool = AtomicBool::new(false);

/// Whether libraries matter at all: false in the timed run.
pub fn followed() -> bool {
    FOLLOWED.load(Ordering::Acquire)
}

/// Whether `address` lies in the executable.
pub fn is_in_executable(address: u64) -> bool {
    let _own = block::own();
    matches!(places().all.first(), Some(executable) if (executable.start..executable.end).contains(&address))
}

/// A library is about to be closed, perhaps with others.
pub fn closing() {
    let _own = block::own();
    thread::nested(|| {
        let mut places = places();
        places.closing += 1;
        drop(places.look());
    });
}

/// The library was closed.
pub fn closed() {
    let _own = block::own();
    thread::nested(|| {
        let mut places = places();
        places.closing -= 1;
        drop(places.look());
    });
}
