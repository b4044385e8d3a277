//! The stacks that a thread allocated from, as a tree of calls, and what was allocated at each.
//!
//! A node is a return address below its caller's node; a stack is the node of its innermost frame, so stacks are compared
//! exactly, one step each, and share what they have in common. Nodes and entries lie in mapped memory and never move. Only the
//! owning thread adds them; a free by another thread goes to counters of its own, with locked additions. The reader, between
//! brackets, takes what changed since it last looked: nothing is ever reset under a writer.

use std::cell::Cell;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::entries;
use crate::memory;
use crate::thread::{add, ThreadState};

/// One call: where it returns to, and the call that it was made in.
#[repr(C)]
pub struct Node {
    /// Null for the two roots.
    parent: *const Node,
    address: u64,
    /// What was allocated with this as the innermost frame; only the owning thread looks.
    entry: Cell<*const Entry>,
}

/// "Addresses" of the roots, above which whole and cut stacks hang.
const WHOLE: u64 = 0;
const CUT: u64 = 1;

/// What was allocated from one stack. Zero is an entry that is not in use yet.
#[repr(C, align(64))]
pub struct Entry {
    pub allocs: AtomicU64,
    pub bytes: AtomicU64,
    own_frees: AtomicU64,
    own_freed_bytes: AtomicU64,
    pub reallocs: AtomicU64,
    pub grown_bytes: AtomicU64,
    owner: Cell<*const ThreadState>,
    /// The innermost frame; set last.
    node: AtomicPtr<Node>,
    other_frees: AtomicU64,
    other_freed_bytes: AtomicU64,
    /// What the reader has seen; only the reader touches it.
    seen: [AtomicU64; 6],
}

/// Allocations, bytes, reallocs, grown bytes, frees, freed bytes: in the order in which they are written out.
pub type Counts = [u64; 6];

impl Entry {
    /// True once it stands for a stack.
    pub fn in_use(&self) -> bool {
        !self.node.load(Ordering::Acquire).is_null()
    }

    /// Return addresses, innermost first.
    pub fn addresses(&self) -> impl Iterator<Item = u64> {
        let mut at: *const Node = self.node.load(Ordering::Acquire);
        std::iter::from_fn(move || {
            // SAFETY: null or a node, as are all parents; nodes are never unmapped or changed.
            let node = unsafe { at.as_ref() }?;
            at = node.parent;
            if at.is_null() {
                return None;
            }
            Some(node.address)
        })
    }

    /// True where the walk did not reach the thread's start.
    pub fn cut(&self) -> bool {
        let mut at: *const Node = self.node.load(Ordering::Acquire);
        let mut root = WHOLE;
        // SAFETY: as in `addresses`.
        while let Some(node) = unsafe { at.as_ref() } {
            root = node.address;
            at = node.parent;
        }
        root == CUT
    }

    /// A block was allocated here.
    #[inline(always)]
    pub fn allocated(&self, bytes: u64) {
        add(&self.allocs, 1);
        add(&self.bytes, bytes);
    }

    /// A block allocated here was given back, by the thread of `freeing`.
    #[inline(always)]
    pub fn freed(&self, freeing: &ThreadState, bytes: u64) {
        if ptr::eq(self.owner.get(), freeing) {
            add(&self.own_frees, 1);
            add(&self.own_freed_bytes, bytes);
        } else {
            self.other_frees.fetch_add(1, Ordering::Relaxed);
            self.other_freed_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            of(&self.allocs),
            of(&self.bytes),
            of(&self.reallocs),
            of(&self.grown_bytes),
            of(&self.own_frees) + of(&self.other_frees),
            of(&self.own_freed_bytes) + of(&self.other_freed_bytes),
        ]
    }

    /// What came since the last call.
    fn take_new(&self) -> Counts {
        let now = self.counts();
        let mut new = [0; 6];
        for i in 0..6 {
            new[i] = now[i] - self.seen[i].load(Ordering::Relaxed);
            self.seen[i].store(now[i], Ordering::Relaxed);
        }
        new
    }
}

