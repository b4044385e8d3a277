//! The allocator's side of a scope: counts, and the live blocks of all scopes, by address.

use std::ptr;
use std::sync::atomic::Ordering;

use crate::inherit;
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
    /// A scope that is not around that one, inside it or beside it, and resized the block first.
    grower: Option<Grower>,
}

/// For its scope, and those around it which the block is not of, the block is one from before.
#[derive(Clone, Copy)]
struct Grower {
    scope: &'static Scope,
    before: usize,
}

impl Kept {
    /// Blocks and bytes that the scope added.
    fn added(&self) -> (i64, i64) {
        match self.before {
            0 => (1, self.size as i64),
            before => (0, self.size.saturating_sub(before) as i64),
        }
    }

    /// Changes the live blocks and bytes of every scope that it counts for: by all that it added, or takes all back.
    fn changes(&self, sign: i64) {
        let (blocks, bytes) = self.added();
        self.scope.chain().for_each(|scope| scope.changed(sign * blocks, sign * bytes));
        let grown = self.grown() as i64;
        self.apart().for_each(|scope| scope.changed(0, sign * grown));
    }

    /// The scopes for which it is a block from before.
    fn apart(&self) -> impl Iterator<Item = &'static Scope> + '_ {
        let all = self.grower.into_iter().flat_map(|grower| grower.scope.chain());
        all.filter(|scope| !scope.is_around(self.scope))
    }

    /// Bytes that those added.
    fn grown(&self) -> usize {
        self.grower.map_or(0, |grower| self.size.saturating_sub(grower.before))
    }

    fn is_of_open_scope(&self) -> bool {
        self.scope.chain().any(Scope::is_open) || self.apart().any(Scope::is_open)
    }

    /// Gives up its references to scopes.
    fn release(&self) {
        self.scope.release();
        if let Some(grower) = self.grower {
            grower.scope.release();
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
    let kept = Kept { scope: own, size, before, site, grower: None };
    own.count(1, size as u64);
    kept.changes(1);
    insert(block, kept);
}

/// Keeps `block`, and its scopes in use.
fn insert(block: usize, kept: Kept) {
    kept.scope.keep();
    if let Some(grower) = kept.grower {
        grower.scope.keep();
    }
    let placed = shard(block).with(|table| match table.make_room(Kept::is_of_open_scope, |other| other.release()) {
        true => Ok(table.place(block, kept)),
        false => Err(()),
    });
    match placed {
        Some(Ok(None)) => (),
        // Its free was not seen.
        Some(Ok(Some(stale))) => gone(stale),
        Some(Err(())) | None => {
            kept.scope.chain().for_each(|scope| scope.inexact.store(true, Ordering::Relaxed));
            kept.release();
        }
    }
}

fn remove(block: usize) -> Option<Kept> {
    shard(block).with(|table| table.take(block)).flatten()
}

/// A block is freed that was taken out of the map, with its reference to the scope.
fn gone(kept: Kept) {
    if kept.before == 0 {
        kept.scope.chain().for_each(Scope::count_free);
    }
    kept.changes(-1);
    site_gone(&kept);
    kept.release();
}

fn site_gone(kept: &Kept) {
    if let Some(sites) = kept.scope.chain().find_map(Scope::sites) {
        sites.freed(kept.site, kept.size);
    }
}

/// Counts what `inner` allocates.
#[inline(never)]
pub fn alloc(size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    let (scope, _guest) = match own(size) {
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
    inherit::frees();
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
        let is_open = was.is_of_open_scope();
        if !is_open {
            was.release();
        }
        is_open
    });
    let block = inner();
    let own = own(new_size);
    match (was, &own) {
        (Some(was), _) if block.is_null() => {
            insert(old, was);
            was.release();
        }
        (None, Some((scope, _))) if !block.is_null() => allocated(scope, block as usize, new_size, old_size),
        (Some(was), _) => {
            // It stays the block of the scope that allocated it.
            let mut is = Kept { size: new_size, ..was };
            if let Some((own, _)) = &own {
                own.count(1, new_size as u64);
                let frees = own.chain().filter(|scope| was.before == 0 && scope.is_around(was.scope));
                frees.for_each(Scope::count_free);
                // The first one goes on: of a third scope the growth is not kept.
                if !was.apart().any(Scope::is_open) && !own.is_around(was.scope) {
                    is.grower = Some(Grower { scope: own, before: old_size });
                }
            }
            site_gone(&was);
            let sites = was.scope.chain().find_map(Scope::sites);
            if let Some(sites) = sites {
                is.site = sites.allocated(new_size);
            }
            // A scope beside or inside it names the call, and has no block of it.
            let others = own.as_ref().and_then(|(own, _)| own.chain().find_map(Scope::sites));
            if let Some(others) = others.filter(|others| !sites.is_some_and(|sites| ptr::eq(sites, *others))) {
                others.freed(others.allocated(new_size), new_size);
            }
            resized(&was, &is);
            insert(block as usize, is);
            was.release();
        }
        (None, _) => (),
    }
    block
}

/// In one step for each scope, so that its peak is not that of two blocks.
fn resized(was: &Kept, is: &Kept) {
    let change = is.added().1 - was.added().1;
    was.scope.chain().for_each(|scope| scope.changed(0, change));
    // Of one that has just come nothing was grown.
    let is_same = matches!((was.grower, is.grower), (Some(was), Some(is)) if ptr::eq(was.scope, is.scope));
    let change = is.grown() as i64 - if is_same { was.grown() as i64 } else { 0 };
    is.apart().for_each(|scope| scope.changed(0, change));
}
