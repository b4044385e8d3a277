//! Names the operation that allocated, in the language's own words: found from the frames between the user's line and
//! the allocator, by the table of functions that programmers know.

use serde::{Deserialize, Serialize};

use super::calls::{CALLS, COLLECTED};

/// The container that holds the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    Vec,
    String,
    VecDeque,
    BinaryHeap,
    HashMap,
    HashSet,
    BTreeMap,
    Path,
}

/// The operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Something was put into it: push, insert, extend, reserve, resize.
    Grow(Container),
    /// with_capacity.
    Capacity(Container),
    /// `vec![x; n]`.
    Filled,
    /// `vec![a, b, c]`.
    Literal,
    /// An iterator was collected.
    Collect(Container),
    /// clone, to_vec, to_owned.
    Clone(Container),
    /// A String from a &str: to_string, to_owned, String::from, into.
    TextCopy,
    /// format!.
    Format,
    /// to_string of a type with `Display`.
    Display,
    /// A new text or vector from others: concat, join, repeat, replace, to_lowercase.
    Joined,
    /// Capacity given back: shrink_to_fit, into_boxed_slice.
    Shrunk,
    Box,
    Rc,
    Arc,
    /// A stable sort's scratch.
    Sort,
    /// The keys that sort_by_cached_key is asked to keep.
    SortKeys,
    /// A thread was spawned.
    Thread,
    /// A channel was made.
    Channel,
    /// A channel's queue took a message.
    Send,
    /// The queue through which rayon's threads get their jobs took one.
    JobQueue,
    /// A buffered reader or writer was made.
    BufferedIo,
    /// A file, or an input to its end, was read.
    Read,
    /// A C string.
    CString,
    /// A function of std that the table does not know, or none at all.
    Other,
}

use Container as C;
use Operation as O;

impl Container {
    pub fn title(self) -> &'static str {
        match self {
            C::Vec => "Vec",
            C::String => "String",
            C::VecDeque => "VecDeque",
            C::BinaryHeap => "BinaryHeap",
            C::HashMap => "HashMap",
            C::HashSet => "HashSet",
            C::BTreeMap => "BTreeMap node",
            C::Path => "path",
        }
    }
}

impl Operation {
    /// In words.
    pub fn title(self) -> String {
        match self {
            O::Grow(container) => container.title().to_owned(),
            O::Capacity(container) => format!("{}::with_capacity", container.title()),
            O::Filled => "vec![x; n]".to_owned(),
            O::Literal => "vec![…]".to_owned(),
            O::Collect(container) => format!("collect into {}", container.title()),
            O::Clone(container) => format!("clone of {}", container.title()),
            O::TextCopy => "String from a &str".to_owned(),
            O::Format => "String from format!".to_owned(),
            O::Display => "String from to_string".to_owned(),
            O::Joined => "new text or vector".to_owned(),
            O::Shrunk => "capacity given back".to_owned(),
            O::Box => "Box::new".to_owned(),
            O::Rc => "Rc::new".to_owned(),
            O::Arc => "Arc::new".to_owned(),
            O::Sort => "a stable sort's scratch".to_owned(),
            O::SortKeys => "keys of sort_by_cached_key".to_owned(),
            O::Thread => "a thread was spawned".to_owned(),
            O::Channel => "a channel was made".to_owned(),
            O::Send => "a channel's queue took a message".to_owned(),
            O::JobQueue => "rayon's job queue".to_owned(),
            O::BufferedIo => "a buffered reader or writer was made".to_owned(),
            O::Read => "a file or stream was read".to_owned(),
            O::CString => "a C string was made".to_owned(),
            O::Other => "an allocation".to_owned(),
        }
    }