const FIRST_NODES: usize = 16 << 10;
const LAST_NODES: usize = 1 << 20;
const FIRST_INDEX: usize = 1024;
const ADDRESS_BITS: u32 = 48;

/// Zero is the empty tree.
#[repr(C)]
pub struct Stacks {
    /// An open-addressing table over all nodes: address below, bits of the hash above.
    index: *mut u64,
    index_len: usize,
    nodes: usize,
    /// Unused part of the newest chunk of nodes, in bytes.
    next_node: usize,
    nodes_end: usize,
    chunk_size: usize,
    entries: entries::Share,
}

#[inline(always)]
fn hash(parent: *const Node, address: u64) -> u64 {
    let h = ((parent as u64).rotate_left(29) ^ address).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    h ^ h >> 29
}

impl Stacks {
    /// The node above which stacks hang that reach the thread's start, or that do not.
    pub fn root(&mut self, whole: bool) -> Option<&'static Node> {
        self.child(ptr::null(), if whole { WHOLE } else { CUT })
    }

    /// The node of a call below `parent`, made where it is new; `None` where the kernel gives no memory.
    ///
    /// Must be called by the owning thread only.
    #[inline(always)]
    pub fn child(&mut self, parent: *const Node, address: u64) -> Option<&'static Node> {
        let hash = hash(parent, address);
        if self.index_len != 0 {
            let mask = self.index_len - 1;
            let mut at = hash as usize & mask;
            loop {
                // SAFETY: `at` is below `index_len`.
                let slot = unsafe { *self.index.add(at) };
                if slot == 0 {
                    break;
                }
                if slot >> ADDRESS_BITS == hash >> ADDRESS_BITS {
                    // SAFETY: what is not 0 holds a node's address; nodes never move.
                    let node = unsafe { &*((slot & ((1 << ADDRESS_BITS) - 1)) as *const Node) };
                    if ptr::eq(node.parent, parent) && node.address == address {
                        return Some(node);
                    }
                }
                at = (at + 1) & mask;
            }
        }
        self.insert(hash, parent, address)
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, hash: u64, parent: *const Node, address: u64) -> Option<&'static Node> {
        if self.nodes * 2 >= self.index_len && !self.grow() {
            return None;
        }
        if self.next_node + mem::size_of::<Node>() > self.nodes_end {
            let size = if self.chunk_size == 0 { FIRST_NODES } else { (self.chunk_size * 2).min(LAST_NODES) };
            let fresh = memory::map(size);
            if fresh.is_null() {
                return None;
            }
            self.chunk_size = size;
            self.next_node = fresh as usize;
            self.nodes_end = fresh as usize + size;
        }
        let node = self.next_node as *mut Node;
        self.next_node += mem::size_of::<Node>();
        // SAFETY: the node lies in a mapped chunk, aligned, and nobody else knows of it yet; the index has room.
        unsafe {
            node.write(Node { parent, address, entry: Cell::new(ptr::null()) });
            place(self.index, self.index_len, hash, node);
            self.nodes += 1;
            Some(&*node)
        }
    }

    fn grow(&mut self) -> bool {
        let len = if self.index_len == 0 { FIRST_INDEX } else { self.index_len * 2 };
        let fresh = memory::map(len * mem::size_of::<u64>()) as *mut u64;
        if fresh.is_null() {
            return false;
        }
        for i in 0..self.index_len {
            // SAFETY: both indices have the lengths used here, and the new one has room for twice the nodes.
            unsafe {
                let slot = *self.index.add(i);
                if slot != 0 {
                    let node = (slot & ((1 << ADDRESS_BITS) - 1)) as *const Node;
                    place(fresh, len, hash((*node).parent, (*node).address), node);
                }
            }
        }
        if self.index_len != 0 {
            // SAFETY: only the owning thread uses the index, and it uses the new one from here on.
            unsafe { memory::unmap(self.index.cast(), self.index_len * mem::size_of::<u64>()) };
        }
        self.index = fresh;
        self.index_len = len;
        true
    }

    /// The entry of the stack whose innermost frame is `node`.
    #[inline(always)]
    pub fn entry_of(&mut self, node: &'static Node, owner: &ThreadState) -> Option<&'static Entry> {
        // SAFETY: null or an entry, which is never unmapped.
        match unsafe { node.entry.get().as_ref() } {
            Some(entry) => Some(entry),
            None => self.new_entry(node, owner),
        }
    }

    #[cold]
    #[inline(never)]
    fn new_entry(&mut self, node: &'static Node, owner: &ThreadState) -> Option<&'static Entry> {
        let entry = self.entries.next()?;
        entry.owner.set(owner);
        entry.node.store(node as *const Node as *mut Node, Ordering::Release);
        node.entry.set(entry);
        Some(entry)
    }

    /// The entry of a stack given as its return addresses, innermost first.
    pub fn find(&mut self, addresses: &[u64], whole: bool, owner: &ThreadState) -> Option<&'static Entry> {
        let mut node = self.root(whole)?;
        for &address in addresses.iter().rev() {
            node = self.child(node, address)?;
        }
        self.entry_of(node, owner)
    }
}

