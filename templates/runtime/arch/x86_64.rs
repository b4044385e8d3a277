//! x86-64 under Linux.

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, _mm_castpd_si128, _mm_castsi128_pd, _mm_cmpeq_epi32, _mm_load_si128, _mm_loadh_pd, _mm_loadl_epi64,
    _mm_movemask_epi8, _mm_or_si128, _mm_prefetch, _mm_setzero_si128, _mm_xor_si128, _MM_HINT_T0,
};
use std::os::raw::c_long;
use std::ptr;

use crate::rules::{self, Text, FROM_FP, FROM_SP, OUTERMOST, SPECIAL};
use crate::unwind::{Step, Words};

pub const SYS_RT_SIGPROCMASK: c_long = 14;
pub const SYS_GETTID: c_long = 186;
#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
pub const SYS_FUTEX: c_long = 202;
pub const SYS_TGKILL: c_long = 234;
pub const SYS_PERF_EVENT_OPEN: c_long = 298;
pub const SYS_MEMBARRIER: c_long = 324;

/// Bits of a user's address.
pub const ADDRESS_BITS: u32 = 47;
/// The part of a stack word that a walk reads.
pub const WORD: u64 = !0;
/// A shadow has one rule for each 2 to the power of this bytes of code.
pub const CODE_BITS: u32 = 0;
/// Steps of [`ticks`], some microseconds.
pub const SOON: u64 = 1 << 14;

/// The rest of a rule, see `src/unwind/x86_64`: rbp is saved in the frame; specials besides the first.
pub const FP_SAVED: u32 = 4;
const PLT: u32 = 1;
const SIGNAL: u32 = 2;

/// A page of its own.
#[repr(align(4096))]
pub struct Page<T>(pub T);

/// Where a thread stands: the registers that a walk starts from.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    pub pc: u64,
    pub sp: u64,
    /// rbp.
    pub fp: u64,
}

/// The registers of the function that this is inlined into.
#[inline(always)]
pub fn registers() -> Registers {
    let (pc, sp, fp): (u64, u64, u64);
    // SAFETY: reads three registers, nothing else.
    unsafe {
        asm!("lea {0}, [rip]", "mov {1}, rsp", "mov {2}, rbp", out(reg) pc, out(reg) sp, out(reg) fp,
             options(nomem, nostack, preserves_flags));
    }
    Registers { pc, sp, fp }
}

impl Registers {
    /// Those of the code that a signal interrupted.
    ///
    /// # Safety
    /// `context` is the third argument of its handler.
    pub unsafe fn interrupted(context: *const u8) -> Registers {
        let word = |at: usize| *(context.add(at) as *const u64);
        Registers { pc: word(UCONTEXT_RIP), sp: word(UCONTEXT_RSP), fp: word(UCONTEXT_RBP) }
    }
}

/// Places in the kernel's ucontext_t.
const UCONTEXT_RBP: usize = 120;
const UCONTEXT_RSP: usize = 160;
const UCONTEXT_RIP: usize = 168;

/// The place of the return address that a step read: always the same in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnAt;

impl ReturnAt {
    /// Its place on the stack; `None` if it was in a register.
    #[inline(always)]
    pub fn place(self, cfa: u64) -> Option<u64> {
        Some(cfa.wrapping_sub(8))
    }
}

/// Goes one frame up. `exact` says that pc is the place itself; a return address belongs to the call before it.
#[inline(always)]
pub fn step(texts: &[Text], at: &mut Registers, exact: &mut bool, words: &impl Words) -> Step {
    let key = if *exact { at.pc } else { at.pc.wrapping_sub(1) };
    let rule = rules::rule_at(texts, key);
    let offset = u64::from(rule >> 12) * 8;
    let cfa = match rule & 3 {
        FROM_SP => at.sp.wrapping_add(offset),
        FROM_FP => at.fp.wrapping_add(offset),
        SPECIAL => match rule >> 12 {
            OUTERMOST => return Step::Whole,
            PLT => at.sp.wrapping_add(8 + 8 * u64::from(at.pc & 15 >= 11)),
            SIGNAL => return interrupted(at, exact, words),
            _ => return Step::Cut,
        },
        _ => return Step::Cut,
    };
    if cfa <= at.sp {
        return Step::Cut;
    }
    let mut fp_at = 0;
    if rule & FP_SAVED != 0 && rule & 3 != SPECIAL {
        let saved = cfa.wrapping_sub(u64::from(rule >> 3 & 0x1FF) * 8);
        // Below rsp it has been popped already: compilers do not describe that in an epilogue.
        if saved >= at.sp {
            fp_at = saved;
            match words.read(saved) {
                Some(fp) => at.fp = fp,
                None => return Step::Cut,
            }
        }
    }
    match words.read(cfa.wrapping_sub(8)) {
        Some(pc) => at.pc = pc,
        None => return Step::Cut,
    }
    at.sp = cfa;
    *exact = false;
    Step::Caller { return_at: ReturnAt, fp_at, by_fp: rule & 3 == FROM_FP }
}

