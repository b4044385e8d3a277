//! Frees between the brackets of a pass: a block of the pass is live until it is freed, wherever that is.
//!
//! Only the end of the pass tells which bracket was its last, and blocks freed after that one were still live at its
//! end. So frees wait here until the next bracket opens.

use std::mem;
use std::ptr;
use std::sync::atomic::Ordering;

use crate::entries;
use crate::live::Block;
use crate::memory;
use crate::spin::Spin;
use crate::thread::LOST;

/// The part of a block that is no longer live.
#[derive(Clone, Copy)]
pub struct Gone {
    pub objects: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy)]
struct Freed {
    /// The number of the stack's entry; 0 where there is none.
    entry: u32,
    objects: u32,
    bytes: u64,
}

struct List {
    freed: *mut Freed,
    len: usize,
    room: usize,
}

const FIRST_ROOM: usize = 1024;

static WAITING: Spin<List> = Spin::new(List { freed: ptr::null_mut(), len: 0, room: 0 });

impl List {
    fn push(&mut self, freed: Freed) -> bool {
        if self.len == self.room {
            let room = (self.room * 2).max(FIRST_ROOM);
            let fresh = memory::map(room * mem::size_of::<Freed>()) as *mut Freed;
            if fresh.is_null() {
                return false;
            }
            let old = (mem::replace(&mut self.freed, fresh), mem::replace(&mut self.room, room));
            if self.len != 0 {
                // SAFETY: the old span has `len` elements and the new one room for more; only this list knew of the old one.
                unsafe {
                    ptr::copy_nonoverlapping(old.0, fresh, self.len);
                    memory::unmap(old.0.cast(), old.1 * mem::size_of::<Freed>());
                }
            }
        }
        // SAFETY: below `room`.
        unsafe { self.freed.add(self.len).write(freed) };
        self.len += 1;
        true
    }
}

/// This part of `was` was freed between two brackets.
pub fn freed(was: &Block, gone: Gone) {
    let entry = was.entry.map_or(0, |entry| entry.number());
    let freed = Freed { entry, objects: gone.objects as u32, bytes: gone.bytes };
    if WAITING.with(|list| list.push(freed)) != Some(true) {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

/// The next bracket of the pass opens: blocks freed since the last one are gone. Returns their sum over all stacks.
pub fn settle() -> Gone {
    let mut sum = Gone { objects: 0, bytes: 0 };
    WAITING.with(|list| {
        for i in 0..mem::replace(&mut list.len, 0) {
            // SAFETY: below `len`.
            let freed = unsafe { *list.freed.add(i) };
            let gone = Gone { objects: u64::from(freed.objects), bytes: freed.bytes };
            sum = Gone { objects: sum.objects + gone.objects, bytes: sum.bytes + gone.bytes };
            if freed.entry != 0 {
                entries::get(freed.entry as usize).freed_elsewhere(gone);
            }
        }
    });
    sum
}

/// The pass is over, or void: blocks freed since its last bracket were live at its end.
pub fn forget() {
    WAITING.with(|list| list.len = 0);
}
