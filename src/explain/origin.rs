//! Decides whose code a frame is.

use std::path::{Path, PathBuf};

use super::recording::Recording;
use crate::symbolize::{Frame, is_plumbing};

/// The user's code, and the text of its sources.
pub struct Surroundings<'a> {
    /// The workspace's folder.
    pub root: PathBuf,
    /// Line `line` (from 1) of the file at a path, if it can be read.
    pub source: &'a dyn Fn(&str, u32) -> Option<String>,
}

impl Surroundings<'_> {
    /// `FILE:LINE`, the file relative to the workspace's folder; unknown parts are left out.
    pub(super) fn place(&self, file: &str, line: u32) -> String {
        match (shown(file, &self.root), line) {
            (file, 0) => file.to_owned(),
            (file, line) => format!("{file}:{line}"),
        }
    }
}

/// A file relative to `root`.
pub(super) fn shown<'a>(file: &'a str, root: &Path) -> &'a str {
    Path::new(file).strip_prefix(root).ok().and_then(Path::to_str).unwrap_or(file)
}

/// The owner of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The allocator's own path down from `Vec::push` and the like.
    Plumbing,
    Std,
    /// A crate that the user depends on, by its name.
    Dependency(String),
    /// The code that runs the benches, and drops the results of an operation.
    Harness,
    User,
    /// Not Rust, or unknown.
    Foreign,
}

/// The crates of the harnesses that take the hook, by the names that they are compiled by: their folders have other
/// names if they come from git or lie in the workspace.
const HARNESSES: [&str; 5] =
    ["criterion", "codspeed_criterion_compat_walltime", "divan", "codspeed_divan_compat_walltime", "memprof_libtest"];
/// The folders of std's sources: as the release names them, and the crates that std is built from.
const STD: [&str; 2] = ["/rustc/", "/rust/deps/"];
/// As rust-src has them, below the toolchain's folder.
const STD_SOURCES: &str = "/lib/rustlib/src/rust/";
/// Crates of std, for code without a file.
const STD_CRATES: [&str; 5] = ["alloc", "core", "std", "hashbrown", "__rustc"];

/// The owner of each of the recording's frames.
pub(super) fn owners(recording: &Recording, root: &Path) -> Vec<Owner> {
    let mut owners: Vec<Owner> = recording.frames.iter().map(|frame| owner(frame, root)).collect();
    // Most names are not split.
    let is_hashbrown = |frame: &Frame| {
        frame.function.contains("hashbrown") && crate::symbolize::path(&frame.function).first() == Some(&"hashbrown")
    };
    let is_prebuilt = recording.frames.iter().zip(&owners).any(|(frame, of)| *of == Owner::Std && is_hashbrown(frame));
    if is_prebuilt || !recording.frames.iter().any(is_hashbrown) {
        return owners;
    }
    // std may have been built from its sources (`-Zbuild-std`). Then its own hash tables lie among the user's
    // dependencies, and belong to std where std's functions call them.
    let hashbrown: Vec<bool> = recording.frames.iter().map(is_hashbrown).collect();
    let is_table = |frame: &Frame| crate::symbolize::path(&frame.function).starts_with(&["std", "collections", "hash"]);
    let tables: Vec<bool> = recording.frames.iter().map(is_table).collect();
    for stack in &recording.stacks {
        let mut in_table = false;
        for at in stack.frames.iter().rev().map(|&frame| frame as usize) {
            let is_std = matches!(owners[at], Owner::Std | Owner::Plumbing);
            in_table = tables[at] && is_std || in_table && (hashbrown[at] || is_std);
            if in_table && hashbrown[at] {
                owners[at] = Owner::Std;
            }
        }
    }
    owners
}

fn owner(frame: &Frame, root: &Path) -> Owner {
    if is_plumbing(&frame.function) {
        return Owner::Plumbing;
    }
    let first = crate::symbolize::path(&frame.function).first().copied().unwrap_or_default();
    if HARNESSES.contains(&first) {
        return Owner::Harness;
    }
    let file = frame.file.as_str();
    // The names of the folders above the workspace mean nothing.
    let below = Path::new(file).strip_prefix(root).ok().and_then(Path::to_str);
    let place = below.map_or(file.to_owned(), |below| format!("/{below}"));
    if place.contains(STD_SOURCES) || (below.is_none() && STD.iter().any(|start| file.starts_with(start))) {
        return Owner::Std;
    }
    if let Some(name) = registry_crate(&place) {
        return Owner::Dependency(name);
    }
    match file {
        "" if STD_CRATES.contains(&first) => Owner::Std,
        _ if file.ends_with(".rs") => Owner::User,
        _ => Owner::Foreign,
    }
}

/// `NAME` of `…/registry/src/INDEX/NAME-VERSION/…`, of `…/git/checkouts/NAME-HASH/REV/…` and of `…/vendor/NAME/…`.
fn registry_crate(file: &str) -> Option<String> {
    if let Some((_, below)) = file.split_once("/registry/src/") {
        return Some(without_version(below.split('/').nth(1)?));
    }
    if let Some((_, below)) = file.split_once("/git/checkouts/") {
        return Some(below.split('/').next()?.rsplit_once('-')?.0.to_owned());
    }
    let (_, below) = file.split_once("/vendor/")?;
    Some(without_version(below.split('/').next()?))
}

