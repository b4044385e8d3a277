//! The rules of AArch64, as `arch/aarch64` reads them; the tool's `src/unwind/aarch64` has their table.

use super::{Cfa, Saved, State, UNKNOWN};
use crate::arch::{FP_ABOVE, FP_ALONE, FP_BELOW, FP_SHIFT, FROM_BASE, LR_SAVED, OFFSET_SHIFT, SLOT_SHIFT};
use crate::rules::{FROM_FP, FROM_SP, OUTERMOST, SPECIAL};

/// x29.
pub const FP: u64 = 29;
const SP: u64 = 31;
/// x30.
pub const RA: u64 = 30;
/// Where the caller is before anything is said about it: still in x30.
pub(super) const RA_AT_FIRST: Saved = Saved::Same;

impl State {
    /// The code that a signal's handler returns to needs no rule: a walk knows it.
    pub fn rule(&self, is_signal: bool) -> u32 {
        if self.ra == Saved::Undefined {
            return SPECIAL | OUTERMOST << OFFSET_SHIFT;
        }
        match (is_signal, self.cfa) {
            (false, Cfa::Register(SP, offset)) => self.frame(FROM_SP, offset),
            (false, Cfa::Register(FP, offset)) => self.frame(FROM_FP, offset),
            _ => None,
        }
        .unwrap_or(UNKNOWN)
    }

    fn frame(&self, kind: u32, offset: i64) -> Option<u32> {
        // Bytes below the CFA.
        let place = |saved| match saved {
            Saved::Same => Some(None),
            Saved::Offset(offset) if offset < 0 => Some(Some(offset.unsigned_abs())),
            _ => None,
        };
        let (offset, lr) = (u64::try_from(offset).ok()?, place(self.ra)?);
        let (slot, fp) = match (lr, place(self.fp)?) {
            (None, None) => (0, 0),
            (Some(lr), None) => (lr, 0),
            (None, Some(fp)) => (fp, FP_ALONE),
            (Some(lr), Some(fp)) if fp == lr + 8 => (lr, FP_BELOW),
            (Some(lr), Some(fp)) if fp + 8 == lr => (lr, FP_ABOVE),
            _ => return None,
        };
        let fits = |distance: u64| distance % 8 == 0 && distance / 8 < 1 << (OFFSET_SHIFT - SLOT_SHIFT);
        let (from, distance) = match offset.checked_sub(slot) {
            _ if fits(slot) => (0, slot),
            Some(above) if fits(above) => (FROM_BASE, above),
            _ => return None,
        };
        // In units of 16 bytes from sp, of 8 from x29.
        let unit = 32 >> kind;
        if offset % unit != 0 || offset / unit >= 1 << (32 - OFFSET_SHIFT) {
            return None;
        }
        let saved = if lr.is_some() { LR_SAVED } else { 0 } | fp << FP_SHIFT | from;
        Some(kind | saved | ((distance / 8) as u32) << SLOT_SHIFT | ((offset / unit) as u32) << OFFSET_SHIFT)
    }
}