/// The kernel's ucontext lies at rsp.
#[cold]
fn interrupted(at: &mut Registers, exact: &mut bool, words: &impl Words) -> Step {
    let word = |place: usize| words.read(at.sp.wrapping_add(place as u64));
    match (word(UCONTEXT_RIP), word(UCONTEXT_RSP), word(UCONTEXT_RBP)) {
        (Some(pc), Some(sp), Some(fp)) => {
            *at = Registers { pc, sp, fp };
            *exact = true;
            Step::Interrupted
        }
        _ => Step::Cut,
    }
}

/// Bits in which words differ.
#[derive(Clone, Copy)]
pub struct Difference(__m128i);

impl Difference {
    #[inline(always)]
    pub fn or(self, other: Difference) -> Difference {
        // SAFETY: of the processor's base set.
        Difference(unsafe { _mm_or_si128(self.0, other.0) })
    }

    #[inline(always)]
    pub fn is_none(self) -> bool {
        // SAFETY: as above.
        unsafe { _mm_movemask_epi8(_mm_cmpeq_epi32(self.0, _mm_setzero_si128())) == 0xFFFF }
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
    let word = |i: usize| (sp as *const u64).add((four >> (16 * i)) as usize & 0xFFFF);
    let two = |i: usize| {
        let low = _mm_loadl_epi64(word(i) as *const __m128i);
        let both = _mm_castpd_si128(_mm_loadh_pd(_mm_castsi128_pd(low), word(i + 1) as *const f64));
        _mm_xor_si128(both, _mm_load_si128(values.add(i) as *const __m128i))
    };
    Difference(_mm_or_si128(two(0), two(2)))
}

/// Fetches the cache line of `address`, which need not be valid.
#[inline(always)]
pub fn fetch(address: *const i8) {
    // SAFETY: a hint.
    unsafe { _mm_prefetch(address, _MM_HINT_T0) }
}

/// A counter that the processor goes on counting.
#[inline(always)]
pub fn ticks() -> u64 {
    // SAFETY: reads a counter.
    unsafe { std::arch::x86_64::_rdtsc() }
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
    // The x86-64 system call: these registers in, rax out, rcx and r11 lost.
    asm!("syscall", inlateout("rax") number => answer, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
         in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
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
            ".type dlopen, @function",
            "dlopen:",
            ".cfi_startproc",
            "push rdi",
            ".cfi_adjust_cfa_offset 8",
            "push rsi",
            ".cfi_adjust_cfa_offset 8",
            "mov rdi, [rsp + 16]",
            "sub rsp, 8",
            ".cfi_adjust_cfa_offset 8",
            "call {opener}",
            "add rsp, 8",
            ".cfi_adjust_cfa_offset -8",
            "pop rsi",
            ".cfi_adjust_cfa_offset -8",
            "pop rdi",
            ".cfi_adjust_cfa_offset -8",
            "jmp rax",
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

    /// The rule of a frame of so many words, found through rbp or rsp; the return address at its top, and rbp below that
    /// if it is saved.
    pub fn rule(by_fp: bool, words: u32, saves_fp: bool) -> u32 {
        let saved = if saves_fp { 2 << 3 | FP_SAVED } else { 0 };
        words << 12 | saved | if by_fp { FROM_FP } else { FROM_SP }
    }

    /// The registers of a function that has called another one.
    pub fn registers_of(pc: u64, sp: u64, fp: u64) -> Registers {
        Registers { pc, sp, fp }
    }

    #[test]
    fn in_an_epilogue_rbp_is_popped_already() {
        let _one_table = crate::entries::tests::lock();
        let popped = 5 << 12 | 6 << 3 | FP_SAVED | FROM_SP;
        install_rows(0x1000, 0x2000, &[(0x10, popped), (0x20, 2 << 12 | FROM_FP), (0x30, SPECIAL)]);
        let mut stack = [0u64; 10];
        (stack[4], stack[7]) = (0x1021, 0x1031);
        let at = |word: usize| &stack[word] as *const u64 as u64;
        let mut out = [0; 4];
        let start = Registers { pc: 0x1010, sp: at(0), fp: at(6) };
        let walk = walk(start, &mut out, Bounds { low: at(0), end: at(0) + 80 });
        assert_eq!((walk.depth, walk.whole, &out[..2]), (2, true, &[0x1021, 0x1031][..]));
    }
}
