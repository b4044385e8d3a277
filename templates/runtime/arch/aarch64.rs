//! AArch64 under Linux.
//!
//! The kernel and the compilers may sign return addresses (PAC): the signature stands above the bits of an address, and
//! differs from one stack pointer to another. A walk therefore reads the lower 48 bits of every stack word, and so does the
//! proof that it would be the same again.

use std::arch::asm;
use std::os::raw::c_long;
use std::ptr;

use crate::rules::{self, Text, FROM_FP, FROM_SP, OUTERMOST, SPECIAL};
use crate::sys;
use crate::unwind::{Step, Words};

#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
pub const SYS_FUTEX: c_long = 98;
pub const SYS_TGKILL: c_long = 131;
pub const SYS_RT_SIGPROCMASK: c_long = 135;
pub const SYS_GETTID: c_long = 178;
pub const SYS_PERF_EVENT_OPEN: c_long = 241;
pub const SYS_MEMBARRIER: c_long = 283;

/// Bits of a user's address; the kernel gives longer ones only to those who ask for them.
pub const ADDRESS_BITS: u32 = 48;
/// The part of a stack word that a walk reads.
pub const WORD: u64 = (1 << ADDRESS_BITS) - 1;
/// A shadow has one rule for each 2 to the power of this bytes of code: an instruction.
pub const CODE_BITS: u32 = 2;
/// Steps of [`ticks`], some microseconds at 24 MHz to 1 GHz.
pub const SOON: u64 = 1 << 10;

/// The rest of a rule, see `src/unwind/aarch64`: x30 is saved in the frame.
pub const LR_SAVED: u32 = 1 << 2;
/// Where x29 is saved: nowhere, below x30, above it, or in the slot itself, without x30.
pub const FP_SHIFT: u32 = 3;
pub const FP_BELOW: u32 = 1;
pub const FP_ABOVE: u32 = 2;
pub const FP_ALONE: u32 = 3;
/// The slot is counted from the CFA's base upwards, not from the CFA downwards.
pub const FROM_BASE: u32 = 1 << 5;
pub const SLOT_SHIFT: u32 = 6;
pub const OFFSET_SHIFT: u32 = 14;

/// A page of its own: kernels have pages of up to 64 KiB.
#[repr(align(65536))]
pub struct Page<T>(pub T);

/// Where a thread stands: the registers that a walk starts from.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    pub pc: u64,
    pub sp: u64,
    /// x29.
    pub fp: u64,
    /// x30, the return address of a function that calls none; known where a signal interrupted.
    pub lr: u64,
}

/// The registers of the function that this is inlined into, which has saved x30: it has called another one.
#[inline(always)]
pub fn registers() -> Registers {
    let (pc, sp, fp): (u64, u64, u64);
    // SAFETY: reads three registers, nothing else.
    unsafe {
        asm!("adr {0}, .", "mov {1}, sp", "mov {2}, x29", out(reg) pc, out(reg) sp, out(reg) fp,
             options(nomem, nostack, preserves_flags));
    }
    Registers { pc, sp, fp: fp & WORD, lr: 0 }
}

/// Places in the kernel's ucontext_t.
const UCONTEXT_FP: usize = 416;
const UCONTEXT_LR: usize = 424;
const UCONTEXT_SP: usize = 432;
const UCONTEXT_PC: usize = 440;
/// The place of the ucontext_t above the stack pointer of the code that a signal's handler returns to.
const UCONTEXT: usize = 128;

impl Registers {
    /// Those of the code that a signal interrupted.
    ///
    /// # Safety
    /// `context` is the third argument of its handler.
    pub unsafe fn interrupted(context: *const u8) -> Registers {
        let word = |at: usize| *(context.add(at) as *const u64);
        let (fp, lr) = (word(UCONTEXT_FP) & WORD, word(UCONTEXT_LR) & WORD);
        Registers { pc: word(UCONTEXT_PC), sp: word(UCONTEXT_SP), fp, lr }
    }
}

/// The place of the return address that a step read; 0 if that was in x30.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnAt(u64);

impl ReturnAt {
    /// Its place on the stack; `None` if it was in a register.
    #[inline(always)]
    pub fn place(self, _cfa: u64) -> Option<u64> {
        Some(self.0).filter(|&place| place != 0)
    }
}

