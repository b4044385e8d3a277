//! What happened at a site, in a sentence.

use super::operation::{Container, Operation};
use super::rules::Case;
use super::sites::View;
use crate::export::number::{grouped, per_op};

/// `Vec grew 7 times, 8 → 1,024 B; freed in the same operation`.
pub(super) fn of(case: &Case, view: &View) -> String {
    let (life, growth) = (&case.group.life, case.group.growth());
    let n = case.followed.max(1) as f64;
    let each = |count: u64| per_op(count as f64 / n);
    let mut parts = vec![what(case, view)];
    if case.whole && life.fresh + life.zeroed > 0 && growth.steps > 0 {
        let (from, to) = (least(life.sizes.iter().map(|(size, _)| *size)), growth.most_last);
        let sizes = from.map_or_else(String::new, |from| {
            format!(", {} → {} B", grouped(&from.to_string()), grouped(&to.to_string()))
        });
        parts.push(format!("grew {}{sizes}", times(growth.steps as f64 / n)));
    } else if life.grown > 0 {
        let older = if life.of_older == life.grown + life.shrunk { " of what is older than the operation" } else { "" };
        let begun = if life.of_older == 0 { " of what began at another line" } else { older };
        parts.push(format!("{} growth{}{begun}", each(life.grown), if life.grown as f64 > n { "s" } else { "" }));
    }
    if let [(size, _)] = life.sizes[..]
        && life.other_sizes == 0
        && growth.steps == 0
    {
        parts.push(format!("always {} B", grouped(&size.to_string())));
    }
    parts.extend(fate(case, view));
    if life.threads.len() > 1 {
        parts.push(format!("on {} threads", life.threads.len()));
    }
    parts.join("; ")
}

fn least(sizes: impl Iterator<Item = u64>) -> Option<u64> {
    sizes.min()
}

/// `once`, `7 times`.
fn times(n: f64) -> String {
    if n == 1.0 { "once".to_owned() } else { format!("{} times", per_op(n)) }
}

/// What became of the blocks that began here.
fn fate(case: &Case, view: &View) -> Option<String> {
    let (life, group) = (&case.group.life, case.group);
    let begun = life.freed + life.freed_elsewhere + life.kept;
    if begun == 0 {
        return None;
    }
    let all = |part: u64| part == begun;
    // A table's forerunners are freed as it grows.
    let dropped = if group.key.operation.is_table() { 1 } else { group.freed_somewhere };
    Some(if all(life.freed) && group.freed_somewhere > 0 && group.dropped_by_harness >= dropped {
        "given to the harness, which drops it".to_owned()
    } else if all(life.freed) {
        "freed in the same operation".to_owned()
    } else if all(life.freed_elsewhere) {
        match view.freed_in(case.group) {
            Some(function) => format!("freed by another thread, in {function}"),
            None => "freed by another thread".to_owned(),
        }
    } else if all(life.kept) {
        "lives on after the operation".to_owned()
    } else {
        let part = |count: u64, fate: &str| {
            (count > 0).then(|| format!("{} {fate}", per_op(count as f64 / case.followed as f64)))
        };
        let parts = [
            part(life.freed, "freed in the same operation"),
            part(life.freed_elsewhere, "freed by another thread"),
            part(life.kept, "live on"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    })
}

fn what(case: &Case, view: &View) -> String {
    let operation = match case.group.key.operation {
        Operation::Grow(container) => name(container).to_owned(),
        Operation::Capacity(container) => format!("{}::with_capacity", name(container)),
        Operation::Filled => "vec![x; n]".to_owned(),
        Operation::Literal => "vec![…]".to_owned(),
        Operation::Collect(container) => format!("collect into {}", name(container)),
        Operation::Clone(container) => format!("clone of {}", name(container)),
        Operation::TextCopy => "String from a &str".to_owned(),
        Operation::Format => "String from format!".to_owned(),
        Operation::Display => "String from to_string".to_owned(),
        Operation::Joined => format!("new text or vector ({})", view.called(case.group)),
        Operation::Shrunk => "capacity given back".to_owned(),
        Operation::Box => "Box::new".to_owned(),
        Operation::Rc => "Rc::new".to_owned(),
        Operation::Arc => "Arc::new".to_owned(),
        Operation::Sort => "a stable sort's scratch".to_owned(),
        Operation::SortKeys => "keys of sort_by_cached_key".to_owned(),
        Operation::Thread => "a thread was spawned".to_owned(),
        Operation::Channel => "a channel was made".to_owned(),
        Operation::Send => "a channel's queue took a message".to_owned(),
        Operation::BufferedIo => "a buffered reader or writer was made".to_owned(),
        Operation::Read => "a file or stream was read".to_owned(),
        Operation::CString => "a C string was made".to_owned(),
        Operation::Other => match view.called(case.group) {
            called if called.is_empty() => "an allocation".to_owned(),
            called => called,
        },
    };
    match &case.group.key.via {
        Some(via) => format!("in {via}: {operation}"),
        None => operation,
    }
}

fn name(container: Container) -> &'static str {
    match container {
        Container::Vec => "Vec",
        Container::String => "String",
        Container::VecDeque => "VecDeque",
        Container::BinaryHeap => "BinaryHeap",
        Container::HashMap => "HashMap",
        Container::HashSet => "HashSet",
        Container::BTreeMap => "BTreeMap node",
        Container::Path => "path",
    }
}
