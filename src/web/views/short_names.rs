//! Shortens names to fit into a box, and finds the origin of their code.

use serde::Serialize;

use crate::pprof::graph::shorten_function_name;
use crate::pprof::profile::path;

/// The origin of a function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Own,
    Dependency,
    Std,
}

/// The origin of `function` in `file`, by the places where cargo, rustup and the system keep sources; without a file,
/// by its name.
pub fn origin(function: &str, file: &str) -> Origin {
    if is_of_std(file) || (file.is_empty() && is_named_as_std(function)) {
        return Origin::Std;
    }
    // Frames that memprof adds to a bench are not the user's.
    let is_foreign = is_of_dependency(file) || is_of_system(file) || function.starts_with("memprof_rt::");
    if is_foreign || (file.is_empty() && is_of_c(function)) { Origin::Dependency } else { Origin::Own }
}

fn is_of_std(file: &str) -> bool {
    const MARKS: [&str; 5] =
        ["/rustc/", "/rustlib/src/", "/library/core/src/", "/library/alloc/src/", "/library/std/src/"];
    // std's own dependencies are recorded as `/rust/deps/hashbrown-…`; a custom build of std has paths without a root.
    file.starts_with("/rust/deps/")
        || MARKS.iter().any(|mark| file.contains(mark))
        || MARKS[2..].iter().any(|mark| file.starts_with(&mark[1..]))
}

fn is_named_as_std(function: &str) -> bool {
    let name = function.trim_start_matches(['<', '&', '(']);
    ["std::", "core::", "alloc::"].iter().any(|start| name.starts_with(start))
}

/// From cargo's registry or a checkout, or vendored.
fn is_of_dependency(file: &str) -> bool {
    ["registry/src/", "git/checkouts/", "vendor/"]
        .iter()
        .any(|mark| file.starts_with(mark) || file.match_indices(mark).any(|(at, _)| file[..at].ends_with('/')))
}

/// A system header, or the C library's own source, which is recorded relative to its build directory.
fn is_of_system(file: &str) -> bool {
    let is_relative_c = || {
        (file.starts_with("./") || file.starts_with("../")) && [".c", ".h", ".S"].iter().any(|end| file.ends_with(end))
    };
    ["/usr/include/", "/usr/lib/", "/usr/lib64/"].iter().any(|start| file.starts_with(start))
        || file.contains("/glibc")
        || is_relative_c()
}

/// A plain name without a path, such as `calloc`: a C function, from a library without debug information.
fn is_of_c(function: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@');
    function != "main" && !function.is_empty() && function.chars().all(is_plain)
}

/// Shorter and shorter forms of a function's name, cut at `::` and `.`; never empty.
pub fn short_names(name: &str) -> Vec<String> {
    let short = shorten_function_name(name);
    let mut ends = Vec::new();
    let mut at = 0;
    while at < short.len() {
        let rest = &short[at..];
        let length = match rest {
            _ if rest.starts_with("::") => 2,
            _ if rest.starts_with('.') => 1,
            _ => {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            }
        };
        at += length;
        ends.push(at);
    }
    suffixes(&short, &ends)
}

/// Shorter and shorter forms of a file's path, cut at slashes; never empty.
pub fn short_paths(name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec![String::new()];
    }
    let clean = path::clean(name);
    let ends: Vec<usize> = clean.match_indices('/').map(|(at, _)| at + 1).collect();
    suffixes(&clean, &ends)
}

/// The byte limit for all forms of one name together: without it, those of a one-megabyte name would take half a
/// terabyte.
const MOST_BYTES: usize = 64 << 10;

fn suffixes(text: &str, starts: &[usize]) -> Vec<String> {
    let mut bytes = 0usize;
    let inside = starts.iter().rev().filter(|at| **at < text.len()).map(|at| &text[*at..]);
    let mut short: Vec<String> = inside
        .take_while(|form| {
            bytes = bytes.saturating_add(form.len());
            bytes <= MOST_BYTES
        })
        .map(str::to_owned)
        .collect();
    short.push(text.to_owned());
    short.reverse();
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_shorter_at_their_modules() {
        assert_eq!(short_names("a::b::größe"), ["a::b::größe", "b::größe", "größe"]);
        assert_eq!(short_names("main.(*T).run"), ["main.(*T).run", "(*T).run", "run"]);
        assert_eq!(short_names("x::"), ["x::"]);
        assert_eq!(short_names(""), [""]);
        assert_eq!(short_paths("/a//b/../c.rs"), ["/a/c.rs", "a/c.rs", "c.rs"]);
        assert_eq!(short_paths(""), [""]);
        let huge = "a::".repeat(400_000) + "f";
        let forms = short_names(&huge);
        assert_eq!((forms[0].len(), forms.last().map(String::as_str)), (huge.len(), Some("f")));
        assert!(forms[1..].iter().map(String::len).sum::<usize>() <= MOST_BYTES);
    }

    #[test]
    fn code_is_somebody_s() {
        let cases = [
            ("core::fmt::write", "/rustc/90b35a/library/core/src/fmt/mod.rs", Origin::Std),
            ("hashbrown::do_alloc", "/rust/deps/hashbrown-0.16.1/src/raw/alloc.rs", Origin::Std),
            ("serde::de", "/home/u/.cargo/registry/src/index-1/serde-1/src/de.rs", Origin::Dependency),
            ("core::parse", "/home/u/core/src/lib.rs", Origin::Own),
            ("<alloc::vec::Vec<T>>::push", "", Origin::Std),
            ("main", "", Origin::Own),
            ("calloc", "", Origin::Dependency),
            ("__libc_start_main", "", Origin::Dependency),
            ("malloc", "./malloc/malloc.c", Origin::Dependency),
            (
                "__memmove_avx_unaligned_erms",
                "../sysdeps/x86_64/multiarch/memmove-vec-unaligned-erms.S",
                Origin::Dependency,
            ),
            ("std::vector::push_back", "/usr/include/c++/12/bits/stl_vector.h", Origin::Dependency),
            ("serde::de", "/w/vendor/serde/src/de.rs", Origin::Dependency),
            ("alloc::vec::Vec<T,A>::push", "library/alloc/src/vec/mod.rs", Origin::Std),
            ("app::run", "/usr/src/app/src/lib.rs", Origin::Own),
            ("app::run", "src/lib.rs", Origin::Own),
            ("my_vendor::run", "/w/my_vendor/src/lib.rs", Origin::Own),
            ("native", "csrc/native.c", Origin::Own),
        ];
        for (function, file, whose) in cases {
            assert_eq!(origin(function, file), whose, "{function} {file}");
        }
    }
}
