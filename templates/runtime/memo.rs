//! Finds the rest of a stack again without walking it: a thread's previous stack.
//!
//! As `standing` says, a walk is proven by reading again all words that led it. Here that is done for the part of the
//! previous stack above a frame that a new walk meets again. It is remembered per thread only: another thread's stack
//! is elsewhere. Stacks through signal frames, cut stacks and stacks in other memory than the thread's own are never
//! remembered.
//!
//! The bounds: a stack of more than [`MAX_DEPTH`] frames is walked once, that far, at every allocation. A stack whose words lie
//! more than 512 KiB apart (one large local variable will do) is never found by `standing`, but it is here: its innermost frames
//! are walked up to the first that the thread's stack before had, and the rest is read again.

use std::arch::asm;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::arch::{step, ReturnAt, WORD};
use crate::entry::Entry;
use crate::rules;
use crate::stacks::{hash_of, Stacks};
use crate::standing::Word;
use crate::thread::{ThreadState, MAX_DEPTH};
use crate::unwind::{Bounds, Registers, Step};

/// A stack word and its value.
#[derive(Clone, Copy)]
#[repr(C)]
struct Check {
    at: u64,
    value: u64,
}

/// The state of a walk after one step, and how it got there.
#[derive(Clone, Copy)]
#[repr(C)]
struct Frame {
    /// The return address that the step read, and where.
    address: u64,
    return_at: ReturnAt,
    cfa: u64,
    fp: u64,
    /// Where the step read the frame pointer; 0 where it did not.
    fp_at: u64,
    /// Sum of the hashes of all frames above this one.
    hash_above: u64,
    /// Number of checks that prove the frames above this one.
    checks_above: u32,
    /// The step found the frame through the frame pointer.
    by_fp: bool,
    /// The frame pointer as it is here leads to a frame above.
    fp_matters: bool,
}

/// A thread's memory of its previous stack. Zero is the empty memory; it is only resident as far as stacks are deep.
#[repr(C)]
pub struct Memo {
    len: usize,
    checks_len: usize,
    /// As `FORGOTTEN` when it was last looked at.
    forgotten: usize,
    /// The previous stack, outermost frame first.
    frames: [Frame; MAX_DEPTH],
    /// Its addresses, copied.
    addresses: [u64; MAX_DEPTH],
    /// The words that prove it, in the same order.
    checks: [Check; 2 * MAX_DEPTH],
    /// The frames of the current walk, innermost first.
    fresh: [Frame; MAX_DEPTH],
}

/// How often all threads were told to forget.
static FORGOTTEN: AtomicUsize = AtomicUsize::new(0);

/// The rules have changed: no thread's memo proves anything.
pub fn forget_all() {
    FORGOTTEN.fetch_add(1, Ordering::Release);
}

/// How often a walk tries to find its rest in the previous stack.
const TRIES: u32 = 8;

/// The last of `checks` that no longer holds. The innermost frames, which stand last, differ most often.
///
/// # Safety
/// All words lie in the calling thread's stack, above its stack pointer.
#[inline(always)]
unsafe fn mismatch(checks: &[Check]) -> Option<usize> {
    const AT_ONCE: usize = 4;
    let differs = |check: &Check| ptr::read_volatile(check.at as *const u64) & WORD ^ check.value;
    let groups = checks.rchunks_exact(AT_ONCE);
    let first = groups.remainder();
    let mut before = checks.len();
    for group in groups {
        before -= AT_ONCE;
        let mut sum = group.iter().fold(0, |sum, check| sum | differs(check));
        // Keeps the compiler from making a branch of each word.
        asm!("/* {0} */", inout(reg) sum, options(pure, nomem, nostack, preserves_flags));
        if sum != 0 {
            return Some(before + group.iter().rposition(|check| differs(check) != 0).unwrap_or(0));
        }
    }
    first.iter().rposition(|check| differs(check) != 0)
}

impl Memo {
    /// Another thread takes this memory over: it holds another stack.
    pub fn forget(&mut self) {
        self.len = 0;
        self.checks_len = 0;
    }

