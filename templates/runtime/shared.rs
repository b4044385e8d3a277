//! The memory for a whole program's records, shared with the tool: everything recorded up to the last instruction is
//! there, however the process ends.
//!
//! The tool makes an empty file in memory and names it in the plan; it is mapped once, before the main function, and
//! its descriptor closed. From then on the recorder asks nothing of the kernel, so that a program may close all
//! descriptors, change its root or its user, or limit itself. The first page is an array of words ([`word`]) that
//! locates all other parts: offsets from the region's beginning, or addresses that are offsets once the word `BASE` is
//! subtracted. `src/programs/region.rs` reads it, while the program runs or after it.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::raw::c_int;
use std::os::unix::fs::FileExt;
use std::ptr;
use std::slice;
use std::sync::atomic::{fence, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

pub(crate) use crate::word;
use crate::{entries, memory, sys};

const PAGE: usize = 4096;

/// Threads' states that the tool is told of.
const MOST_STATES: usize = 1 << 20;
const LOG_BYTES: usize = 16 << 20;
/// Where there are addresses enough: what becomes of a program's blocks is written at its end.
const LARGE_LOG_BYTES: usize = 1 << 30;
static LOG_ROOM: AtomicUsize = AtomicUsize::new(LOG_BYTES);
const RING_WORDS: usize = 1 << 20;
const MOST_CHUNKS: usize = 1 << 12;
/// The size of the attempted mappings: resident only as far as they are used.
const LARGEST: usize = 1 << 38;
const SMALLEST: usize = 1 << 27;

static BASE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());
static SIZE: AtomicUsize = AtomicUsize::new(0);

/// Maps the file at `path`; from then on memory comes from it.
pub fn open(path: &str) -> Result<()> {
    map(&OpenOptions::new().read(true).write(true).open(path)?)
}

/// Like [`open`], for a file that it makes itself and leaves open: a tool finds it there.
pub fn make() -> Result<()> {
    const MFD_CLOEXEC: c_int = 1;
    // SAFETY: the name ends with a NUL; the descriptor is this file's alone.
    let file = unsafe {
        let fd = sys::memfd_create(b"memprof\0".as_ptr().cast(), MFD_CLOEXEC);
        if fd < 0 {
            return Err(Error::last_os_error());
        }
        File::from_raw_fd(fd)
    };
    file.set_len(LARGEST as u64)?;
    map(&file)?;
    std::mem::forget(file);
    Ok(())
}

/// Bytes of the first page that name the tool that made the executable.
pub const TOOL_BYTES: usize = 480;

/// See [`TOOL_BYTES`].
pub fn set_tool(tool: &[u8]) {
    for (i, bytes) in tool[..TOOL_BYTES].chunks_exact(8).enumerate() {
        let mut word = [0; 8];
        word.copy_from_slice(bytes);
        set(word::MADE_BY + i, u64::from_le_bytes(word));
    }
}

fn map(file: &File) -> Result<()> {
    let length = file.metadata()?.len() as usize;
    // A limit on addresses is the user's.
    memory::look();
    let mut size = length.min(LARGEST).min(memory::most());
    loop {
        const MAP_SHARED: c_int = 1;
        const MADV_DONTDUMP: c_int = 16;
        let rights = sys::PROT_READ | sys::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
        let at =
            unsafe { sys::mmap(ptr::null_mut(), size, rights, MAP_SHARED | sys::MAP_NORESERVE, file.as_raw_fd(), 0) };
        if at as isize != -1 {
            // SAFETY: the mapping is ours; a dump of the program does not want it.
            unsafe { sys::madvise(at, size, MADV_DONTDUMP) };
            return prepare(at.cast(), size);
        }
        size /= 2;
        if size < SMALLEST {
            return Err(Error::last_os_error());
        }
    }
}

