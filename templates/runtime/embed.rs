//! The recorder as the crate `memprof` uses it, whose sources are these files, too: from code, without a harness or a plan.
//! In a program that the tool injects, the crate finds the injected recorder here.

pub use crate::scope::{open, with_everyone, Counts, Open};
pub use crate::sites::Site;
pub use crate::track::Track;

use crate::objects;

/// Where `address` lies: the path of its file, and its place there.
pub fn place_of(address: usize) -> Option<(Vec<u8>, u64)> {
    let address = address as u64;
    objects::loaded().into_iter().find_map(|object| {
        let at = address.wrapping_sub(object.bias);
        let within = object.text.iter().any(|segment| (segment.vaddr..segment.vaddr + segment.size).contains(&at));
        within.then(|| (object.path, at))
    })
}
