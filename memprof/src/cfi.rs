//! Call-frame instructions, carried out: the rule at each place of a function.

use crate::frames::{Common, Reader};

#[cfg_attr(target_arch = "x86_64", path = "cfi_x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "cfi_aarch64.rs")]
mod machine;

pub use machine::RA;
use machine::FP;

pub const UNKNOWN: u32 = 0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cfa {
    Register(u64, i64),
    Plt,
    SignalStack,
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Saved {
    Same,
    /// From the CFA.
    Offset(i64),
    Undefined,
    /// At the stack pointer plus this.
    InSignalFrame(u8),
    Other,
}

#[derive(Clone, Copy)]
pub struct State {
    cfa: Cfa,
    fp: Saved,
    ra: Saved,
}

impl Default for State {
    fn default() -> State {
        State { cfa: Cfa::Other, fp: Saved::Same, ra: machine::RA_AT_FIRST }
    }
}

impl State {
    fn saved(&mut self, register: u64) -> Option<&mut Saved> {
        match register {
            FP => Some(&mut self.fp),
            RA => Some(&mut self.ra),
            _ => None,
        }
    }

    fn save(&mut self, register: u64, saved: Saved) {
        if let Some(place) = self.saved(register) {
            *place = saved;
        }
    }
}

/// The call-frame instructions, carried out.
pub struct Run<'a> {
    pub common: Common<'a>,
    pub now: State,
    /// As the common instructions left it.
    pub initial: Option<State>,
    pub kept: Vec<State>,
    pub at: u64,
}

impl Run<'_> {
    /// `None` where they are damaged or unknown.
    pub fn instructions(&mut self, mut code: Reader<'_>, change: &mut dyn FnMut(u64, u32)) -> Option<()> {
        while code.at < code.bytes.len() {
            let byte = code.u8()?;
            let low = u64::from(byte & 0x3F);
            match (byte >> 6, byte) {
                (1, _) => self.advance(low, change),
                (2, _) => {
                    let offset = self.factored(code.uleb()?);
                    self.now.save(low, Saved::Offset(offset));
                }
                (3, _) => self.restore(low)?,
                (_, 0x00) => (),
                (_, 0x02) => {
                    let delta = u64::from(code.u8()?);
                    self.advance(delta, change);
                }
                (_, 0x03) => {
                    let delta = code.u16()?;
                    self.advance(delta, change);
                }
                (_, 0x04) => {
                    let delta = code.u32()?;
                    self.advance(delta, change);
                }
                (_, 0x05) => {
                    let (register, offset) = (code.uleb()?, code.uleb()?);
                    let offset = self.factored(offset);
                    self.now.save(register, Saved::Offset(offset));
                }
                (_, 0x06) => {
                    let register = code.uleb()?;
                    self.restore(register)?;
                }
                (_, 0x07) => self.now.save(code.uleb()?, Saved::Undefined),
                (_, 0x08) => self.now.save(code.uleb()?, Saved::Same),
                (_, 0x09) => {
                    let (register, _) = (code.uleb()?, code.uleb()?);
                    self.now.save(register, Saved::Other);
                }
                (_, 0x0A) => self.kept.push(self.now),
                (_, 0x0B) => self.now = self.kept.pop()?,
                (_, 0x0C) => self.now.cfa = Cfa::Register(code.uleb()?, code.uleb()? as i64),
                (_, 0x0D) => match &mut self.now.cfa {
                    Cfa::Register(register, _) => *register = code.uleb()?,
                    _ => return None,
                },
                (_, 0x0E) => match &mut self.now.cfa {
                    Cfa::Register(_, offset) => *offset = code.uleb()? as i64,
                    _ => return None,
                },
                (_, 0x0F) => {
                    let length = code.uleb()?;
                    // rsp + 8 + (8 if (pc & 15) >= 11): a procedure linkage table by GNU ld.
                    self.now.cfa = match code.slice(length)? {
                        [0x77, 8, 0x80, 0, 0x3F, 0x1A, 0x3B, 0x2A, 0x33, 0x24, 0x22] => Cfa::Plt,
                        [0x77, 0xA0, 0x01, 0x06] => Cfa::SignalStack,
                        _ => Cfa::Other,
                    };
                }
                (_, 0x10) => {
                    let (register, length) = (code.uleb()?, code.uleb()?);
                    let saved = match code.slice(length)? {
                        [0x77, low, high @ 0..=1] if *low >= 0x80 || *high == 0 => {
                            Saved::InSignalFrame((low & 0x7F) | high << 7)
                        }
                        _ => Saved::Other,
                    };
                    self.now.save(register, saved);
                }
                (_, 0x11) => {
                    let (register, offset) = (code.uleb()?, code.sleb()?);
                    self.now.save(register, Saved::Offset(offset.wrapping_mul(self.common.data_factor)));
                }
                (_, 0x12) => {
                    let (register, offset) = (code.uleb()?, code.sleb()?);
                    self.now.cfa = Cfa::Register(register, offset.wrapping_mul(self.common.data_factor));
                }
                (_, 0x13) => match &mut self.now.cfa {
                    Cfa::Register(_, offset) => *offset = code.sleb()?.wrapping_mul(self.common.data_factor),
                    _ => return None,
                },
                (_, 0x14) => {
                    let (register, _) = (code.uleb()?, code.uleb()?);
                    self.now.save(register, Saved::Other);
                }
                (_, 0x15) => {
                    let (register, _) = (code.uleb()?, code.sleb()?);
                    self.now.save(register, Saved::Other);
                }
                (_, 0x16) => {
                    let (register, length) = (code.uleb()?, code.uleb()?);
                    code.slice(length)?;
                    self.now.save(register, Saved::Other);
                }
                // AARCH64_negate_ra_state: walks ignore signatures.
                (_, 0x2D) => (),
                // GNU_args_size.
                (_, 0x2E) => drop(code.uleb()?),
                _ => return None,
            }
        }
        Some(())
    }

    fn factored(&self, offset: u64) -> i64 {
        (offset as i64).wrapping_mul(self.common.data_factor)
    }

    fn advance(&mut self, delta: u64, change: &mut dyn FnMut(u64, u32)) {
        change(self.at, self.now.rule(self.common.is_signal));
        self.at = self.at.wrapping_add(delta.wrapping_mul(self.common.code_factor));
    }

    fn restore(&mut self, register: u64) -> Option<()> {
        let mut initial = self.initial?;
        let saved = initial.saved(register).map(|saved| *saved);
        if let Some(saved) = saved {
            self.now.save(register, saved);
        }
        Some(())
    }
}