/// Goes one frame up. `exact` says that pc is the place itself; a return address belongs to the call before it.
#[inline(always)]
pub fn step(texts: &[Text], at: &mut Registers, exact: &mut bool, words: &impl Words) -> Step {
    let rule = rules::rule_at(texts, at.pc.wrapping_sub(u64::from(!*exact)));
    let by_fp = rule & 3 == FROM_FP;
    let base = match rule & 3 {
        FROM_SP => at.sp,
        FROM_FP => at.fp,
        SPECIAL if rule >> OFFSET_SHIFT == OUTERMOST => return Step::Whole,
        _ => return without_rule(at, exact, words),
    };
    // In units of 16 bytes from sp, of 8 from x29: a SIMD register saved below it takes 8.
    let cfa = base.wrapping_add(u64::from(rule >> OFFSET_SHIFT) << (5 - (rule & 3)));
    // Only a function that calls none may have no frame.
    if cfa < at.sp || cfa == at.sp && !*exact {
        return Step::Cut;
    }
    let distance = u64::from(rule >> SLOT_SHIFT & 0xFF) * 8;
    let slot = if rule & FROM_BASE != 0 { base.wrapping_add(distance) } else { cfa.wrapping_sub(distance) };
    let mut fp_at = match rule >> FP_SHIFT & 3 {
        FP_BELOW => slot.wrapping_sub(8),
        FP_ABOVE => slot.wrapping_add(8),
        FP_ALONE => slot,
        _ => 0,
    };
    // Below sp they have been read back already.
    if fp_at < at.sp {
        fp_at = 0;
    }
    let return_at = if rule & LR_SAVED != 0 && slot >= at.sp { slot } else { 0 };
    if fp_at != 0 {
        match words.read(fp_at) {
            Some(fp) => at.fp = fp & WORD,
            None => return Step::Cut,
        }
    }
    at.pc = match return_at {
        0 if *exact => at.lr,
        0 => return Step::Cut,
        _ => match words.read(return_at) {
            Some(pc) => pc & WORD,
            None => return Step::Cut,
        },
    };
    at.sp = cfa;
    *exact = false;
    Step::Caller { return_at: ReturnAt(return_at), fp_at, by_fp }
}

/// No table describes the code that a signal's handler returns to, since none could: in the vdso, or in an emulator's page,
/// or in libc. It is known by its two instructions, and the registers lie above it.
#[cold]
fn without_rule(at: &mut Registers, exact: &mut bool, words: &impl Words) -> Step {
    /// mov x8, #139; svc #0
    const RT_SIGRETURN: [u32; 2] = [0xD280_1168, 0xD400_0001];
    let instruction = |address: u64| {
        // SAFETY: the kernel has just read that word.
        (address & 3 == 0 && sys::readable(address)).then(|| unsafe { ptr::read_volatile(address as *const u32) })
    };
    if [instruction(at.pc), instruction(at.pc.wrapping_add(4))] != RT_SIGRETURN.map(Some) {
        return Step::Cut;
    }
    let word = |place: usize| words.read(at.sp.wrapping_add((UCONTEXT + place) as u64));
    match (word(UCONTEXT_PC), word(UCONTEXT_SP), word(UCONTEXT_FP), word(UCONTEXT_LR)) {
        (Some(pc), Some(sp), Some(fp), Some(lr)) => {
            *at = Registers { pc, sp, fp: fp & WORD, lr: lr & WORD };
            *exact = true;
            Step::Interrupted
        }
        _ => Step::Cut,
    }
}

/// Bits in which words differ.
#[derive(Clone, Copy)]
pub struct Difference(u64);

impl Difference {
    #[inline(always)]
    pub fn or(self, other: Difference) -> Difference {
        Difference(self.0 | other.0)
    }

    #[inline(always)]
    pub fn is_none(self) -> bool {
        self.0 & WORD == 0
    }
}

/// The difference between four words of the stack, at these distances above `sp`, and four values.
///
/// # Safety
/// The words can be read; values begin at a multiple of 16.
#[inline(always)]
pub unsafe fn four_differ(sp: u64, distances: *const u16, values: *const u64) -> Difference {
    // One load for the four of them.
    let four = ptr::read_unaligned(distances as *const u64);
    let word = |i: usize| *(sp as *const u64).add((four >> (16 * i)) as usize & 0xFFFF);
    let differs = |i: usize| word(i) ^ *values.add(i);
    Difference(differs(0) | differs(1) | differs(2) | differs(3))
}

/// Fetches the cache line of `address`, which need not be valid.
#[inline(always)]
pub fn fetch(address: *const i8) {
    // SAFETY: a hint.
    unsafe { asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, readonly, preserves_flags)) }
}