/// `NAME-1.2.3` as `NAME`.
fn without_version(folder: &str) -> String {
    let at = folder.match_indices('-').find(|(at, _)| folder[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    folder[..at.map_or(folder.len(), |(at, _)| at)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::recording::Recorded;
    use super::*;

    fn owner_of(function: &str, file: &str) -> Owner {
        owner(
            &Frame { function: function.to_owned(), file: file.to_owned(), ..Frame::default() },
            Path::new("/home/me/p"),
        )
    }

    #[test]
    fn a_frame_belongs_to_whoever_wrote_it() {
        let dependency = |name: &str| Owner::Dependency(name.to_owned());
        for (function, file, expected) in [
            ("alloc::raw_vec::RawVec<T,A>::grow_one", "/rustc/abc/library/alloc/src/raw_vec.rs", Owner::Plumbing),
            ("alloc::vec::Vec<T,A>::push", "/rustc/abc/library/alloc/src/vec/mod.rs", Owner::Std),
            ("hashbrown::raw::RawTable<T,A>::reserve_rehash", "/rust/deps/hashbrown-0.16.1/src/raw/mod.rs", Owner::Std),
            (
                "hashbrown::raw::RawTable<T,A>::reserve_rehash",
                "/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/hashbrown-0.15.2/src/raw/mod.rs",
                dependency("hashbrown"),
            ),
            ("a_b::f", "/h/registry/src/index/a-b2-0.1.0-rc.1/src/lib.rs", dependency("a-b2")),
            ("x::f", "/h/git/checkouts/some-crate-0123456789abcdef/1234567/src/lib.rs", dependency("some-crate")),
            ("x::f", "/home/me/p/vendor/x/src/lib.rs", dependency("x")),
            ("p::f", "/home/me/p/src/lib.rs", Owner::User),
            ("sibling::f", "/home/me/sibling/src/lib.rs", Owner::User),
            ("qsort", "/build/glibc/stdlib/qsort.c", Owner::Foreign),
            ("libfoo.so+0x12", "", Owner::Foreign),
            ("core::fmt::write", "", Owner::Std),
        ] {
            assert_eq!(owner_of(function, file), expected, "{function}");
        }
    }

    /// The user's own tables stay the user's dependency.
    #[test]
    fn the_tables_of_a_std_that_was_built_here_are_its_own() {
        let frame = |function: &str, file: &str| Frame {
            function: function.to_owned(),
            file: file.to_owned(),
            ..Frame::default()
        };
        let table = "/h/.cargo/registry/src/index/hashbrown-0.17.0/src/raw.rs";
        let frames = vec![
            frame("<hashbrown::raw::RawTable<u64>>::reserve_rehash", table),
            frame("<hashbrown::map::HashMap<u64, u64>>::insert", table),
            frame("<std::collections::hash::map::HashMap<u64, u64>>::insert", "/rustc/abc/library/std/src/map.rs"),
            frame("p::f", "/home/me/p/src/lib.rs"),
            frame("<hashbrown::set::HashSet<u64>>::insert", table),
            frame("<hashbrown::map::HashMap<u64, u64>>::shrink_to", table),
            frame("core::iter::traits::iterator::Iterator::for_each", "/rustc/abc/library/core/src/iter.rs"),
            frame("core::ptr::drop_in_place::<std::collections::hash::map::HashMap<u64, u64>>", "/rustc/abc/ptr.rs"),
        ];
        let stack = |frames: &[u32]| Recorded { frames: frames.to_vec(), ..Recorded::default() };
        // The second shares a part of the first; std's iterator lies between in the third; types alone do not count.
        let stacks: [&[u32]; 4] = [&[0, 1, 2, 3], &[5, 6, 1, 2, 3], &[4, 3], &[4, 7, 3]];
        let recording = Recording { frames, stacks: stacks.map(stack).to_vec(), ..Recording::default() };
        let owners = owners(&recording, Path::new("/home/me/p"));
        let dependency = Owner::Dependency("hashbrown".to_owned());
        assert_eq!(owners[..4], [Owner::Std, Owner::Std, Owner::Std, Owner::User]);
        assert_eq!(owners[4..], [dependency, Owner::Std, Owner::Std, Owner::Std]);
    }

    /// A harness from git, from a folder of the workspace, from the registry, and the replacement of the compiler's
    /// own.
    #[test]
    fn a_harness_is_known_by_its_crate() {
        for (function, file) in [
            ("criterion::bencher::Bencher<M>::iter", "/h/.cargo/git/checkouts/criterion.rs-0123abc/abc/src/bencher.rs"),
            ("criterion::bencher::Bencher<M>::iter", "/home/me/p/third_party/criterion/src/bencher.rs"),
            ("<criterion::bencher::Bencher<M>>::iter", "/h/registry/src/i/criterion2-1.1.1/src/bencher.rs"),
            ("codspeed_divan_compat_walltime::bench::Bencher::bench", "/h/registry/src/i/codspeed-divan/src/b.rs"),
            ("memprof_libtest::Bencher::iter", "/memprof/memprof_libtest.rs"),
        ] {
            assert_eq!(owner_of(function, file), Owner::Harness, "{file}");
        }
    }

    #[test]
    fn folders_above_the_workspace_have_any_name() {
        for root in ["/home/me/vendor/app", "/srv/rust/deps/app", "/h/git/checkouts/app-12/34"] {
            let of = |file: &str| {
                let file = format!("{root}/{file}");
                owner(&Frame { function: "p::f".to_owned(), file, ..Frame::default() }, Path::new(root))
            };
            assert_eq!(of("src/lib.rs"), Owner::User, "{root}");
            assert_eq!(of("vendor/x-1.0.0/src/lib.rs"), Owner::Dependency("x".to_owned()), "{root}");
        }
    }
}
