//! The rules of x86-64, as `arch/x86_64` reads them.

use super::{Cfa, Saved, State, UNKNOWN};
use crate::arch::FP_SAVED;
use crate::rules::{FROM_FP, FROM_SP, SPECIAL};

const OUTERMOST: u32 = SPECIAL;
const PLT: u32 = SPECIAL | 1 << 12;
const SIGNAL: u32 = SPECIAL | 2 << 12;

/// rbp.
pub const FP: u64 = 6;
const SP: u64 = 7;
pub const RA: u64 = 16;
/// Where the caller is before anything is said about it.
pub(super) const RA_AT_FIRST: Saved = Saved::Other;

impl State {
    pub fn rule(&self, is_signal: bool) -> u32 {
        if self.ra == Saved::Undefined {
            return OUTERMOST;
        }
        if is_signal {
            let known = self.cfa == Cfa::SignalStack
                && self.fp == Saved::InSignalFrame(120)
                && self.ra == Saved::InSignalFrame(168);
            return if known { SIGNAL } else { UNKNOWN };
        }
        if self.ra != Saved::Offset(-8) {
            return UNKNOWN;
        }
        let (kind, offset) = match self.cfa {
            Cfa::Register(SP, offset) => (FROM_SP, offset),
            Cfa::Register(FP, offset) => (FROM_FP, offset),
            Cfa::Plt if self.fp == Saved::Same => return PLT,
            _ => return UNKNOWN,
        };
        let (flag, saved) = match self.fp {
            Saved::Same => (0, 0),
            Saved::Offset(offset) if offset <= 0 => (FP_SAVED, offset.unsigned_abs()),
            _ => return UNKNOWN,
        };
        let fits = offset >= 0 && offset % 8 == 0 && offset / 8 < 1 << 20 && saved % 8 == 0 && saved / 8 < 1 << 9;
        match fits {
            true => kind | flag | (saved as u32 / 8) << 3 | (offset as u32 / 8) << 12,
            false => UNKNOWN,
        }
    }
}