/// A counter that the processor goes on counting.
#[inline(always)]
pub fn ticks() -> u64 {
    let ticks;
    // SAFETY: reads a counter.
    unsafe { asm!("mrs {0}, cntvct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags)) };
    ticks
}

/// The kernel's own answer: an error is minus its number.
///
/// # Safety
/// The same as for syscall(2).
#[cfg_attr(test, allow(dead_code))]
#[inline(always)]
pub unsafe fn raw_syscall(number: c_long, arguments: [c_long; 6]) -> c_long {
    let [a, b, c, d, e, f] = arguments;
    let answer;
    asm!("svc #0", in("x8") number, inlateout("x0") a => answer, in("x1") b, in("x2") c, in("x3") d, in("x4") e,
         in("x5") f, options(nostack));
    answer
}

/// dlopen itself. It looks for libraries on behalf of its caller, which it knows by the return address. A caller outside
/// the executable, where this code is, goes straight on to libc's function, as does any other after the call of the
/// opener.
#[allow(unused_macros)]
macro_rules! dlopen {
    ($opener:path) => {
        std::arch::global_asm!(
            ".globl dlopen",
            ".type dlopen, %function",
            ".p2align 2",
            "dlopen:",
            ".cfi_startproc",
            // bti c
            "hint #34",
            "stp x29, x30, [sp, #-32]!",
            ".cfi_def_cfa_offset 32",
            ".cfi_offset x29, -32",
            ".cfi_offset x30, -24",
            "stp x0, x1, [sp, #16]",
            "mov x0, x30",
            "bl {opener}",
            "mov x16, x0",
            "ldp x0, x1, [sp, #16]",
            "ldp x29, x30, [sp], #32",
            ".cfi_restore x29",
            ".cfi_restore x30",
            ".cfi_def_cfa_offset 0",
            "br x16",
            ".cfi_endproc",
            ".size dlopen, . - dlopen",
            opener = sym $opener,
        );
    };
}
#[allow(unused_imports)]
pub(crate) use dlopen;

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::rules::install_rows;
    use crate::unwind::{walk, Bounds};

    /// The rule of a frame of so many words, found through x29 or sp; the return address at its top, and x29 below that
    /// if it is saved.
    pub fn rule(by_fp: bool, words: u32, saves_fp: bool) -> u32 {
        let fp = if saves_fp { FP_BELOW << FP_SHIFT } else { 0 };
        let offset = if by_fp { words } else { words / 2 };
        offset << OFFSET_SHIFT | 1 << SLOT_SHIFT | fp | LR_SAVED | if by_fp { FROM_FP } else { FROM_SP }
    }

    /// The registers of a function that has called another one.
    pub fn registers_of(pc: u64, sp: u64, fp: u64) -> Registers {
        Registers { pc, sp, fp, lr: 0 }
    }

    fn walked(rows: &[(u32, u32)], stack: &[u64], start: Registers) -> (Vec<u64>, bool) {
        let _one_table = crate::entries::tests::lock();
        install_rows(0x1000, 0x2000, rows);
        let (low, mut out) = (stack.as_ptr() as u64, [0; 8]);
        let walk = walk(start, &mut out, Bounds { low, end: low + stack.len() as u64 * 8 });
        (out[..walk.depth].to_vec(), walk.whole)
    }

    #[test]
    fn a_function_without_a_frame_has_its_caller_in_a_register() {
        let stack = [0, 0x1031, 0, 0];
        let at = Registers { pc: 0x1010, sp: stack.as_ptr() as u64, fp: 0, lr: 0x1021 };
        let rows = [(0x10, FROM_SP), (0x20, rule(false, 2, false)), (0x30, SPECIAL)];
        assert_eq!(walked(&rows, &stack, at), (vec![0x1021, 0x1031], true));
        // Above a call it is known no longer.
        let rows = [(0x10, FROM_SP), (0x20, FROM_SP), (0x30, SPECIAL)];
        assert_eq!(walked(&rows, &stack, at), (vec![0x1021], false));
    }

    #[test]
    fn signatures_are_no_part_of_an_address() {
        const SIGNED: u64 = 0x00AB << 48;
        let stack = [0, 0, SIGNED | 0x1021, SIGNED | 0x1031];
        let low = stack.as_ptr() as u64;
        let at = Registers { pc: 0x1010, sp: low, fp: 0, lr: 0 };
        // x30 in the word above the base.
        let near_base = 2 << OFFSET_SHIFT | 2 << SLOT_SHIFT | FROM_BASE | LR_SAVED | FROM_SP;
        let rows = [(0x10, near_base), (0x20, SPECIAL)];
        assert_eq!(walked(&rows, &stack, at), (vec![0x1021], true));
        // SAFETY: the words are the array's.
        unsafe {
            assert!(four_differ(low, [2, 3, 2, 3].as_ptr(), [0x1021, 0x1031, 0x1021, 0x1031].as_ptr()).is_none());
            assert!(!four_differ(low, [2, 3, 2, 3].as_ptr(), [0x1021, 0x1031, 0x1021, 0x1032].as_ptr()).is_none());
        }
    }
}
