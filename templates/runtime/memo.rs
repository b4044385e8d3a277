//! Stacks found again without walking them: a thread's previous stack, and a few hundred whole ones.
//!
//! A walk is a function of pc, rsp, rbp and the stack words that it reads: every return address, and each saved rbp through
//! which an older frame is found. So whoever stands where an earlier walk stood, and reads the same in each of those words,
//! has the same callers. Nothing less proves it: frames of equal size have equal addresses, whoever called them.
//!
//! Two things are remembered of walks that reached the thread's start, per thread only (another thread's stack is elsewhere):
//! the previous stack, of which the part above a frame met again is proven by reading its words again, and [`crate::whole`].
//! Stacks through signal frames, cut ones and those of other memory than the thread's own stack are never remembered.

use std::ptr;

use crate::rules;
use crate::stacks::{Entry, Node, Stacks};
use crate::thread::{ThreadState, MAX_DEPTH};
use crate::unwind::{self, Bounds, Registers, Step};
use crate::whole::{Place, Whole};

/// A stack word and what it held.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Check {
    pub at: u64,
    pub value: u64,
}

/// The state of a walk behind one step, and how it got there.
#[derive(Clone, Copy)]
#[repr(C)]
struct Frame {
    /// The return address that the step read, at `cfa - 8`.
    address: u64,
    cfa: u64,
    rbp: u64,
    /// Where the step read rbp; 0 where it did not.
    rbp_at: u64,
    /// The call's node in the tree.
    node: *const Node,
    /// Number of checks that prove the frames above this one.
    checks_above: u32,
    /// The step found the frame through rbp.
    by_rbp: bool,
    /// rbp as it is here leads to a frame above.
    rbp_matters: bool,
}

/// What a thread remembers. Zero is the empty memory; it is only resident as far as stacks are deep.
#[repr(C)]
pub struct Memo {
    len: usize,
    checks_len: usize,
    /// The previous stack, outermost frame first.
    frames: [Frame; MAX_DEPTH],
    /// What proves it, in the same order.
    checks: [Check; 2 * MAX_DEPTH],
    /// The frames of the current walk, innermost first.
    fresh: [Frame; MAX_DEPTH],
    whole: Whole,
}

/// So often a walk tries to find its rest in the previous stack.
const TRIES: u32 = 4;

/// The last of `checks` that does not hold any more. The innermost frames, which stand last, differ most often.
///
/// # Safety
/// All words lie in the calling thread's stack, above its stack pointer.
#[inline(always)]
pub unsafe fn mismatch(checks: &[Check]) -> Option<usize> {
    const BLOCK: usize = 8;
    let differs = |check: &Check| ptr::read_volatile(check.at as *const u64) ^ check.value;
    let mut rest = checks;
    while !rest.is_empty() {
        let (before, block) = rest.split_at(rest.len().saturating_sub(BLOCK));
        if block.iter().fold(0, |sum, check| sum | differs(check)) != 0 {
            let place = block.iter().rposition(|check| differs(check) != 0).unwrap_or(0);
            return Some(before.len() + place);
        }
        rest = before;
    }
    None
}

impl Memo {
    /// Another thread takes this memory over: what it holds is of another stack.
    pub fn forget(&mut self) {
        self.len = 0;
        self.checks_len = 0;
        self.whole.forget();
    }