    /// The entry of the stack at `start`: walks until it meets a frame of the previous stack whose rest is proven, or
    /// to the thread's start; `Err` if nothing may be remembered and a plain walk has to decide.
    ///
    /// Called once none of the entries that are guessed was found to stand here.
    #[inline(never)]
    pub fn walk(
        &mut self,
        start: Registers,
        bounds: Bounds,
        stacks: &mut Stacks,
        owner: &ThreadState,
    ) -> Result<Option<&'static Entry>, ()> {
        let forgotten = FORGOTTEN.load(Ordering::Acquire);
        if self.forgotten != forgotten {
            self.forgotten = forgotten;
            self.forget();
        }
        let texts = rules::installed().unwrap_or(&[]);
        let (mut at, mut exact) = (start, true);
        // The walk may still meet frames[..met]; frames[..kept] are the stack's, once the walk is over.
        let (mut met, mut tries, mut fresh) = (self.len, 0, 0);
        let kept = loop {
            let (return_at, fp_at, by_fp) = match step(texts, &mut at, &mut exact, &bounds) {
                Step::Whole => break 0,
                Step::Cut | Step::Interrupted => return Err(()),
                Step::Caller { return_at, fp_at, by_fp } if return_at.place(at.sp).is_some() => {
                    (return_at, fp_at, by_fp)
                }
                Step::Caller { .. } => return Err(()),
            };
            if fresh == MAX_DEPTH {
                return Ok(self.cut(fresh, 0, stacks, owner));
            }
            let frame = &mut self.fresh[fresh];
            frame.address = at.pc;
            frame.return_at = return_at;
            frame.cfa = at.sp;
            frame.fp = at.fp;
            frame.fp_at = fp_at;
            frame.by_fp = by_fp;
            fresh += 1;
            while met > 0 && self.frames[met - 1].cfa < at.sp {
                met -= 1;
            }
            if met == 0 || tries == TRIES {
                continue;
            }
            let known = &self.frames[met - 1];
            if known.cfa != at.sp || known.address != at.pc || known.fp_matters && known.fp != at.fp {
                continue;
            }
            let above = self.checks.get(..known.checks_above as usize).unwrap_or(&[]);
            // SAFETY: the words lie above `at.sp`, in frames of this thread's stack.
            match unsafe { mismatch(above) } {
                None => break met - 1,
                Some(check) => {
                    tries += 1;
                    met -= 1;
                    fresh = self.skip(check, &mut met, &mut at, fresh).ok_or(())?;
                }
            }
        };
        let depth = kept + fresh;
        if depth > MAX_DEPTH {
            return Ok(self.cut(fresh, kept, stacks, owner));
        }
        let sum = self.replace(kept, fresh);
        let entry = stacks.find(&self.addresses[..depth], sum, true, self.checks_len, owner);
        if let Some(entry) = entry {
            // Kept once, and again after it has just misled.
            let was_guessed = |previous: &Entry| {
                let walked = owner.walked.get(start.sp, previous);
                previous.leads_to(entry) || matches!(walked, Some(walked) if ptr::eq(walked, entry))
            };
            let is_misleading = matches!(owner.previous(), Some(previous) if was_guessed(previous));
            if !entry.stood() || is_misleading {
                self.keep(entry, start);
            }
        }
        Ok(entry)
    }

    /// The entry of a stack that is deeper than stacks are kept: fresh[..fresh] and frames[..kept] are more than that.
    /// The memo stays as it was; such a stack costs one walk of [`MAX_DEPTH`] frames, each time.
    #[cold]
    #[inline(never)]
    fn cut(&mut self, fresh: usize, kept: usize, stacks: &mut Stacks, owner: &ThreadState) -> Option<&'static Entry> {
        let walked = self.fresh[..fresh].iter().chain(self.frames[..kept].iter().rev());
        // SAFETY: `busy` is set, so no other reference to this thread's scratch is alive.
        let scratch = unsafe { &mut *owner.scratch.get() };
        for (place, frame) in scratch.iter_mut().zip(walked) {
            *place = frame.address;
        }
        stacks.find_walked(scratch, false, owner)
    }

    /// Leaves the words of this stack with its entry.
    fn keep(&self, entry: &Entry, start: Registers) {
        let frames = &self.frames[..self.len];
        let distance = |at: u64| (at - start.sp) / 8;
        let addresses =
            frames.iter().map(|frame| Word { distance: distance(frame.return_place()), value: frame.address });
        let bases = frames.iter().filter(|frame| frame.fp_at != 0 && frame.fp_matters);
        let bases = bases.map(|frame| Word { distance: distance(frame.fp_at), value: frame.fp });
        let fixed = frames.iter().any(|frame| frame.by_fp);
        let fp_matters = matches!(frames.last(), Some(innermost) if innermost.fp_matters_below());
        entry.keep(start, fixed, fp_matters, addresses.chain(bases));
    }

    /// frames[met] was met, and all of its rest is proven but for `check` and the frames above it: goes on to the last
    /// frame whose own words are proven. Returns the number of fresh frames.
    fn skip(&mut self, check: usize, met: &mut usize, at: &mut Registers, mut fresh: usize) -> Option<usize> {
        while *met > 0 && self.frames[*met - 1].checks_above as usize > check {
            *met -= 1;
            let mut frame = self.frames[*met];
            // The frame pointer has been proven only where it matters.
            if frame.fp_at != 0 {
                // SAFETY: the word lies in the thread's own stack, above the walk's first frame.
                at.fp = unsafe { ptr::read_volatile(frame.fp_at as *const u64) & WORD };
            }
            frame.fp = at.fp;
            at.pc = frame.address;
            at.sp = frame.cfa;
            *self.fresh.get_mut(fresh)? = frame;
            fresh += 1;
        }
        // The frame of the word that differs is no longer the same.
        *met = met.saturating_sub(1);
        Some(fresh)
    }

    /// Makes frames[..kept] and fresh[..fresh] the previous stack; the sum of its addresses' hashes.
    #[inline(always)]
    fn replace(&mut self, kept: usize, fresh: usize) -> u64 {
        let (mut sum, mut above) = (0, None);
        self.checks_len = 0;
        if kept > 0 {
            // frames[kept] was met: the frames above it were proven as a whole.
            sum = self.frames[kept].hash_above;
            self.checks_len = self.frames[kept].checks_above as usize;
            above = Some(self.frames[kept - 1]);
        }
        self.len = kept;
        for i in (0..fresh).rev() {
            let mut frame = self.fresh[i];
            frame.fp_matters = matches!(above, Some(above) if Frame::fp_matters_below(&above));
            frame.checks_above = self.checks_len as u32;
            frame.hash_above = sum;
            sum = sum.wrapping_add(hash_of(frame.address, self.len));
            self.note(frame.return_place(), frame.address);
            if frame.fp_at != 0 && frame.fp_matters {
                self.note(frame.fp_at, frame.fp);
            }
            self.frames[self.len] = frame;
            self.addresses[self.len] = frame.address;
            self.len += 1;
            above = Some(frame);
        }
        sum
    }

    #[inline(always)]
    fn note(&mut self, at: u64, value: u64) {
        if let Some(check) = self.checks.get_mut(self.checks_len) {
            *check = Check { at, value };
            self.checks_len += 1;
        }
    }
}

impl Frame {
    /// Where its return address lies: no frame whose return address was in a register is remembered.
    #[inline(always)]
    fn return_place(&self) -> u64 {
        self.return_at.place(self.cfa).unwrap_or(0)
    }

    /// Whether the frame pointer in the frame below this one leads to this frame or one above it.
    #[inline(always)]
    fn fp_matters_below(&self) -> bool {
        self.by_fp || self.fp_at == 0 && self.fp_matters
    }
}

#[cfg(test)]
#[path = "memo/tests.rs"]
mod tests;
