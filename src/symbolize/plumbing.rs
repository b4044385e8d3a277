//! Recognises the allocator's plumbing: functions between the call that a programmer wrote and the call that was
//! counted.
//!
//! It is a table, because it follows std's source, whose internals move now and then. Names come in two forms,
//! depending on the mangling: `alloc::raw_vec::RawVec<T,A>::grow_one` and `<alloc::raw_vec::RawVec<u8>>::grow_one`; a
//! method of a trait is `<Type as Trait>::method` in both. So a function is judged by its owner: the module or the
//! type that it belongs to.

/// Owners, as the first parts of a path. None of them contains the types that programmers call (`Vec`, `Box`,
/// `String`).
const OWNERS: &[&[&str]] = &[
    // Code injected into the bench.
    &["memprof_alloc"],
    &["memprof_rt"],
    // The library's allocator, which passes everything through where the tool injects it.
    &["memprof", "allocator"],
    // Symbols that the compiler makes for the global allocator (rustc 1.87 and later).
    &["__rustc"],
    // `alloc::alloc`: alloc(), realloc(), exchange_malloc(), Global and its Allocator.
    &["alloc", "alloc"],
    &["alloc", "boxed", "box_new"],
    &["alloc", "boxed", "box_new_uninit"],
    // The growing buffer under Vec, String and VecDeque.
    &["alloc", "raw_vec"],
    // Methods that a trait provides for an allocator that does not override them: realloc, alloc_zeroed, grow.
    &["core", "alloc", "global", "GlobalAlloc"],
    &["core", "alloc", "Allocator"],
    // System, and std's implementation of it.
    &["std", "alloc", "System"],
    &["std", "sys", "alloc"],
    &["std", "sys", "pal", "unix", "alloc"],
    &["std", "sys", "unix", "alloc"],
];

/// Prefixes of the compiler's symbols before rustc 1.87, which belong to no crate.
const SYMBOLS: &[&str] =
    &["__rust_alloc", "__rust_realloc", "__rust_dealloc", "__rust_no_alloc_shim_is_unstable", "__rg_", "__rdl_"];

/// Owners of the functions between the call that a programmer wrote and the kernel's futex; these are cut from a
/// wait's leaf.
const WAITING: &[&[&str]] =
    &[&["memprof_rt"], &["syscall"], &["pthread_join"], &["std", "sys"], &["parking_lot_core"], &["core", "sync"]];

/// Methods of `Vec` and `String` that delegate to another one: (helper, caller). Above the plumbing, a helper is cut
/// too if that caller called it, so that `Vec::push` is one leaf in every version of std; a direct call of the helper
/// stays.
const HELPERS: &[(Method, Method)] = &[
    (("Vec", "push_mut"), ("Vec", "push")),
    (("Vec", "insert_mut"), ("Vec", "insert")),
    (("Vec", "with_capacity_in"), ("Vec", "with_capacity")),
    (("Vec", "reserve"), ("Vec", "append_elements")),
    (("Vec", "append_elements"), ("Vec", "spec_extend")),
    (("Vec", "append_elements"), ("Vec", "extend_from_slice")),
    (("Vec", "spec_extend"), ("Vec", "extend_from_slice")),
    (("Vec", "extend_from_slice"), ("String", "push_str")),
    (("Vec", "push"), ("String", "push")),
    (("Vec", "reserve"), ("String", "reserve")),
    (("Vec", "reserve"), ("String", "push")),
    (("Vec", "with_capacity"), ("String", "with_capacity")),
];

/// A type and its method.
type Method = (&'static str, &'static str);

/// std's mark between a thread's start and the code that runs on it, whichever module of std it is in.
const THREAD_START: &str = "__rust_begin_short_backtrace";

/// The part that a function plays where stacks are trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    pub is_thread_start: bool,
    pub is_plumbing: bool,
    /// The rows of [`HELPERS`] that have it as the helper, and those that have it as the caller, a bit each.
    helper: u16,
    caller: u16,
}
const _: () = assert!(HELPERS.len() <= u16::BITS as usize);

impl Role {
    pub(super) fn of(function: &str) -> Role {
        let path = path(function);
        let rows = |is_row: &dyn Fn(&(Method, Method)) -> bool| {
            HELPERS.iter().enumerate().filter(|(_, row)| is_row(row)).fold(0, |rows, (number, _)| rows | 1 << number)
        };
        Role {
            is_thread_start: is_thread_start(function),
            is_plumbing: is_plumbing(function),
            helper: rows(&|(helper, _)| is_method(&path, helper)),
            caller: rows(&|(_, caller)| is_method(&path, caller)),
        }
    }

    /// Whether the method `caller` merely delegates to this one.
    pub(super) fn helps(self, caller: Role) -> bool {
        self.helper & caller.caller != 0
    }
}

