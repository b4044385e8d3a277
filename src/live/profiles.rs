//! The profiles of a running program.

use super::endpoint::Kind;
use super::reader::{Heap, Reader};
use crate::pprof::profile::Profile;
use crate::programs::profiles::{add_beyond, of_a_program};
use crate::records::Allocations;
use crate::symbolize::profiles::{self, Circumstances};

/// The profile `kind` of this moment; `None` if there is none of that kind.
pub fn take(reader: &Reader, kind: Kind) -> Option<Profile> {
    match kind {
        Kind::Heap | Kind::Allocs => Some(heap(reader, &reader.heap(), kind)),
        _ => None,
    }
}

fn heap(reader: &Reader, heap: &Heap, kind: Kind) -> Profile {
    let mut names = reader.names();
    let names = &mut *names;
    let stacks: Vec<Allocations> = heap.stacks.iter().map(|record| record.allocations.clone()).collect();
    let mut profile = profiles::memory(&mut names.symbolizer, &names.modules, &stacks, None, at(heap.at));
    of_a_program(&mut profile);
    add_beyond(&mut profile, &reader.region, &heap.header, &heap.stacks);
    if kind == Kind::Heap {
        // As in Go: the last one is meant.
        profile.default_sample_type = "".into();
    }
    profile
}

fn at(time_nanos: i64) -> Circumstances {
    Circumstances { iterations: 1, time_nanos, duration_nanos: 0 }
}