fn prepare(base: *mut AtomicU64, size: usize) -> Result<()> {
    BASE.store(base, Ordering::Release);
    SIZE.store(size, Ordering::Release);
    set(word::BASE, base as u64);
    set(word::SIZE, size as u64);
    set(word::USED, PAGE as u64);
    if size >= 16 * LARGE_LOG_BYTES {
        LOG_ROOM.store(LARGE_LOG_BYTES, Ordering::Relaxed);
    }
    for (place, len) in [
        (word::LOG, LOG_ROOM.load(Ordering::Relaxed)),
        (word::STATES, MOST_STATES * 8),
        (word::ENTRIES, MOST_CHUNKS * 8),
        (word::SAMPLES, RING_WORDS * 8),
        (word::WAITS, RING_WORDS * 8),
        (word::STACKS, RING_WORDS * 8),
    ] {
        let at = take(len);
        if at.is_null() {
            return Err(ErrorKind::OutOfMemory.into());
        }
        set(place, offset(at as usize));
    }
    set(word::SAMPLES_LEN, RING_WORDS as u64);
    set(word::WAITS_LEN, RING_WORDS as u64);
    set(word::STACKS_LEN, RING_WORDS as u64);
    Ok(())
}

/// A fork's child goes on in the file at `path`, with a copy of all that is here; false if the file is another child's.
pub fn go_on_in(path: &str) -> Result<bool> {
    const AT_ONCE: usize = 4096;
    const MAP_SHARED: c_int = 1;
    const MAP_FIXED: c_int = 0x10;
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let (base, size) = (BASE.load(Ordering::Relaxed), SIZE.load(Ordering::Relaxed));
    let rights = sys::PROT_READ | sys::PROT_WRITE;
    // SAFETY: as in `map`.
    let first = unsafe { sys::mmap(ptr::null_mut(), PAGE, rights, MAP_SHARED, file.as_raw_fd(), 0) };
    if first as isize == -1 || base.is_null() {
        return Err(Error::last_os_error());
    }
    // SAFETY: the page has room for it; getpid cannot fail.
    let is_ours = unsafe {
        let pid = &*first.cast::<AtomicU64>().add(word::PID);
        let is_ours = pid.compare_exchange(0, sys::getpid() as u64, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        sys::munmap(first, PAGE);
        is_ours
    };
    if !is_ours {
        return Ok(false);
    }
    let used = get(word::USED) as usize;
    let mut resident = [0u8; AT_ONCE];
    // mincore(2) has a byte for each page of the system, which may be larger than ours.
    let page_size = sys::page_size();
    for from in (0..used).step_by(AT_ONCE * page_size) {
        let len = (used - from).min(AT_ONCE * page_size);
        let told = &mut resident[..(len + page_size - 1) / page_size];
        // SAFETY: `told` has a byte for each page; all of them are mapped.
        if unsafe { sys::mincore(at(from as u64).cast(), len, told.as_mut_ptr()) } != 0 {
            return Err(Error::last_os_error());
        }
        for page in (0..told.len()).filter(|&page| told[page] & 1 != 0) {
            let place = from + page * page_size;
            let len = page_size.min(used - place);
            // SAFETY: a page of the region.
            file.write_all_at(unsafe { slice::from_raw_parts(at(place as u64), len) }, place as u64)?;
        }
    }
    if !is_awaited() {
        // The thread that forked has gone on in what was copied: the tool is not to read it.
        file.write_all_at(&[0; 8], word::MAGIC as u64 * 8)?;
        return Err(ErrorKind::TimedOut.into());
    }
    // What came while the copy was made may be referred to in it; memory that was taken since is zero there.
    let lengths = [word::USED, word::STATES_LEN, word::ENTRIES_END].map(|place| (place, get(place)));
    // The parent's, for the last time.
    add(word::COPIED, 1);
    // SAFETY: the same addresses hold the same from now on, in this process's own file; no other thread runs here.
    let there = unsafe {
        sys::mmap(base.cast(), size, rights, MAP_SHARED | MAP_FIXED | sys::MAP_NORESERVE, file.as_raw_fd(), 0)
    };
    if there as isize == -1 {
        return Err(Error::last_os_error());
    }
    // SAFETY: getpid cannot fail.
    set(word::PID, unsafe { sys::getpid() } as u64);
    lengths.iter().for_each(|&(place, len)| set(place, len));
    Ok(true)
}

/// The parent waits for a child's copy of the region.
pub fn is_awaited() -> bool {
    get(word::COPIED) < get(word::FORKS)
}

/// The content of the region can be read from now on.
pub fn publish() {
    set(word::VERSION, word::LAYOUT);
    set(word::MAGIC, word::MARK);
}

/// A word of the first page; `None` if no program is recorded.
#[inline(always)]
pub fn word(place: usize) -> Option<&'static AtomicU64> {
    let base = BASE.load(Ordering::Relaxed);
    if base.is_null() {
        return None;
    }
    // SAFETY: the first page has room for every place of `word`, and is never unmapped.
    Some(unsafe { &*base.add(place) })
}