/// Whether a demangled function is std's mark.
pub(super) fn is_thread_start(function: &str) -> bool {
    function.contains(THREAD_START) && path(function).contains(&THREAD_START)
}

/// Whether a demangled function is plumbing.
pub fn is_plumbing(function: &str) -> bool {
    SYMBOLS.iter().any(|symbol| function.starts_with(symbol)) || {
        let path = path(function);
        OWNERS.iter().any(|owner| path.starts_with(owner))
    }
}

/// Whether a demangled function only waits on behalf of its caller.
pub(super) fn only_waits(function: &str) -> bool {
    let path = path(function);
    WAITING.iter().any(|owner| path.starts_with(owner))
}

fn is_method(path: &[&str], (owner, method): &Method) -> bool {
    matches!(path, ["alloc", "vec" | "string", type_name, name] if type_name == owner && name == method)
}

/// The parts of a path, without type arguments; of `<Type as Trait>::method` and `<Type>::method` the parts of Type,
/// then the rest. `<&Type>` counts as Type. Types without a path (slices, tuples) have no parts.
pub fn path(function: &str) -> Vec<&str> {
    let Some(rest) = function.strip_prefix('<') else { return parts(function) };
    let Some(end) = closing(rest) else { return Vec::new() };
    let owner = &rest[..end];
    let owner = &owner[..top_level(owner, " as ").unwrap_or(owner.len())];
    let mut path = path(owner.trim_start_matches("&mut ").trim_start_matches('&'));
    if !path.is_empty() {
        path.extend(parts(rest[end + 1..].trim_start_matches("::")));
    }
    path
}

/// The parts of Trait in `<Type as Trait>::method`.
pub fn interface(function: &str) -> Option<Vec<&str>> {
    let rest = function.strip_prefix('<')?;
    let owner = &rest[..closing(rest)?];
    Some(parts(&owner[top_level(owner, " as ")? + " as ".len()..]))
}

/// `a::b<c::d>::e` and `a::b::<c::d>::e` as a, b, e.
fn parts(mut path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while !path.is_empty() {
        let end = top_level(path, "::").unwrap_or(path.len());
        let part = &path[..end];
        let name = &part[..part.find(['<', '(', '[', '&', '*', ' ']).unwrap_or(part.len())];
        if !name.is_empty() {
            parts.push(name);
        } else if parts.is_empty() {
            return parts;
        }
        path = path.get(end + 2..).unwrap_or("");
    }
    parts
}

/// The first position of `wanted` outside all brackets.
fn top_level(text: &str, wanted: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        if depth == 0 && text.as_bytes()[at..].starts_with(wanted.as_bytes()) {
            return Some(at);
        }
        depth += step(text, at, byte);
    }
    None
}

