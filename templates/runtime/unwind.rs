//! Stack walks by look-up in tables that the tool made from .eh_frame before the run.
//!
//! A walk needs, per frame, where the caller's frame begins (CFA) and whether rbp was saved: one 32-bit rule. Each object has
//! its sorted rows and a "shadow", one rule per text byte, filled on first use; so a frame costs one load as a rule.
//! File format: header, one entry an object, rows `(pc, rule)`, strings, all little-endian; `src/unwind` writes it.

use std::arch::asm;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::memory;
use crate::objects::Object;

const MAGIC: &[u8; 8] = b"MPUNWND1";
const OBJECT: usize = 64;

/// Kinds of rule, in the two lowest bits.
const FROM_RSP: u32 = 1;
const FROM_RBP: u32 = 2;
const SPECIAL: u32 = 3;
const RBP_SAVED: u32 = 4;
/// Specials, in bits 12 and up.
const OUTERMOST: u32 = 0;
const PLT: u32 = 1;
const SIGNAL: u32 = 2;
/// A shadow word that was looked up and found to have no rule; 0 means not looked up yet.
const NO_RULE: u32 = 0xFFFF_F003;

#[repr(C)]
#[derive(Clone, Copy)]
struct Row {
    pc: u32,
    rule: u32,
}

/// The rows of one loaded object, at its run-time addresses.
struct Text {
    start: u64,
    end: u64,
    rows: Vec<Row>,
    shadow: *const AtomicU32,
}

static TEXTS: AtomicPtr<Vec<Text>> = AtomicPtr::new(ptr::null_mut());

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let b = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32_at(bytes, at)?) | u64::from(u32_at(bytes, at.checked_add(4)?)?) << 32)
}

/// Takes the tables of `bytes` into use for the objects that are loaded; how many of them have one.
/// A file that is cut short or of another version gives none, and then every stack is cut at once.
pub fn install(bytes: &[u8], objects: &[Object]) -> usize {
    let mut texts = Vec::new();
    if bytes.get(..8) == Some(&MAGIC[..]) && u32_at(bytes, 8) == Some(1) {
        for i in 0..u32_at(bytes, 12).unwrap_or(0) as usize {
            match text(bytes, i, objects) {
                Some(text) => texts.push(text),
                None => continue,
            }
        }
    }
    let count = texts.len();
    // Walks of other threads may still use the former tables, so these are never freed.
    TEXTS.store(Box::into_raw(Box::new(texts)), Ordering::Release);
    count
}

fn text(bytes: &[u8], index: usize, objects: &[Object]) -> Option<Text> {
    let at = u64_at(bytes, 24)? as usize + index * OBJECT;
    let (rows_at, strings_at) = (u64_at(bytes, 32)? as usize, u64_at(bytes, 40)? as usize);
    let (start, end) = (u64_at(bytes, at)?, u64_at(bytes, at + 8)?);
    let (first, count) = (u32_at(bytes, at + 16)? as usize, u32_at(bytes, at + 20)? as usize);
    let string = |at: usize| -> Option<&[u8]> {
        let from = strings_at + u32_at(bytes, at)? as usize;
        bytes.get(from..from.checked_add(u32_at(bytes, at + 4)? as usize)?)
    };
    let (name, build_id) = (string(at + 24)?, string(at + 32)?);
    let object = objects.iter().find(|object| {
        object.path.as_slice() == name && object.build_id.as_slice() == build_id && object.covers(start, end)
    })?;
    let mut rows = Vec::with_capacity(count);
    for i in first..first + count {
        let row = rows_at + i * 8;
        rows.push(Row { pc: u32_at(bytes, row)?, rule: u32_at(bytes, row + 4)? });
    }
    let shadow = memory::map((end - start) as usize * 4) as *const AtomicU32;
    if shadow.is_null() || rows.is_empty() {
        return None;
    }
    Some(Text { start: start.wrapping_add(object.bias), end: end.wrapping_add(object.bias), rows, shadow })
}

impl Text {
    #[inline(always)]
    fn rule(&self, pc: u64) -> u32 {
        let offset = (pc - self.start) as usize;
        // SAFETY: the shadow has one word per byte of [start, end), and the caller checked that `pc` lies in it.
        let cell = unsafe { &*self.shadow.add(offset) };
        match cell.load(Ordering::Relaxed) {
            0 => self.look_up(offset as u32, cell),
            rule => rule,
        }
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self, offset: u32, cell: &AtomicU32) -> u32 {
        let after = self.rows.partition_point(|row| row.pc <= offset);
        let rule = match after.checked_sub(1).map(|i| self.rows[i].rule) {
            None | Some(0) => NO_RULE,
            Some(rule) => rule,
        };
        cell.store(rule, Ordering::Relaxed);
        rule
    }
}

#[inline(always)]
fn find(texts: &[Text], pc: u64) -> Option<&Text> {
    texts.iter().find(|text| pc >= text.start && pc < text.end)
}

/// Where a thread stands: the registers that a walk starts from.
#[derive(Clone, Copy)]
pub struct Registers {
    pub pc: u64,
    pub rsp: u64,
    pub rbp: u64,
}

/// What a walk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Addresses written.
    pub depth: usize,
    /// True where it reached the thread's start.
    pub whole: bool,
}