    /// The operation by functions of other crates for the user's line, if known; `functions`: the innermost first.
    pub(super) fn of_crates<'f>(mut functions: impl Iterator<Item = &'f Function>) -> Option<Operation> {
        // rayon's own frames lie around those of its queue.
        let queues = functions.any(|function| function.of_crate == Some(KnownCrate::Deque));
        (queues && functions.any(|function| function.of_crate == Some(KnownCrate::Rayon))).then_some(O::JobQueue)
    }

    /// The operation by `functions` of std, the innermost first.
    pub(super) fn of(functions: &[&Function]) -> Operation {
        for (at, function) in functions.iter().enumerate().rev() {
            if function.collects {
                // An item that `map` makes by a function of std is no part of the container that holds it.
                let made = functions[..at].iter().filter_map(|function| function.operation).find(Operation::makes_item);
                if let Some(item) = made {
                    return item;
                }
                let container = functions[..=at].iter().rev().find_map(|function| function.container);
                return container.map_or(O::Other, O::Collect);
            }
            if let Some(operation) = function.operation {
                return refine(operation, &functions[..at]);
            }
            // Memory that it keeps for itself is not the user's.
            if function.is_own_business {
                return O::Other;
            }
        }
        O::Other
    }

    /// Whether it makes one value that others hold.
    fn makes_item(&self) -> bool {
        matches!(self, O::Box | O::Rc | O::Arc | O::TextCopy | O::Format | O::Display | O::Clone(C::String))
    }

    /// The container that holds the memory, if that can grow.
    pub fn container(self) -> Option<Container> {
        match self {
            O::Grow(container) | O::Capacity(container) | O::Collect(container) | O::Clone(container) => {
                Some(container)
            }
            O::Filled => Some(C::Vec),
            O::TextCopy | O::Format | O::Display => Some(C::String),
            _ => None,
        }
    }

    /// Whether the growing container is a hash table, which moves to a new block each time.
    pub fn is_table(self) -> bool {
        matches!(self.container(), Some(C::HashMap | C::HashSet))
    }
}

/// Refines the operation by the inner functions.
fn refine(operation: Operation, inner: &[&Function]) -> Operation {
    let calls = |operation: Operation| inner.iter().any(|function| function.operation == Some(operation));
    match operation {
        // fmt::Write writes to a String, io::Write to a Vec.
        O::Grow(C::Vec) if calls(O::Grow(C::String)) => O::Grow(C::String),
        O::Display if calls(O::TextCopy) => O::TextCopy,
        O::Display if calls(O::Clone(C::String)) => O::Clone(C::String),
        operation => operation,
    }
}

/// Crates that are recognized by their work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KnownCrate {
    Rayon,
    /// The queues of rayon's threads.
    Deque,
}

/// The operation that one function stands for.
#[derive(Debug, Default)]
pub(super) struct Function {
    operation: Option<Operation>,
    collects: bool,
    /// Functions of std's threads and their shared state.
    is_own_business: bool,
    of_crate: Option<KnownCrate>,
    /// The type that it belongs to.
    container: Option<Container>,
}

impl Function {
    /// By its demangled name.
    pub fn new(name: &str) -> Function {
        let call = Call::parse(name);
        let path = crate::symbolize::path(name);
        let of_crate = match path.first() {
            Some(&"rayon_core") => Some(KnownCrate::Rayon),
            Some(&"crossbeam_deque") => Some(KnownCrate::Deque),
            _ => None,
        };
        Function {
            operation: call.operation(),
            collects: call.collects(),
            is_own_business: matches!(path[..], ["std", "sync" | "thread", ..]),
            of_crate,
            container: call.container(),
        }
    }
}

/// A function by its last parts.
struct Call<'a> {
    /// The type or module that it belongs to.
    owner: &'a str,
    /// The trait that it implements.
    interface: &'a str,
    method: &'a str,
}