/// The end of the bracket that was opened before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, byte) in text.bytes().enumerate() {
        depth += step(text, at, byte);
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// How a byte changes the depth of brackets; the arrow of `fn() -> T` does not count.
fn step(text: &str, at: usize, byte: u8) -> i32 {
    match byte {
        b'<' | b'(' | b'[' | b'{' => 1,
        b'>' if at > 0 && text.as_bytes()[at - 1] == b'-' => 0,
        b'>' | b')' | b']' | b'}' => -1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_helper_of(helper: &str, caller: &str) -> bool {
        Role::of(helper).helps(Role::of(caller))
    }

    #[test]
    fn paths() {
        assert_eq!(path("alloc::raw_vec::RawVec<T,A>::grow_one"), ["alloc", "raw_vec", "RawVec", "grow_one"]);
        assert_eq!(path("<alloc::raw_vec::RawVec<a::B>>::grow_one"), ["alloc", "raw_vec", "RawVec", "grow_one"]);
        assert_eq!(path("alloc::raw_vec::finish_grow::<alloc::alloc::Global>"), ["alloc", "raw_vec", "finish_grow"]);
        assert_eq!(path("<&mut a::B<fn() -> C> as d::E>::f::{closure#0}"), ["a", "B", "f", "{closure#0}"]);
        assert_eq!(path("<<a::B as c::D>::E as f::G>::h"), ["a", "B", "E", "h"]);
        assert_eq!(path("<[T] as a::B>::c"), [""; 0]);
        assert_eq!(path("a::<impl b::C for d::E>::f"), ["a", "f"]);
        assert_eq!(path("libc.so.6+0x1234"), ["libc.so.6+0x1234"]);
        assert_eq!(interface("<[T] as a::B<c::D>>::e").unwrap(), ["a", "B"]);
        assert_eq!((interface("<a::B>::c"), interface("a::b")), (None, None));
        assert_eq!(path("<"), [""; 0]);
        assert_eq!(path("::::"), [""; 0]);
    }

    #[test]
    fn plumbing_in_both_manglings() {
        for function in [
            "__rust_alloc",
            "__rust_alloc_zeroed",
            "__rust_realloc",
            "__rdl_alloc",
            "__rg_realloc",
            "__rustc::__rust_alloc",
            "__rustc::__rdl_realloc",
            "memprof_rt::capture",
            "memprof_alloc::record::{{closure}}",
            "<memprof_rt::Track<std::alloc::System> as core::alloc::global::GlobalAlloc>::alloc",
            "<memprof_rt::Track<bench::Mine> as core::alloc::global::GlobalAlloc>::realloc",
            "alloc::alloc::alloc",
            "alloc::alloc::exchange_malloc",
            "alloc::alloc::box_new",
            "alloc::alloc::Global::alloc_impl",
            "<alloc::alloc::Global>::alloc_impl_runtime",
            "<alloc::alloc::Global as core::alloc::Allocator>::allocate",
            "alloc::boxed::box_new",
            "alloc::boxed::box_new::<[u8; 4]>",
            "alloc::raw_vec::RawVec<T,A>::grow_one",
            "alloc::raw_vec::RawVecInner<A>::reserve::do_reserve_and_handle",
            "<alloc::raw_vec::RawVecInner>::try_allocate_in",
            "<alloc::raw_vec::RawVecInner<_>>::reserve::do_reserve_and_handle::<alloc::alloc::Global>",
            "<alloc::raw_vec::RawVec<alloc::string::String>>::grow_one",
            "<alloc::raw_vec::RawVec<T,A> as core::ops::drop::Drop>::drop",
            "alloc::raw_vec::finish_grow::<alloc::alloc::Global>",
            "core::alloc::global::GlobalAlloc::alloc_zeroed",
            "<std::alloc::System as core::alloc::global::GlobalAlloc>::alloc",
            "std::sys::alloc::unix::<impl core::alloc::global::GlobalAlloc for std::alloc::System>::alloc",
            "std::sys::alloc::realloc_fallback",
        ] {
            assert!(is_plumbing(function), "{function}");
        }
    }

    #[test]
    fn what_a_programmer_calls_is_not() {
        for function in [
            "alloc::vec::Vec<T,A>::push",
            "<alloc::vec::Vec<alloc::raw_vec::RawVec<u8>>>::push",
            "<alloc::vec::Vec<u8, alloc::alloc::Global>>::with_capacity",
            "alloc::boxed::Box<T>::new",
            "alloc::boxed::box_newtype",
            "<alloc::string::String>::push_str",
            "alloc::slice::hack::to_vec",
            "<T as alloc::slice::hack::ConvertVec>::to_vec",
            "<u8 as <[_]>::to_vec_in::ConvertVec>::to_vec::<alloc::alloc::Global>",
            "<alloc::string::String as core::clone::Clone>::clone",
            "hashbrown::raw::RawTable<T,A>::reserve_rehash",
            "bench::alloc::alloc",
            "<bench::Pool as core::alloc::global::GlobalAlloc>::alloc",
            "alloc_counter::alloc::count",
            "memprof_runner::main",
            "core::ptr::drop_in_place::<alloc::raw_vec::RawVec<u8>>",
            "malloc",
            "0x7f001234",
            "",
        ] {
            assert!(!is_plumbing(function), "{function}");
        }
    }

    #[test]
    fn helpers() {
        assert!(is_helper_of("alloc::vec::Vec<T,A>::push_mut", "alloc::vec::Vec<T,A>::push"));
        assert!(is_helper_of("<alloc::vec::Vec<u8>>::with_capacity", "<alloc::string::String>::with_capacity"));
        assert!(is_helper_of(
            "<alloc::vec::Vec<T,A> as alloc::vec::spec_extend::SpecExtend<&T,core::slice::iter::Iter<T>>>::spec_extend",
            "alloc::vec::Vec<T,A>::extend_from_slice"
        ));
        assert!(!is_helper_of("alloc::vec::Vec<T,A>::reserve", "bench::work"));
        assert!(!is_helper_of("bench::vec::Vec<T,A>::push_mut", "alloc::vec::Vec<T,A>::push"));
        assert!(!is_helper_of("alloc::vec::Vec<T,A>::push", "alloc::vec::Vec<T,A>::push_mut"));
    }

    #[test]
    fn the_start_of_a_thread() {
        assert!(is_thread_start("std::sys::backtrace::__rust_begin_short_backtrace"));
        assert!(is_thread_start("std::sys::backtrace::__rust_begin_short_backtrace::<fn(), ()>"));
        assert!(is_thread_start("std::sys_common::backtrace::__rust_begin_short_backtrace"));
        assert!(is_thread_start("__rust_begin_short_backtrace"));
        assert!(!is_thread_start("std::sys::backtrace::__rust_end_short_backtrace"));
        assert!(!is_thread_start(
            "core::ops::function::FnOnce::call_once::<std::sys::backtrace::__rust_begin_short_backtrace>"
        ));
    }
}
