//! The rules, as data: the evidence of each, the remedy, and its effect.

use self::Evidence as E;
use super::operation::{Container as C, Operation, Operation as O};

/// The evidence, the remedy, and its effect.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub name: &'static str,
    pub operations: &'static [Operation],
    pub evidence: &'static [Evidence],
    pub advice: &'static str,
    pub change: Change,
}

/// An observable fact about a site and the blocks that begin there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    Grew,
    /// Every block grew, and if there are several in an operation, to one size: one capacity suits them all.
    EachGrew,
    NeverGrew,
    /// Capacity was given back.
    Shrank,
    /// All were freed in the operation, by the thread that allocated them and by code of the operation's own.
    FreedInside,
    /// By the function that made them, too, so that none was given to a caller or to another function for good.
    FreedWhereMade,
    /// Neither line nor statement begins with `self.`, and it is not freed as a part of something else: it is no part of an object, which would have to be kept with it.
    NotAField,
    /// No object of a type of the user's or of another crate has it, which could change it, or be used later.
    NotInObject,
    OneAtATime,
    /// At least this many lived at once.
    LiveAtOnce(u64),
    /// All have the same size.
    OneSize,
    SizeAtMost(u64),
    OncePerOperation,
    SeveralPerOperation,
    AtLeastOncePerOperation,
    /// It can be kept for another time: for the next operation, or in a whole run for the next of several, one after the other.
    Again,
    /// The function's head says `-> Box<dyn Trait>`.
    ReturnsDyn,
    /// No thread is started in the operation, and only one allocates: it can be lent.
    OneThread,
    /// Neither the line nor the function's head speaks of `dyn`.
    NoDyn,
    /// The line has this text.
    SourceSays(&'static str),
    /// The statement can be read, and nothing in it is `mut`: its result is only looked at.
    NotMutable,
}

/// The effect of a remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing is allocated any more.
    Gone,
    /// Each block is allocated once, with its final size.
    FinalSizeOnly,
    /// One block, as large as the largest, replaces all of an operation.
    OneLargest,
    /// All blocks lie in one.
    OneBlock,
}

const BUFFERS: &[O] = &[
    O::Grow(C::Vec),
    O::Grow(C::String),
    O::Grow(C::VecDeque),
    O::Grow(C::BinaryHeap),
    O::Capacity(C::Vec),
    O::Capacity(C::String),
    O::Capacity(C::VecDeque),
    O::Capacity(C::BinaryHeap),
    O::Filled,
];
const TABLES: &[O] = &[O::Grow(C::HashMap), O::Grow(C::HashSet), O::Capacity(C::HashMap), O::Capacity(C::HashSet)];
/// Larger arrays are better not kept on the stack without a second thought.
const SMALL: u64 = 256;
/// A page: a single value may be so large on a thread's stack.
const ON_STACK: u64 = 4096;
/// This many objects that live at once are worth a block of their own.
const MANY: u64 = 16;

