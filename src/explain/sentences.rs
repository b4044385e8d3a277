//! The events of a site, in a sentence.

use super::case::Case;
use super::operation::Operation;
use crate::explain::frames::View;
use crate::results::notation::{grouped, per_op};

/// `Vec grew 7 times, 8 → 1,024 B; freed in the same operation`.
///
/// `beginnings`: the other places at which the containers that grow here began.
pub(super) fn of(case: &Case, view: &View, beginnings: &[String]) -> String {
    let (life, growth) = (&case.group().life, case.group().growth());
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
        let begun = match beginnings {
            _ if life.of_older == life.grown + life.shrunk => " of what is older than the operation".to_owned(),
            _ if life.of_older > 0 => String::new(),
            [] => " of what began at another line".to_owned(),
            beginnings => format!(" of what began at {}", places(beginnings)),
        };
        parts.push(format!("{} growth{}{begun}", each(life.grown), if life.grown as f64 > n { "s" } else { "" }));
    } else if growth.blocks == 0 && !beginnings.is_empty() {
        parts.push(format!("takes the place of what began at {}", places(beginnings)));
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

/// `src/a.rs:7, src/b.rs:9 and 2 other lines`.
fn places(places: &[String]) -> String {
    const NAMED: usize = 2;
    let named = places[..places.len().min(NAMED)].join(", ");
    match places.len().saturating_sub(NAMED) {
        0 => named,
        1 => format!("{named} and another line"),
        more => format!("{named} and {more} other lines"),
    }
}

fn least(sizes: impl Iterator<Item = u64>) -> Option<u64> {
    sizes.min()
}

/// `once`, `7 times`.
fn times(n: f64) -> String {
    if n == 1.0 { "once".to_owned() } else { format!("{} times", per_op(n)) }
}

/// The fate of the blocks that began here.
fn fate(case: &Case, view: &View) -> Option<String> {
    let (life, group) = (&case.group().life, case.group());
    let begun = life.freed + life.freed_elsewhere + life.kept;
    if begun == 0 {
        return None;
    }
    let each = |count: u64| count as f64 / case.followed.max(1) as f64;
    let (freed, given) = (each(life.freed), given_to_harness(case));
    let elsewhere = match view.freed_in(group) {
        Some(function) => format!("freed by another thread, in {function}"),
        None => "freed by another thread".to_owned(),
    };
    let (freed_inside, kept, kept_some) = match case.run {
        true => ("freed by the thread that allocated it", "never freed", "never freed"),
        false => ("freed in the same operation", "lives on after the operation", "live on"),
    };
    // Facts about all blocks, and about some.
    let fates = [
        (given, "given to the harness, which drops it", "given to the harness"),
        (freed - given, freed_inside, freed_inside),
        (each(life.freed_elsewhere), &elsewhere, "freed by another thread"),
        (each(life.kept), kept, kept_some),
    ];
    let fates: Vec<(f64, &str, &str)> = fates.into_iter().filter(|(blocks, ..)| *blocks > 0.0).collect();
    Some(match fates[..] {
        [(_, all, _)] => all.to_owned(),
        _ => {
            // For the followed operations, which may differ from the counted ones.
            let about = if group.steady { "" } else { "about " };
            let parts = fates.iter().map(|(blocks, _, some)| format!("{about}{} {some}", per_op(*blocks)));
            parts.collect::<Vec<_>>().join(", ")
        }
    })
}

/// Blocks an operation that the harness drops, with the operation's result. Of a table's blocks only the last can be in
/// the result; its predecessors are freed as it grows, and count as part of it.
fn given_to_harness(case: &Case) -> f64 {
    let (life, group) = (&case.group().life, case.group());
    if group.dropped_by_harness == 0 {
        return 0.0;
    }
    let freed = life.freed as f64 / case.followed.max(1) as f64;
    let tables = case.group().growth().blocks as f64 / case.followed.max(1) as f64;
    let last = if group.key.operation.is_table() { tables.max(1.0) } else { group.freed_somewhere as f64 };
    (freed * group.dropped_by_harness as f64 / last).min(freed)
}

fn what(case: &Case, view: &View) -> String {
    let operation = match case.group().key.operation {
        Operation::Joined => format!("new text or vector ({})", view.called(case.group())),
        Operation::Box => match case.returned_trait() {
            Some(object) => format!("Box<dyn {object}>"),
            None => Operation::Box.title(),
        },
        Operation::Other => match view.called(case.group()) {
            called if called.is_empty() => Operation::Other.title(),
            called => called,
        },
        operation => operation.title(),
    };
    match &case.group().key.via {
        Some(via) => format!("in {via}: {operation}"),
        None => operation,
    }
}