/// True where a program is recorded.
pub fn is_open() -> bool {
    !BASE.load(Ordering::Relaxed).is_null()
}

pub fn get(place: usize) -> u64 {
    word(place).map_or(0, |word| word.load(Ordering::Acquire))
}

pub fn set(place: usize, value: u64) {
    if let Some(word) = word(place) {
        word.store(value, Ordering::Release);
    }
}

pub fn add(place: usize, value: u64) {
    if let Some(word) = word(place) {
        word.fetch_add(value, Ordering::Relaxed);
    }
}

/// Raises the word to at least `value`.
pub fn set_most(place: usize, value: u64) {
    if let Some(word) = word(place) {
        word.fetch_max(value, Ordering::Release);
    }
}

/// From the region's beginning.
pub fn offset(address: usize) -> u64 {
    (address - BASE.load(Ordering::Relaxed) as usize) as u64
}

/// The memory at an offset that [`take`] gave.
pub fn at(offset: u64) -> *mut u8 {
    // SAFETY: `take` gave the memory at these offsets.
    unsafe { BASE.load(Ordering::Relaxed).cast::<u8>().add(offset as usize) }
}

/// `len` zeroed bytes of the region; null if there is no region, or if it is full.
pub fn take(len: usize) -> *mut u8 {
    let used = match word(word::USED) {
        Some(used) => used,
        None => return ptr::null_mut(),
    };
    let len = ((len + PAGE - 1) / PAGE * PAGE) as u64;
    let from = used.fetch_add(len, Ordering::Relaxed);
    if from + len > SIZE.load(Ordering::Relaxed) as u64 {
        used.fetch_sub(len, Ordering::Relaxed);
        return ptr::null_mut();
    }
    at(from)
}

/// Whether `address` lies in the region. Memory there is never given back: nothing is asked of the kernel, and blocks
/// that are outgrown are smaller than the memory in use.
pub fn holds(address: *mut u8) -> bool {
    let base = BASE.load(Ordering::Relaxed) as usize;
    (base..base + SIZE.load(Ordering::Relaxed)).contains(&(address as usize))
}

/// Appends a whole record; one thread at a time. False if no program is recorded.
pub fn append(record: &[u8]) -> bool {
    let (log, len) = match (word(word::LOG), word(word::LOG_LEN)) {
        (Some(log), Some(len)) => (log.load(Ordering::Relaxed), len),
        _ => return false,
    };
    let from = len.load(Ordering::Relaxed);
    if from as usize + record.len() <= LOG_ROOM.load(Ordering::Relaxed) {
        // SAFETY: the log has LOG_ROOM bytes, and no other thread writes behind its length.
        unsafe { ptr::copy_nonoverlapping(record.as_ptr(), at(log + from), record.len()) };
        len.store(from + record.len() as u64, Ordering::Release);
    }
    true
}

/// Stores the place of the state with this number.
pub fn has_state(slot: u32, address: usize) {
    tell(word::STATES, slot as usize, MOST_STATES, address);
    set_most(word::STATES_LEN, (u64::from(slot) + 1).min(MOST_STATES as u64));
}

/// Stores the place of the chunk with this number, of the stacks' entries.
pub fn has_chunk(number: usize, address: usize) {
    tell(word::ENTRIES, number, MOST_CHUNKS, address);
}