/// # Safety
/// `index` has `len` words, a power of two, one of them 0.
unsafe fn place(index: *mut u64, len: usize, hash: u64, node: *const Node) {
    let mut at = hash as usize & (len - 1);
    while *index.add(at) != 0 {
        at = (at + 1) & (len - 1);
    }
    *index.add(at) = hash >> ADDRESS_BITS << ADDRESS_BITS | node as u64;
}

/// Gives `visit` every stack with what it counted since it was last taken, on all threads.
pub fn take_all(visit: &mut dyn FnMut(&'static Entry, Counts)) {
    for entry in entries::all() {
        let new = entry.take_new();
        if new.iter().any(|&n| n != 0) {
            visit(entry, new);
        }
    }
}

/// Drops what was counted and not yet taken.
pub fn forget_all() {
    take_all(&mut |_, _| ());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thread;

    /// Counts of entries that this thread made.
    fn taken(state: &ThreadState) -> u64 {
        let mut taken = 0;
        take_all(&mut |entry, counts| {
            if ptr::eq(entry.owner.get(), state) {
                taken += counts[0];
            }
        });
        taken
    }

    #[test]
    fn a_stack_is_found_again_and_counted_once_for_the_reader() {
        let _one_reader = entries::tests::lock();
        let state = thread::current().unwrap();
        // SAFETY: this thread owns the state, and no other reference into its tree is alive.
        let stacks = unsafe { &mut *state.stacks.get() };
        let mut found = Vec::new();
        for i in 0..5000u64 {
            let addresses: Vec<u64> = (0..i % 40).map(|k| 0x5555_0000 + i * 64 + k).collect();
            let entry = stacks.find(&addresses, i % 7 != 0, state).unwrap();
            entry.allocated(1);
            found.push((addresses, entry));
        }
        for (i, (addresses, entry)) in found.iter().enumerate() {
            assert!(ptr::eq(stacks.find(addresses, i % 7 != 0, state).unwrap(), *entry));
            assert!(entry.addresses().eq(addresses.iter().copied()));
            assert_eq!(entry.cut(), i % 7 == 0);
        }
        assert_eq!(taken(state), 5000);
        assert_eq!(taken(state), 0);
    }

    #[test]
    fn frees_by_the_owner_and_by_others_add_up() {
        let _one_reader = entries::tests::lock();
        let state = thread::current().unwrap();
        // SAFETY: as above.
        let entry = unsafe { &mut *state.stacks.get() }.find(&[1, 2, 3], true, state).unwrap();
        entry.freed(state, 10);
        let address = entry as *const Entry as usize;
        std::thread::spawn(move || {
            // SAFETY: entries are never unmapped.
            let entry = unsafe { &*(address as *const Entry) };
            entry.freed(thread::current().unwrap(), 5);
        })
        .join()
        .unwrap();
        assert_eq!(entry.counts()[4..], [2, 15]);
    }
}
