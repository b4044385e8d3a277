//! Maps the addresses of a recorded stack to functions, files and lines, offline.
//!
//! A module is opened on the first address in it, and each address is looked up once. Return addresses are looked up
//! one byte back, inside the call: the next instruction may already belong to another line, or to another function.

mod binaries;
mod declaration;
mod frame;
mod lines;
mod module;
mod name;
mod plumbing;
pub mod profiles;
mod symbols;
mod trim;

use std::collections::HashMap;

pub use binaries::LocalBinaries;
pub use frame::{Frame, LocatedFrames};
pub use module::{Detail, Status};
pub use plumbing::{interface, is_plumbing, path};
pub use trim::{code, trim, trim_located, trim_stack, trim_wait};

use crate::records::{Module, Stack};
use module::Opened;

/// Names the addresses of one process.
pub struct Symbolizer {
    modules: Vec<Module>,
    opened: Vec<Option<Opened>>,
    /// Start and end of each executable segment at run time, and the module's index. If one library was closed and
    /// another opened in its place, the first counts: the runtime cuts stacks that pass through the other.
    segments: Vec<(u64, u64, usize)>,
    cache: HashMap<u64, (Option<usize>, Vec<Frame>)>,
}

impl Symbolizer {
    /// Reads nothing yet.
    pub fn new(modules: &[Module]) -> Symbolizer {
        Symbolizer {
            modules: modules.to_vec(),
            opened: modules.iter().map(|_| None).collect(),
            segments: modules.iter().enumerate().flat_map(|(index, module)| segments(index, module)).collect(),
            cache: HashMap::new(),
        }
    }

    /// Adds the objects that were loaded since: `modules` begins with those that are known. Nothing that is known is read
    /// again.
    pub fn learn(&mut self, modules: &[Module]) {
        for (index, module) in modules.iter().enumerate().skip(self.modules.len()) {
            self.segments.extend(segments(index, module));
            self.modules.push(module.clone());
            self.opened.push(None);
            self.cache.retain(|_, (of, _)| of.is_some());
        }
    }

    /// Reads a module now: its file may be gone when a name is asked for.
    pub fn read(&mut self, index: usize) {
        if let (Some(module), Some(opened)) = (self.modules.get(index), self.opened.get_mut(index)) {
            opened.get_or_insert_with(|| Opened::open(module));
        }
    }

    /// The frames of every address of `stack`, in its order (leaf first); each has at least one.
    pub fn symbolize_stack(&mut self, stack: &Stack) -> Vec<LocatedFrames> {
        let locate = |(index, &address): (usize, &u64)| {
            let exact = index == 0 && stack.leaf_is_exact;
            let (module, frames) = self.frames(address, exact);
            let frames = frames.to_vec();
            // As in Go's profiles: other tools look it up as it is.
            LocatedFrames { address: if exact { address } else { address.saturating_sub(1) }, module, frames }
        };
        stack.addresses.iter().enumerate().map(locate).collect()
    }

    /// The module that holds a run-time address, and the frames there, innermost first. `exact`: the address is the
    /// instruction itself rather than a return address.
    pub fn frames(&mut self, address: u64, exact: bool) -> (Option<usize>, &[Frame]) {
        let address = if exact { address } else { address.saturating_sub(1) };
        if !self.cache.contains_key(&address) {
            let found = self.look_up(address);
            self.cache.insert(address, found);
        }
        let (module, frames) = &self.cache[&address];
        (*module, frames)
    }

    /// The result of opening a module; `None` if no address has needed it.
    pub fn status(&self, module: usize) -> Option<&Status> {
        self.opened.get(module)?.as_ref().map(|opened| &opened.status)
    }

    /// The run-time address where the function that holds `address` begins; `None` if that is not known, or if nothing
    /// has asked for a name in its module yet.
    pub fn start_of(&self, address: u64) -> Option<u64> {
        let index = self.module_of(address)?;
        let bias = self.modules[index].bias;
        Some(self.opened[index].as_ref()?.start(address.wrapping_sub(bias))?.wrapping_add(bias))
    }

    fn module_of(&self, address: u64) -> Option<usize> {
        let within = |(start, end, _): &&(u64, u64, usize)| (*start..*end).contains(&address);
        self.segments.iter().find(within).map(|(_, _, index)| *index)
    }

    fn look_up(&mut self, address: u64) -> (Option<usize>, Vec<Frame>) {
        let Some(index) = self.module_of(address) else {
            return (None, vec![Frame { function: format!("{address:#x}"), ..Frame::default() }]);
        };
        let module = &self.modules[index];
        let opened = self.opened[index].get_or_insert_with(|| Opened::open(module));
        (Some(index), opened.frames(address.wrapping_sub(module.bias)))
    }
}

fn segments(index: usize, module: &Module) -> impl Iterator<Item = (u64, u64, usize)> {
    module.text.iter().map(move |segment| {
        let start = module.bias.wrapping_add(segment.vaddr);
        (start, start.saturating_add(segment.size), index)
    })
}
