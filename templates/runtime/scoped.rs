//! The allocator's side of a scope: counts, and the live blocks of all scopes, by address.

use std::sync::atomic::Ordering;

use crate::scope::{own, Busy, Scope};
use crate::spin::Spin;
use crate::table::{hash, Table};

/// A live block of a scope.
#[derive(Clone, Copy)]
struct Kept {
    scope: &'static Scope,
    size: usize,
    /// The size of the block before the scope resized it; 0 where the scope allocated it.
    before: usize,
    site: u8,
}

impl Kept {
    /// Blocks and bytes that the scope added.
    fn added(&self) -> (i64, i64) {
        match self.before {
            0 => (1, self.size as i64),
            before => (0, self.size.saturating_sub(before) as i64),
        }
    }
}

const SHARDS: usize = 64;
#[allow(clippy::declare_interior_mutable_const)]
const EMPTY: Spin<Table<Kept>> = Spin::new(Table::new());
static BLOCKS: [Spin<Table<Kept>>; SHARDS] = [EMPTY; SHARDS];

fn shard(block: usize) -> &'static Spin<Table<Kept>> {
    &BLOCKS[(hash(block) >> 58) as usize]
}

/// Counts an allocation by a thread in `own`, and keeps the block.
fn allocated(own: &'static Scope, block: usize, size: usize, before: usize) {
    let with_sites = own.chain().find_map(Scope::sites);
    let site = with_sites.map_or(0, |sites| sites.allocated(size));
    let kept = Kept { scope: own, size, before, site };
    let (blocks, bytes) = kept.added();
    for scope in own.chain() {
        scope.allocs.fetch_add(1, Ordering::Relaxed);
        scope.bytes.fetch_add(size as u64, Ordering::Relaxed);
        scope.changed(blocks, bytes);
    }
    insert(block, kept);
}

/// Keeps `block`, and its scope in use.
fn insert(block: usize, kept: Kept) {
    kept.scope.keep();
    let placed = shard(block).with(|table| {
        let in_open_scope = |other: &Kept| other.scope.chain().any(Scope::is_open);
        match table.make_room(in_open_scope, |other| other.scope.release()) {
            true => Ok(table.place(block, kept)),
            false => Err(()),
        }
    });
    match placed {
        Some(Ok(None)) => (),
        // Its free was not seen.
        Some(Ok(Some(stale))) => gone(stale),
        Some(Err(())) | None => {
            kept.scope.chain().for_each(|scope| scope.inexact.store(true, Ordering::Relaxed));
            kept.scope.release();
        }
    }
}

fn remove(block: usize) -> Option<Kept> {
    shard(block).with(|table| table.take(block)).flatten()
}

/// A block is freed that was taken out of the map, with its reference to the scope.
fn gone(kept: Kept) {
    let (blocks, bytes) = kept.added();
    for scope in kept.scope.chain() {
        scope.frees.fetch_add(blocks as u64, Ordering::Relaxed);
        scope.changed(-blocks, -bytes);
    }
    site_gone(&kept);
    kept.scope.release();
}

fn site_gone(kept: &Kept) {
    if let Some(sites) = kept.scope.chain().find_map(Scope::sites) {
        sites.freed(kept.site, kept.size);
    }
}

/// Counts what `inner` allocates.
#[inline(never)]
pub fn alloc(size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    let (scope, _guest) = match own() {
        Some(own) => own,
        None => return inner(),
    };
    let _busy = match Busy::set() {
        Some(busy) => busy,
        None => return inner(),
    };
    let block = inner();
    if !block.is_null() {
        allocated(scope, block as usize, size, 0);
    }
    block
}

/// `block` is about to be freed, by whatever thread.
#[inline(never)]
pub fn free(block: usize) {
    let _busy = Busy::set();
    if let Some(kept) = remove(block) {
        gone(kept);
    }
}

/// Counts what `inner` resizes.
#[inline(never)]
pub fn realloc(old: usize, old_size: usize, new_size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    let _busy = match Busy::set() {
        Some(busy) => busy,
        None => return inner(),
    };
    // Before the inner call: from then on another thread may get the old address.
    let was = remove(old).filter(|was| {
        // A block of closed scopes only is one from before, or was freed since, when nothing was open to see it.
        let is_open = was.scope.chain().any(Scope::is_open);
        if !is_open {
            was.scope.release();
        }
        is_open
    });
    let block = inner();
    let own = own();
    match (was, &own) {
        (Some(was), _) if block.is_null() => {
            insert(old, was);
            was.scope.release();
        }
        (None, Some((scope, _))) if !block.is_null() => allocated(scope, block as usize, new_size, old_size),
        (Some(was), _) => {
            if let Some((own, _)) = &own {
                for scope in own.chain() {
                    scope.allocs.fetch_add(1, Ordering::Relaxed);
                    scope.bytes.fetch_add(new_size as u64, Ordering::Relaxed);
                    if was.before == 0 && scope.is_around(was.scope) {
                        scope.frees.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            site_gone(&was);
            let site = match was.scope.chain().find_map(Scope::sites) {
                Some(sites) => sites.allocated(new_size),
                None => 0,
            };
            // It stays the block of the scope that allocated it.
            let is = Kept { size: new_size, site, ..was };
            let change = is.added().1 - was.added().1;
            was.scope.chain().for_each(|scope| scope.changed(0, change));
            insert(block as usize, is);
            was.scope.release();
        }
        (None, _) => (),
    }
    block
}