/// In the order of their precedence: the first that fits a site gives its remedy; a later one is named, too, if it saves more.
///
/// `{last}`: bytes at the end; `{capacity}`: the argument of with_capacity, if that is known, and the bytes at the end;
/// `{size}`: the one size; `{n}`: how many live at once; `{trait}`: the function's return type.
pub const RULES: &[Rule] = &[
    Rule {
        name: "box-dyn",
        operations: &[O::Box],
        evidence: &[E::FreedInside, E::OneAtATime, E::ReturnsDyn],
        advice: "return `impl {trait}` or an enum instead of Box<dyn {trait}>",
        change: Change::Gone,
    },
    Rule {
        name: "fixed-buffer",
        operations: &[O::Filled, O::Literal, O::Capacity(C::Vec)],
        evidence: &[E::FreedInside, E::FreedWhereMade, E::NeverGrew, E::OneSize, E::SizeAtMost(SMALL), E::OneAtATime],
        advice: "it always has {size} B: an array, if the size is known when compiling (or a small-vector type)",
        change: Change::Gone,
    },
    Rule {
        name: "borrow-text",
        operations: &[O::TextCopy, O::Clone(C::String)],
        evidence: &[E::FreedInside, E::FreedWhereMade, E::NotInObject, E::NeverGrew, E::NotMutable],
        advice: "borrow the text where it is only read: &str instead of String",
        change: Change::Gone,
    },
    Rule {
        name: "borrow-slice",
        operations: &[O::Clone(C::Vec), O::Clone(C::VecDeque), O::Clone(C::HashMap), O::Clone(C::HashSet)],
        evidence: &[E::FreedInside, E::FreedWhereMade, E::NotInObject, E::NeverGrew, E::NotMutable],
        advice: "borrow it where it is only read; iter().cloned() where its items are taken one by one",
        change: Change::Gone,
    },
    Rule {
        name: "format-temporary",
        operations: &[O::Format, O::Display],
        evidence: &[E::FreedInside, E::FreedWhereMade, E::OneAtATime],
        advice: "write!() into a String that is kept and cleared",
        change: Change::Gone,
    },
    Rule {
        name: "format-grew",
        operations: &[O::Format],
        evidence: &[E::EachGrew],
        advice: "the text is longer than format!() expects: write!() into String::with_capacity({last})",
        change: Change::FinalSizeOnly,
    },
    Rule {
        name: "collect-without-hint",
        operations: &[O::Collect(C::Vec), O::Collect(C::String), O::Collect(C::VecDeque)],
        evidence: &[E::EachGrew],
        advice: "the iterator does not say how much it gives: with_capacity ({last} B at the end), then extend",
        change: Change::FinalSizeOnly,
    },
    Rule {
        name: "collect-temporary",
        operations: &[O::Collect(C::Vec)],
        evidence: &[E::FreedInside, E::FreedWhereMade, E::NotInObject, E::OneAtATime, E::NotMutable],
        advice: "use the iterator itself where each item is looked at once",
        change: Change::Gone,
    },
    Rule {
        name: "small-capacity",
        operations: &[
            O::Capacity(C::Vec),
            O::Capacity(C::String),
            O::Capacity(C::VecDeque),
            O::Capacity(C::BinaryHeap),
            O::Capacity(C::HashMap),
            O::Capacity(C::HashSet),
        ],
        evidence: &[E::EachGrew],
        advice: "the capacity does not suffice: it grew to {last} B",
        change: Change::FinalSizeOnly,
    },
    Rule {
        name: "grow-vec",
        operations: &[O::Grow(C::Vec), O::Grow(C::BinaryHeap)],
        evidence: &[E::EachGrew],
        advice: "give it its capacity when it is made: with_capacity{capacity}",
        change: Change::FinalSizeOnly,
    },
    Rule {
        name: "grow-string",
        operations: &[O::Grow(C::String), O::TextCopy, O::Display],
        evidence: &[E::EachGrew],
        advice: "give it its capacity when it is made: String::with_capacity({last})",
        change: Change::FinalSizeOnly,
    },
    Rule {
        name: "grow-deque",
        operations: &[O::Grow(C::VecDeque)],
        evidence: &[E::EachGrew],
        advice: "give it its capacity when it is made: VecDeque::with_capacity{capacity}",
        change: Change::FinalSizeOnly,
    },
    Rule {
        name: "grow-map",
        operations: &[O::Grow(C::HashMap), O::Grow(C::HashSet), O::Collect(C::HashMap), O::Collect(C::HashSet)],
        evidence: &[E::EachGrew],
        advice: "give it its capacity when it is made: with_capacity(number of entries)",
        change: Change::FinalSizeOnly,
    },
    Rule {
        name: "shrunk",
        operations: &[O::Capacity(C::Vec), O::Capacity(C::String), O::Grow(C::Vec), O::Grow(C::String)],
        evidence: &[E::Shrank, E::NeverGrew],
        advice: "capacity is given back in the end: make it with {last} B at once",
        change: Change::FinalSizeOnly,
    },
    Rule {
        name: "hoist-buffer",
        operations: BUFFERS,
        evidence: &[E::FreedInside, E::FreedWhereMade, E::NotAField, E::OneAtATime, E::SeveralPerOperation],
        advice: "make one before the loop ({last} B) and clear() it in each turn",
        change: Change::OneLargest,
    },
    Rule {
        name: "reuse-buffer",
        operations: BUFFERS,
        evidence: &[E::FreedInside, E::FreedWhereMade, E::NotAField, E::OneAtATime, E::OncePerOperation],
        advice: "keep it from one operation to the next and clear() it",
        change: Change::Gone,
    },
    Rule {
        name: "reuse-table",
        operations: TABLES,
        evidence: &[E::FreedInside, E::FreedWhereMade, E::NotAField, E::OneAtATime, E::OncePerOperation],
        advice: "keep it from one operation to the next and clear() it",
        change: Change::Gone,
    },
    Rule {
        name: "many-boxes",
        operations: &[O::Box, O::Rc, O::Arc],
        evidence: &[E::OneSize, E::LiveAtOnce(MANY)],
        advice: "{n} objects of {size} B live at once: keep them in one Vec or an arena",
        change: Change::OneBlock,
    },
    Rule {
        name: "box-temporary",
        operations: &[O::Box],
        evidence: &[
            E::FreedInside,
            E::FreedWhereMade,
            E::OneAtATime,
            E::OncePerOperation,
            E::SourceSays("= Box::new("),
            E::NoDyn,
            E::SizeAtMost(ON_STACK),
        ],
        advice: "hold the value itself: it does not outlive the operation",
        change: Change::Gone,
    },
    Rule {
        name: "shared-temporary",
        operations: &[O::Rc, O::Arc],
        evidence: &[
            E::FreedInside,
            E::FreedWhereMade,
            E::OneAtATime,
            E::OncePerOperation,
            E::NoDyn,
            E::OneThread,
            E::SizeAtMost(ON_STACK),
        ],
        advice: "nobody holds it when the operation ends: own the value, and lend references",
        change: Change::Gone,
    },
    Rule {
        name: "sort-scratch",
        operations: &[O::Sort],
        evidence: &[E::FreedInside],
        advice: "sort_unstable, if equal elements may change places",
        change: Change::Gone,
    },
    Rule {
        name: "thread-per-operation",
        operations: &[O::Thread],
        evidence: &[E::AtLeastOncePerOperation, E::Again],
        advice: "keep threads (a pool) from one operation to the next, and send them work",
        change: Change::Gone,
    },
    Rule {
        name: "channel-per-operation",
        operations: &[O::Channel],
        evidence: &[E::FreedInside, E::AtLeastOncePerOperation, E::Again],
        advice: "keep the channel from one operation to the next",
        change: Change::Gone,
    },
    Rule {
        name: "buffered-io",
        operations: &[O::BufferedIo],
        evidence: &[E::FreedInside, E::FreedWhereMade, E::OneAtATime, E::Again],
        advice: "keep the reader or writer, or read what is in memory without one",
        change: Change::Gone,
    },
];
