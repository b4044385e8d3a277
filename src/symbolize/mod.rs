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

use rustc_hash::FxHashMap;

pub use binaries::LocalBinaries;
pub use frame::{Frame, Part, Place};
pub use module::{Detail, Status};
pub use plumbing::{interface, is_plumbing, path};
pub use trim::{Trim, code, trim, trim_allocation, trim_stack, trim_wait};

use crate::records::{Module, Stack};
use module::Opened;

/// Names the addresses of one process.
pub struct Symbolizer {
    modules: Vec<Module>,
    opened: Vec<Option<Opened>>,
    /// Start and end of each executable segment at run time, and the module's index. If one library was closed and
    /// another opened in its place, the first counts: the runtime cuts stacks that pass through the other.
    segments: Vec<(u64, u64, usize)>,
    places: Vec<Place>,
    /// The place of each address that was asked for.
    numbers: FxHashMap<u64, u32>,
}

impl Symbolizer {
    /// Reads nothing yet.
    pub fn new(modules: &[Module]) -> Symbolizer {
        Symbolizer {
            modules: modules.to_vec(),
            opened: modules.iter().map(|_| None).collect(),
            segments: modules.iter().enumerate().flat_map(|(index, module)| segments(index, module)).collect(),
            places: Vec::new(),
            numbers: FxHashMap::default(),
        }
    }

    /// Adds the objects that were loaded since: `modules` begins with those that are known. Nothing that is known is read
    /// again.
    pub fn learn(&mut self, modules: &[Module]) {
        for (index, module) in modules.iter().enumerate().skip(self.modules.len()) {
            self.segments.extend(segments(index, module));
            self.modules.push(module.clone());
            self.opened.push(None);
        }
        // The places themselves stay, so that the others keep their numbers.
        self.numbers.retain(|_, number| self.places[*number as usize].module.is_some());
    }

    /// Reads a module now: its file may be gone when a name is asked for.
    pub fn read(&mut self, index: usize) {
        if let (Some(module), Some(opened)) = (self.modules.get(index), self.opened.get_mut(index)) {
            opened.get_or_insert_with(|| Opened::open(module));
        }
    }

    /// The places of `stack`, in its order (leaf first), less the frames that `trim` cuts off; none is empty.
    pub fn trimmed(&mut self, stack: &Stack, trim: Trim) -> Vec<Part> {
        let numbers = self.numbers(stack);
        trim::parts(&self.places, &numbers, trim(&self.places, &numbers))
    }

    /// The places of `stack`, leaf first.
    pub fn places(&mut self, stack: &Stack) -> Vec<&Place> {
        let numbers = self.numbers(stack);
        numbers.into_iter().map(|number| &self.places[number as usize]).collect()
    }

    /// The place of `part`, and those of its frames that are left, innermost first.
    pub fn part(&self, part: Part) -> (&Place, &[Frame]) {
        let place = &self.places[part.place as usize];
        (place, &place.frames[part.start as usize..part.end as usize])
    }

    /// The module that holds a run-time address, and the frames there, innermost first. `exact`: the address is the
    /// instruction itself rather than a return address.
    pub fn frames(&mut self, address: u64, exact: bool) -> (Option<usize>, &[Frame]) {
        let number = self.number(address, exact);
        let place = &self.places[number as usize];
        (place.module, &place.frames)
    }

    fn numbers(&mut self, stack: &Stack) -> Vec<u32> {
        let number = |(index, &address): (usize, &u64)| self.number(address, index == 0 && stack.leaf_is_exact);
        stack.addresses.iter().enumerate().map(number).collect()
    }

    /// A return address counts as the address before it, which lies within the call. Go's profiles hold that one, too.
    fn number(&mut self, address: u64, exact: bool) -> u32 {
        let address = if exact { address } else { address.saturating_sub(1) };
        if let Some(&number) = self.numbers.get(&address) {
            return number;
        }
        let (module, frames) = self.look_up(address);
        let number = self.places.len() as u32;
        self.places.push(Place::new(address, module, frames));
        self.numbers.insert(address, number);
        number
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