/// No states and no chunks are known any more. The calling thread is the process's only one.
pub fn forget_tables() {
    let chunks = entries::chunks(get(word::ENTRIES_END) as usize);
    for (table, len) in [(word::STATES, get(word::STATES_LEN) as usize), (word::ENTRIES, chunks.min(MOST_CHUNKS))] {
        // SAFETY: the table has at least `len` words.
        let words = unsafe { slice::from_raw_parts(at(get(table)) as *const AtomicU64, len) };
        words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }
    set(word::STATES_LEN, 0);
}

/// Puts the offset of `address` into the table that the word leads to.
fn tell(table: usize, number: usize, most: usize, address: usize) {
    if let (Some(table), true) = (word(table), number < most) {
        // SAFETY: the table has `most` words.
        let place = unsafe { &*(at(table.load(Ordering::Relaxed)) as *const AtomicU64).add(number) };
        place.store(offset(address), Ordering::Release);
    }
}

/// Times in rings are of CLOCK_MONOTONIC, in units of 1,024 ns; the upper bits go, which the reader can tell.
const TICK_BITS: u32 = 10;

/// A ring of stacks that many threads write at once, in signal handlers, too: the tool takes them out while the program runs.
pub struct Ring {
    words: usize,
    len: usize,
    next: usize,
    lost: usize,
    clock: c_int,
}

pub const SAMPLES: Ring = Ring {
    words: word::SAMPLES,
    len: word::SAMPLES_LEN,
    next: word::SAMPLES_NEXT,
    lost: word::SAMPLES_LOST,
    // A signal may come while the program may do nothing but compute.
    clock: sys::CLOCK_MONOTONIC_COARSE,
};
pub const WAITS: Ring = Ring {
    words: word::WAITS,
    len: word::WAITS_LEN,
    next: word::WAITS_NEXT,
    lost: word::WAITS_LOST,
    clock: sys::CLOCK_MONOTONIC,
};
pub const STACKS: Ring = Ring {
    words: word::STACKS,
    len: word::STACKS_LEN,
    next: word::STACKS_NEXT,
    lost: word::STACKS_LOST,
    clock: sys::CLOCK_MONOTONIC_COARSE,
};

impl Ring {
    /// See [`Ring::write_marked`].
    pub fn write(&self, amount: u64, addresses: &[u64], whole: bool, thread: u32) -> bool {
        self.write_marked(amount, addresses, if whole { 0 } else { word::CUT }, thread)
    }

    /// Writes one stack: its mark (its position plus one, set last), its depth with `marks` ([`word::CUT`], [`word::SHORT`]), amount, thread
    /// with the time in its upper half ([`TICK_BITS`]), addresses. False if no program is recorded.
    pub fn write_marked(&self, amount: u64, addresses: &[u64], marks: u64, thread: u32) -> bool {
        let (words, next) = match (word(self.words), word(self.next)) {
            (Some(words), Some(next)) => (at(words.load(Ordering::Relaxed)) as *const AtomicU64, next),
            _ => return false,
        };
        let depth = addresses.len() as u64;
        let from = next.fetch_add(depth + 4, Ordering::Relaxed);
        // SAFETY: the ring has RING_WORDS words.
        let place = |i: u64| unsafe { &*words.add((from + i) as usize % RING_WORDS) };
        place(0).store(0, Ordering::Relaxed);
        // A reader that meets any of the words below also finds that the ring has come round to them.
        fence(Ordering::Release);
        place(1).store(depth | marks, Ordering::Relaxed);
        place(2).store(amount, Ordering::Relaxed);
        place(3).store(u64::from(thread) | (sys::clock(self.clock) >> TICK_BITS) << 32, Ordering::Relaxed);
        for (i, &address) in addresses.iter().enumerate() {
            place(4 + i as u64).store(address, Ordering::Relaxed);
        }
        place(0).store(from + 1, Ordering::Release);
        true
    }

    /// This many could not be written. False if no program is recorded.
    pub fn lose(&self, number: u64) -> bool {
        add(self.lost, number);
        word(self.len).is_some()
    }
}
