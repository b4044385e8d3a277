//! The runtime for a system or a processor that stacks are not recorded on: counts and times, by portable code alone.
//!
//! It is compiled in place of `lib.rs`, with the same names for the hooks, and shares all modules that are portable. What other
//! recordings are made of is absent: nothing of it can be switched on.
#![allow(clippy::missing_safety_doc, dead_code)]

mod barrier;
mod between;
mod bracket;
mod buffer;
mod chunks;
mod cost;
mod dhat;
mod disturbance;
mod driver;
#[path = "portable/fork.rs"]
mod fork;
mod live;
mod live_map;
mod log;
#[path = "portable/memory.rs"]
mod memory;
mod peak;
mod plan;
mod process;
mod records;
mod results;
mod spin;
#[path = "portable/sys.rs"]
mod sys;
mod table;
#[path = "portable/thread.rs"]
mod thread;
mod timed;
mod totals;
#[path = "portable/track.rs"]
mod track;
mod witness;

pub use block::own as own_waits;
pub use bracket::{batched, close, close_shared, iter_entry, open, open_custom, open_shared};
pub use driver::{asked, benchmark, runs_on, Asked, Identity};
pub use records::description;
pub use timed::{between, is_warm, sampled, start_again, Timing, MOST_SAMPLES};
pub use track::Track;

/// The part of `arch` that counting needs.
mod arch {
    pub const ADDRESS_BITS: u32 = 48;
}

mod block {
    use crate::buffer::Taken;

    /// See `own`.
    pub struct Own(());

    /// Waits are not noted anyway.
    pub fn own() -> Own {
        Own(())
    }

    pub fn arm() -> bool {
        false
    }

    pub fn disarm() {}
    pub fn forget() {}
    pub fn bracket_opens() {}

    pub fn take() -> Taken {
        Taken::default()
    }
}

mod calling {
    pub fn compared() -> (u64, u64) {
        (0, 0)
    }
}

mod entry {
    use crate::between::Gone;

    /// The record of a stack: there is none.
    pub struct Entry(());

    pub static NONE: Entry = Entry(());

    impl Entry {
        pub fn number(&self) -> u32 {
            0
        }

        pub fn slot(&self) -> u32 {
            0
        }

        pub fn addresses(&self) -> &[u64] {
            &[]
        }

        pub fn cut(&self) -> bool {
            true
        }

        pub fn freed_elsewhere(&self, _gone: Gone) {}
    }
}

mod entries {
    use super::entry::{Entry, NONE};

    pub const NUMBER_BITS: u32 = 22;

    pub fn get(_number: usize) -> &'static Entry {
        &NONE
    }
}

mod follow {
    use crate::driver::Run;
    use crate::plan::{Plan, Selected};

    pub fn lives(_plan: &Plan, _selected: &Selected, _run: Run<'_>) {}
    pub fn peaks(_plan: &Plan, _selected: &Selected, _run: Run<'_>) {}
}

mod objects {
    pub fn these_stay() {}
}

mod places {
    pub fn tell() -> Vec<()> {
        Vec::new()
    }

    pub fn tell_at_exit() {}
}

/// Whole programs are not recorded.
mod program {
    pub fn begin(_plan: &std::ffi::OsStr) {}
}

mod rules {
    pub fn install(_table: &[u8], _objects: &[()]) {}
}

mod sampler {
    use crate::buffer::Taken;

    pub struct Arms {
        pub method: u32,
        pub period_ns: u64,
        pub unarmed: u64,
        pub by_timer: u64,
    }

    pub fn arm(_hz: u32) -> bool {
        false
    }

    pub fn disarm() -> u64 {
        0
    }

    pub fn forget() {}

    pub fn take() -> Taken {
        Taken::default()
    }

    pub fn arms() -> Arms {
        Arms { method: 0, period_ns: 0, unarmed: 0, by_timer: 0 }
    }
}

/// No executable waits for the tool.
mod idle {
    pub fn is_meant() -> bool {
        false
    }

    pub fn begin(_address: Option<&'static std::ffi::OsStr>) {}
}

/// No memory is shared with the tool.
mod shared {
    pub fn make() -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    pub fn open(_path: &str) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    pub fn append(_record: &[u8]) -> bool {
        false
    }
}

mod stacks {
    use super::entry::Entry;

    pub fn forget_all() {}
    pub fn take_all(_visit: &mut dyn FnMut(&'static Entry, [u64; 6])) {}
}

mod threads {
    /// Nothing tells whether other threads run.
    pub fn settle() {}
}
