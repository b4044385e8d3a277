//! The unwind rules of all loaded objects, from the table that the tool made of .eh_frame before the run.
//!
//! A walk needs, per frame, where the caller's frame begins (CFA) and where registers were saved: one 32-bit rule. Each object has
//! its sorted rows and a "shadow", one rule for each place where an instruction may begin, filled on first use; so a frame costs one load as a rule.
//! File format: header, one entry an object, rows `(pc, rule)`, strings, all little-endian; `src/unwind` writes it.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::arch::CODE_BITS;
use crate::memory;
use crate::objects::Object;

const MAGIC: &[u8; 8] = b"MPUNWND1";
const OBJECT: usize = 64;

/// Kinds of rule, in the two lowest bits.
pub const FROM_SP: u32 = 1;
pub const FROM_FP: u32 = 2;
pub const SPECIAL: u32 = 3;
/// The special of a thread's first frame; all else depends on the processor.
pub const OUTERMOST: u32 = 0;
/// A shadow word that was looked up and found to have no rule; 0 means not looked up yet.
const NO_RULE: u32 = 0xFFFF_F003;

#[repr(C)]
#[derive(Clone, Copy)]
struct Row {
    pc: u32,
    rule: u32,
}

/// The rows of one loaded object, at its run-time addresses.
pub struct Text {
    start: u64,
    end: u64,
    /// As `start`; `end` while the object is not there.
    from: AtomicU64,
    rows: Vec<Row>,
    /// Null if there is no address space to spare for it.
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

/// Installs the tables of `bytes` for the objects that are loaded; returns how many of them have one.
///
/// A file that is truncated or of another version gives none, and then every stack is cut at once.
pub fn install(bytes: &[u8], objects: &[Object]) -> usize {
    let texts = texts(bytes, objects);
    let count = texts.len();
    publish(texts);
    count
}

/// Adds the tables of `bytes`, for objects that were loaded later. One thread at a time.
#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
pub fn add(bytes: &[u8], objects: &[Object]) {
    // SAFETY: the former list is never freed, so that rows and shadows have no other owner that drops them. A walk that
    // still uses it sees of `from` what was so when it began.
    let known = installed().unwrap_or(&[]).iter().map(|text| unsafe { ptr::read(text) });
    publish(known.chain(texts(bytes, objects)).collect());
}

/// Walks of other threads may still use the former tables, so these are never freed.
fn publish(texts: Vec<Text>) {
    TEXTS.store(Box::into_raw(Box::new(texts)), Ordering::Release);
}

fn texts(bytes: &[u8], objects: &[Object]) -> Vec<Text> {
    let is_table = bytes.get(..8) == Some(&MAGIC[..]) && u32_at(bytes, 8) == Some(1);
    let number = if is_table { u32_at(bytes, 12).unwrap_or(0) } else { 0 };
    (0..number as usize).filter_map(|i| text(bytes, i, objects)).collect()
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
    if rows.is_empty() {
        return None;
    }
    let shadow = memory::map_to_spare(shadow_size(start, end)) as *const AtomicU32;
    Some(Text::new(start.wrapping_add(object.bias), end.wrapping_add(object.bias), rows, shadow))
}

fn shadow_size(start: u64, end: u64) -> usize {
    (((end - start) as usize >> CODE_BITS) + 1) * mem::size_of::<AtomicU32>()
}

impl Text {
    fn new(start: u64, end: u64, rows: Vec<Row>, shadow: *const AtomicU32) -> Text {
        Text { start, end, from: AtomicU64::new(start), rows, shadow }
    }

    #[inline(always)]
    fn rule(&self, pc: u64) -> u32 {
        let offset = (pc - self.start) as usize;
        if self.shadow.is_null() {
            return self.look_up(offset as u32);
        }
        // SAFETY: the shadow has one word for each instruction in [start, end), and the caller checked that `pc` lies in it.
        let cell = unsafe { &*self.shadow.add(offset >> CODE_BITS) };
        match cell.load(Ordering::Relaxed) {
            0 => {
                let rule = self.look_up(offset as u32);
                cell.store(rule, Ordering::Relaxed);
                rule
            }
            rule => rule,
        }
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self, offset: u32) -> u32 {
        let after = self.rows.partition_point(|row| row.pc <= offset);
        match after.checked_sub(1).map(|i| self.rows[i].rule) {
            None | Some(0) => NO_RULE,
            Some(rule) => rule,
        }
    }
}

/// All rules; `None` before [`install`].
#[inline(always)]
pub fn installed() -> Option<&'static [Text]> {
    // SAFETY: null or a table that `install` made and nobody frees.
    unsafe { TEXTS.load(Ordering::Acquire).as_ref() }.map(|texts| texts.as_slice())
}

/// The rule at `pc`; 0 where no table covers it.
#[inline(always)]
pub fn rule_at(texts: &[Text], pc: u64) -> u32 {
    #[cfg(test)]
    tests::LOOKED_UP.with(|number| number.set(number.get() + 1));
    find(texts, pc).map_or(0, |text| text.rule(pc))
}

#[inline(always)]
fn find(texts: &[Text], pc: u64) -> Option<&Text> {
    texts.iter().find(|text| pc >= text.from.load(Ordering::Relaxed) && pc < text.end)
}

/// Sets whether the rules of the object at `start` are used; returns whether they were.
pub fn set_in_use(start: u64, used: bool) -> bool {
    match installed().unwrap_or(&[]).iter().find(|text| text.start == start) {
        Some(text) => text.from.swap(if used { start } else { text.end }, Ordering::AcqRel) == start,
        None => false,
    }
}

/// Installs made-up rows.
#[cfg(test)]
pub fn install_rows(start: u64, end: u64, rows: &[(u32, u32)]) {
    let rows = rows.iter().map(|&(pc, rule)| Row { pc, rule }).collect();
    let shadow = memory::map(shadow_size(start, end)) as *const AtomicU32;
    TEXTS.store(Box::into_raw(Box::new(vec![Text::new(start, end, rows, shadow)])), Ordering::Release);
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local!(pub static LOOKED_UP: Cell<u64> = const { Cell::new(0) });

    /// How many rules this thread has looked up: one for each step of a walk.
    pub fn looked_up() -> u64 {
        LOOKED_UP.with(|number| number.get())
    }

    fn table(rows: &[(u32, u32)]) -> Vec<Text> {
        let rows: Vec<Row> = rows.iter().map(|&(pc, rule)| Row { pc, rule }).collect();
        vec![Text::new(0x1000, 0x2000, rows, memory::map(0x4000) as *const AtomicU32)]
    }

    #[test]
    fn a_rule_holds_until_the_next_row() {
        let texts = table(&[(0x10, 1 << 12 | FROM_SP), (0x20, 0), (0x30, SPECIAL)]);
        let rule = |pc| find(&texts, pc).unwrap().rule(pc);
        for _ in 0..2 {
            assert_eq!(rule(0x1000), NO_RULE);
            assert_eq!(rule(0x1010), 1 << 12 | FROM_SP);
            assert_eq!(rule(0x101F), 1 << 12 | FROM_SP);
            assert_eq!(rule(0x1020), NO_RULE);
            assert_eq!(rule(0x1FFF), SPECIAL);
        }
        assert!(find(&texts, 0x2000).is_none());
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