/// Walks from the caller's frame; `out` receives return addresses, innermost first. `stack_end` is exclusive.
#[inline(always)]
pub fn walk_here(out: &mut [u64], stack_end: usize) -> Walk {
    let (pc, rsp, rbp): (u64, u64, u64);
    // SAFETY: reads three registers, nothing else.
    unsafe {
        asm!("lea {0}, [rip]", "mov {1}, rsp", "mov {2}, rbp", out(reg) pc, out(reg) rsp, out(reg) rbp,
             options(nomem, nostack, preserves_flags));
    }
    walk(Registers { pc, rsp, rbp }, out, stack_end as u64)
}

/// Walks from `at`, whose pc is exact; `out` receives the return addresses above it.
///
/// Every stack word is read inside [rsp, stack_end), and every frame must lie above the last: a wrong table can give a wrong
/// stack, not a crash.
#[inline(never)]
pub fn walk(at: Registers, out: &mut [u64], stack_end: u64) -> Walk {
    let texts = TEXTS.load(Ordering::Acquire);
    // SAFETY: null or a table that `install` made and nobody frees.
    let texts: &[Text] = match unsafe { texts.as_ref() } {
        Some(texts) => texts,
        None => return Walk { depth: 0, whole: false },
    };
    let Registers { mut pc, mut rsp, mut rbp } = at;
    let low = rsp;
    // The innermost pc, and one interrupted by a signal, is looked up as it is; a return address belongs to the call before.
    let mut exact = true;
    let mut depth = 0;
    let inside = |address: u64| address >= low && address & 7 == 0 && address.wrapping_add(8) <= stack_end;
    // SAFETY of both reads below: `inside` holds, so the word is part of this thread's own stack, which is mapped.
    let read = |address: u64| unsafe { ptr::read_volatile(address as *const u64) };
    loop {
        let key = if exact { pc } else { pc.wrapping_sub(1) };
        let rule = match find(texts, key) {
            Some(text) => text.rule(key),
            None => return Walk { depth, whole: false },
        };
        let offset = u64::from(rule >> 12) * 8;
        let cfa = match rule & 3 {
            FROM_RSP => rsp.wrapping_add(offset),
            FROM_RBP => rbp.wrapping_add(offset),
            SPECIAL => match rule >> 12 {
                OUTERMOST => return Walk { depth, whole: true },
                PLT => rsp.wrapping_add(8 + 8 * u64::from(pc & 15 >= 11)),
                SIGNAL if inside(rsp.wrapping_add(168)) => {
                    // The kernel's ucontext lies at rsp: rbp, rsp and rip among its registers.
                    let sp = read(rsp + 160);
                    rbp = read(rsp + 120);
                    pc = read(rsp + 168);
                    if sp <= rsp || depth == out.len() {
                        return Walk { depth, whole: false };
                    }
                    rsp = sp;
                    out[depth] = pc;
                    depth += 1;
                    exact = true;
                    continue;
                }
                _ => return Walk { depth, whole: false },
            },
            _ => return Walk { depth, whole: false },
        };
        let slot = cfa.wrapping_sub(8);
        if cfa <= rsp || !inside(slot) || depth == out.len() {
            return Walk { depth, whole: false };
        }
        if rule & RBP_SAVED != 0 && rule & 3 != SPECIAL {
            let saved = cfa.wrapping_sub(u64::from(rule >> 3 & 0x1FF) * 8);
            // Below rsp it has been popped already: compilers do not tell of that in an epilogue.
            if saved >= rsp {
                if !inside(saved) {
                    return Walk { depth, whole: false };
                }
                rbp = read(saved);
            }
        }
        pc = read(slot);
        rsp = cfa;
        exact = false;
        out[depth] = pc;
        depth += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(u32, u32)]) -> Vec<Text> {
        let rows: Vec<Row> = rows.iter().map(|&(pc, rule)| Row { pc, rule }).collect();
        vec![Text { start: 0x1000, end: 0x2000, rows, shadow: memory::map(0x4000) as *const AtomicU32 }]
    }

    #[test]
    fn a_rule_holds_until_the_next_row() {
        let texts = table(&[(0x10, 1 << 12 | FROM_RSP), (0x20, 0), (0x30, SPECIAL)]);
        let rule = |pc| find(&texts, pc).unwrap().rule(pc);
        for _ in 0..2 {
            assert_eq!(rule(0x1000), NO_RULE);
            assert_eq!(rule(0x1010), 1 << 12 | FROM_RSP);
            assert_eq!(rule(0x101F), 1 << 12 | FROM_RSP);
            assert_eq!(rule(0x1020), NO_RULE);
            assert_eq!(rule(0x1FFF), SPECIAL);
        }
        assert!(find(&texts, 0x2000).is_none());
    }

    #[test]
    fn in_an_epilogue_rbp_is_popped_already() {
        let popped = 5 << 12 | 6 << 3 | RBP_SAVED | FROM_RSP;
        let texts = table(&[(0x10, popped), (0x20, 2 << 12 | FROM_RBP), (0x30, SPECIAL)]);
        TEXTS.store(Box::into_raw(Box::new(texts)), Ordering::Release);
        let mut stack = [0u64; 10];
        (stack[4], stack[7]) = (0x1021, 0x1031);
        let at = |word: usize| &stack[word] as *const u64 as u64;
        let mut out = [0; 4];
        let walk = walk(Registers { pc: 0x1010, rsp: at(0), rbp: at(6) }, &mut out, at(0) + 80);
        assert_eq!((walk.depth, walk.whole, &out[..2]), (2, true, &[0x1021, 0x1031][..]));
    }

    #[test]
    fn a_file_cut_short_gives_no_table() {
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = 1;
        bytes[12] = 200;
        bytes[24] = 64;
        for len in 0..bytes.len() {
            assert!(text(&bytes[..len], 0, &[]).is_none());
        }
    }
}