impl<'a> Call<'a> {
    fn parse(function: &'a str) -> Call<'a> {
        let parts = crate::symbolize::path(function);
        let named: Vec<&str> = parts.into_iter().filter(|part| !part.starts_with('{')).collect();
        let (owner, method) = match named[..] {
            [.., owner, method] => (owner, method),
            [method] => ("", method),
            [] => ("", ""),
        };
        let interface = crate::symbolize::interface(function).and_then(|path| path.last().copied()).unwrap_or_default();
        if named.is_empty() || (named.len() == 1 && !interface.is_empty()) {
            // `<[T] as ToOwned>::to_owned`: the type has no path.
            let method = function.rsplit("::").next().unwrap_or_default();
            return Call { owner: "slice", interface, method };
        }
        Call { owner, interface, method }
    }

    fn operation(&self) -> Option<Operation> {
        if self.interface == "SpecToString" && self.owner == "str" {
            return Some(O::TextCopy);
        }
        if self.interface == "ToString" || self.interface == "SpecToString" {
            return Some(O::Display);
        }
        let is = |(owner, methods, _): &&(&str, &[&str], Operation)| {
            (*owner == self.owner || *owner == self.interface) && methods.contains(&self.method)
        };
        CALLS.iter().find(is).map(|(.., operation)| *operation)
    }

    fn collects(&self) -> bool {
        matches!(self.method, "collect" | "from_iter" | "try_collect" | "collect_into" | "unzip" | "partition")
    }

    fn container(&self) -> Option<Container> {
        let is = |(name, _): &&(&str, Container)| *name == self.owner;
        COLLECTED.iter().find(is).map(|(_, container)| *container)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(functions: &[&str]) -> Operation {
        let functions: Vec<Function> = functions.iter().map(|name| Function::new(name)).collect();
        Operation::of(&functions.iter().collect::<Vec<_>>())
    }

    #[test]
    fn the_outermost_call_of_std_decides() {
        for (functions, expected) in [
            (&["alloc::vec::Vec<T,A>::push_mut", "alloc::vec::Vec<T,A>::push"][..], O::Grow(C::Vec)),
            (
                &["<alloc::vec::Vec<u8>>::with_capacity", "<alloc::string::String>::with_capacity"],
                O::Capacity(C::String),
            ),
            (&["<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem", "alloc::vec::from_elem"], O::Filled),
            (
                &[
                    "alloc::vec::Vec<T>::with_capacity",
                    "<alloc::vec::Vec<T> as core::iter::traits::collect::FromIterator<T>>::from_iter",
                    "core::iter::traits::iterator::Iterator::collect",
                ],
                O::Collect(C::Vec),
            ),
            (
                &[
                    "hashbrown::raw::RawTable<T,A>::reserve_rehash",
                    "<std::collections::hash::map::HashMap<K,V,S> as core::iter::traits::collect::FromIterator<(K,V)>>::from_iter",
                    "core::iter::traits::iterator::Iterator::collect",
                ],
                O::Collect(C::HashMap),
            ),
            (
                &["hashbrown::raw::RawTable<T,A>::reserve_rehash", "std::collections::hash::set::HashSet<T,S>::insert"],
                O::Grow(C::HashSet),
            ),
            (
                &[
                    "<str as alloc::borrow::ToOwned>::to_owned",
                    "<alloc::string::String as core::convert::From<&str>>::from",
                    "<str as alloc::string::SpecToString>::spec_to_string",
                    "<T as alloc::string::ToString>::to_string",
                ],
                O::TextCopy,
            ),
            (&["alloc::fmt::format::format_inner", "<T as alloc::string::ToString>::to_string"], O::Display),
            (
                &["<alloc::string::String>::push_str", "core::fmt::write", "core::fmt::Write::write_fmt"],
                O::Grow(C::String),
            ),
            (&["alloc::vec::Vec<T,A>::extend_from_slice", "std::io::Write::write_all"], O::Grow(C::Vec)),
            (
                &["<alloc::string::String>::with_capacity", "alloc::fmt::format::format_inner", "alloc::fmt::format"],
                O::Format,
            ),
            (&["alloc::boxed::Box<T>::new", "alloc::sync::Arc<T>::new"], O::Arc),
            (
                &[
                    "alloc::sync::Arc<T>::new",
                    "std::thread::lifecycle::spawn_unchecked",
                    "std::thread::functions::spawn",
                ],
                O::Thread,
            ),
            (&["alloc::slice::<impl [T]>::to_vec", "<[T] as alloc::borrow::ToOwned>::to_owned"], O::Clone(C::Vec)),
            (&["core::slice::sort::stable::driftsort_main", "alloc::slice::<impl [T]>::sort_by_key"], O::Sort),
            (
                &[
                    "alloc::vec::Vec<T>::with_capacity",
                    "core::iter::traits::iterator::Iterator::collect",
                    "alloc::slice::<impl [T]>::sort_by_cached_key",
                ],
                O::SortKeys,
            ),
            // `(0..n).map(Box::new).collect::<Vec<_>>()`
            (
                &[
                    "alloc::boxed::Box<T>::new",
                    "core::iter::adapters::map::map_fold::{{closure}}",
                    "<alloc::vec::Vec<T> as core::iter::traits::collect::FromIterator<T>>::from_iter",
                    "core::iter::traits::iterator::Iterator::collect",
                ],
                O::Box,
            ),
            // A channel's list of waiting threads.
            (
                &[
                    "alloc::vec::Vec<T,A>::push",
                    "std::sync::mpmc::waker::Waker::register_with_packet",
                    "std::sync::mpmc::list::Channel<T>::recv",
                    "<std::sync::mpsc::Iter<T> as core::iter::traits::iterator::Iterator>::next",
                ],
                O::Other,
            ),
            (&["std::made::up"], O::Other),
            (&[], O::Other),
        ] {
            assert_eq!(of(functions), expected, "{functions:?}");
        }
    }
}
