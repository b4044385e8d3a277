//! A profile under construction whose stacks are addresses.

use rustc_hash::FxHashMap;

use super::super::model::{Label, Location, Profile, Sample, ValueType};
use super::lines::Lines;
use super::maps;

/// The profile, and the location of each address.
#[derive(Default)]
pub struct Stacks {
    pub profile: Profile,
    pub known: FxHashMap<u64, u32>,
}

/// The addresses of a stack that point to the instruction after a call; they are moved back into the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    None,
    All,
    /// All but the leaf, which was interrupted.
    Callers,
}

impl Stacks {
    pub fn new(sample_types: &[(&str, &str)], period_type: (&str, &str), period: i64) -> Self {
        let sample_types = sample_types.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect();
        let period_type = ValueType::new(period_type.0, period_type.1);
        Stacks { profile: Profile { sample_types, period_type, period, ..Profile::default() }, ..Stacks::default() }
    }

    pub fn sample(&mut self, addresses: &[u64], returns: Returns, values: Vec<i64>, labels: Vec<Label>) {
        let into_call = |place: usize| match returns {
            Returns::None => 0,
            Returns::All => 1,
            Returns::Callers => u64::from(place > 0),
        };
        let places = addresses.iter().enumerate();
        let locations = places.map(|(place, address)| self.location(address.wrapping_sub(into_call(place)))).collect();
        self.profile.samples.push(Sample { locations, values, labels });
    }

    fn location(&mut self, address: u64) -> u32 {
        let next = self.profile.locations.len() as u32;
        let index = *self.known.entry(address).or_insert(next);
        if index == next {
            let id = u64::from(next) + 1;
            self.profile.locations.push(Location { id, address, ..Location::default() });
        }
        index
    }

    /// Drops the second frame if it is the leaf's own address, moved as if it were a call: handlers get the leaf both
    /// from the stack and from the signal.
    pub fn remove_doubled_leaves(&mut self) {
        let locations = &self.profile.locations;
        let address = |location: u32| locations[location as usize].address;
        for sample in self.profile.samples.iter_mut() {
            if let [leaf, caller, ..] = sample.locations[..]
                && address(leaf) == address(caller).wrapping_add(1)
            {
                sample.locations.remove(1);
            }
        }
    }

    /// Reads the memory map after the samples, wherever it begins, and finds the mapping of each address.
    pub fn read_map(&mut self, lines: &mut Lines) {
        while !lines.is_before_map() && lines.advance() {}
        self.set_map(lines);
    }

    /// Finds the mapping of each address in the map, which is the rest of `lines`.
    pub fn set_map(&mut self, lines: &mut Lines) {
        self.renumber();
        self.profile.mappings = maps::read(lines);
        maps::assign(&mut self.profile);
    }

    /// Drops locations that no sample has, and numbers the others by their first use.
    pub fn renumber(&mut self) {
        let mut places = vec![None; self.profile.locations.len()];
        let mut locations = Vec::new();
        for sample in self.profile.samples.iter_mut() {
            for location in &mut sample.locations {
                let old = *location as usize;
                *location = *places[old].get_or_insert_with(|| {
                    let id = locations.len() as u64 + 1;
                    locations.push(Location { id, ..std::mem::take(&mut self.profile.locations[old]) });
                    id as u32 - 1
                });
            }
        }
        self.profile.locations = locations;
        self.known = (0..).zip(&self.profile.locations).map(|(at, location)| (location.address, at)).collect();
    }
}