    /// The entry of the stack at `at`, by what is remembered; `Err` where that cannot say and a plain walk has to.
    #[inline(always)]
    pub fn find(
        &mut self,
        at: Registers,
        bounds: Bounds,
        stacks: &mut Stacks,
        owner: &ThreadState,
    ) -> Result<Option<&'static Entry>, ()> {
        let place = self.whole.place(at, bounds);
        // SAFETY: the words checked are those of stacks of this thread, above the same stack pointer.
        match unsafe { self.whole.find(place, at) } {
            Some(entry) => Ok(Some(entry)),
            None => self.walk(at, bounds, place, stacks, owner),
        }
    }

    /// Walks until a frame of the previous stack is met whose rest is proven, or to the thread's start.
    #[inline(never)]
    fn walk(
        &mut self,
        start: Registers,
        bounds: Bounds,
        place: Place,
        stacks: &mut Stacks,
        owner: &ThreadState,
    ) -> Result<Option<&'static Entry>, ()> {
        let texts = rules::installed().unwrap_or(&[]);
        let (mut at, mut exact) = (start, true);
        // frames[..met] may be met yet; frames[..kept] are the stack's, once the walk is over.
        let (mut met, mut tries, mut fresh) = (self.len, 0, 0);
        let kept = loop {
            match unwind::step(texts, &mut at, &mut exact, &bounds) {
                Step::Whole => break 0,
                Step::Cut | Step::Interrupted => return Err(()),
                Step::Caller { rbp_at, by_rbp } => {
                    let frame = self.fresh.get_mut(fresh).ok_or(())?;
                    *frame = Frame {
                        address: at.pc,
                        cfa: at.rsp,
                        rbp: at.rbp,
                        rbp_at,
                        node: ptr::null(),
                        checks_above: 0,
                        by_rbp,
                        rbp_matters: false,
                    };
                    fresh += 1;
                    while met > 0 && self.frames[met - 1].cfa < at.rsp {
                        met -= 1;
                    }
                    if met == 0 || tries == TRIES {
                        continue;
                    }
                    let known = self.frames[met - 1];
                    if known.cfa != at.rsp || known.address != at.pc || known.rbp_matters && known.rbp != at.rbp {
                        continue;
                    }
                    let above = self.checks.get(..known.checks_above as usize).unwrap_or(&[]);
                    // SAFETY: the words lie above `at.rsp`, in frames of this thread's stack.
                    match unsafe { mismatch(above) } {
                        None => {
                            // The frame itself was reached in another way, perhaps; what is above it stands.
                            frame.node = known.node;
                            break met - 1;
                        }
                        Some(check) => {
                            while met > 0 && self.frames[met - 1].checks_above as usize > check {
                                met -= 1;
                            }
                            tries += 1;
                        }
                    }
                }
            }
        };
        if kept + fresh > MAX_DEPTH {
            return Err(());
        }
        let node = match self.replace(kept, fresh, stacks) {
            Some(node) => node,
            None => return Ok(None),
        };
        let entry = stacks.entry_of(node, owner);
        if let (Some(entry), Some(innermost)) = (entry, self.frames[..self.len].last()) {
            let rbp_matters = innermost.rbp_matters_below();
            let second = self.frames.get(self.len.wrapping_sub(2)).map_or(0, |frame| frame.cfa);
            self.whole.learn(start, second);
            self.whole.keep(place, start, rbp_matters, &self.checks[..self.checks_len], entry);
        }
        Ok(entry)
    }

    /// The previous stack becomes frames[..kept] and fresh[..fresh]; its innermost node.
    #[inline(always)]
    fn replace(&mut self, kept: usize, fresh: usize, stacks: &mut Stacks) -> Option<&'static Node> {
        self.len = kept;
        let mut node = match kept.checked_sub(1) {
            Some(last) => {
                self.checks_len = self.frames[last + 1].checks_above as usize;
                self.frames[last].node
            }
            None => {
                self.checks_len = 0;
                stacks.root(true)?
            }
        };
        let mut above = kept.checked_sub(1).map(|last| self.frames[last]);
        for place in (0..fresh).rev() {
            let mut frame = *self.fresh.get(place)?;
            if frame.node.is_null() {
                frame.node = stacks.child(node, frame.address)?;
            }
            node = frame.node;
            frame.rbp_matters = above.map_or(false, |above| above.rbp_matters_below());
            frame.checks_above = self.checks_len as u32;
            self.note(frame.cfa - 8, frame.address);
            if frame.rbp_at != 0 && frame.rbp_matters {
                self.note(frame.rbp_at, frame.rbp);
            }
            *self.frames.get_mut(self.len)? = frame;
            self.len += 1;
            above = Some(frame);
        }
        // SAFETY: a node that `stacks` made; nodes are never unmapped.
        unsafe { node.as_ref() }
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
    /// Whether rbp in the frame below this one leads to this frame or one above it.
    #[inline(always)]
    fn rbp_matters_below(&self) -> bool {
        self.by_rbp || self.rbp_at == 0 && self.rbp_matters
    }
}
