//! `explain` on code that each rule speaks of, on the same with the remedy applied, and on code that it must not speak of.

use crate::support;
use std::collections::BTreeMap;

use cargo_memprof::explain::{Explanation, Operation, RULES, Remedy};
use serde_json::Value;

/// The explanations that `args` lead to on a fixture, by the benchmark's id.
fn explained(fixture: &str, args: &[&str]) -> BTreeMap<String, Explanation> {
    let folder = support::fixture(fixture);
    let args: Vec<&str> =
        ["--locked", "--message-format=json", "-benchtime=100ms"].iter().chain(args).copied().collect();
    let run = support::memprof_command(&folder, "explain", &args).ends_with(0);
    let lines = run.stdout.lines().map(|line| {
        let value: Value = serde_json::from_str(line).expect(line);
        assert_eq!(value["reason"], "explain", "{line}");
        let explanation: Explanation = serde_json::from_value(value).expect(line);
        let id = explanation.name.splitn(3, '/').nth(2).unwrap().to_owned();
        (id, explanation)
    });
    lines.collect()
}

fn remedies(explanation: &Explanation) -> impl Iterator<Item = &Remedy> {
    explanation.sites.iter().flat_map(|site| &site.remedies)
}

/// The remedy of `rule` on this benchmark.
#[track_caller]
fn remedy<'a>(explanation: &'a Explanation, rule: &str) -> &'a Remedy {
    let found = remedies(explanation).find(|remedy| remedy.rule == rule);
    found.unwrap_or_else(|| panic!("{rule} does not speak of {explanation:#?}"))
}

/// Fails unless the remedy's effect is exactly what lies between the two.
#[track_caller]
fn predicts(remedy: &Remedy, before: &Explanation, after: &Explanation) {
    let measured = (after.allocs_per_op - before.allocs_per_op, after.bytes_per_op - before.bytes_per_op);
    assert_eq!((remedy.effect.allocs_per_op, remedy.effect.bytes_per_op), measured, "{remedy:?}");
    assert!(remedy.effect.exact, "{remedy:?}");
}

/// Groups of the fixture whose name is not the rule's.
const GROUPS: [(&str, &str); 4] = [
    ("thread-per-operation", "thread-per-op"),
    ("channel-per-operation", "channel-per-op"),
    ("buffered-io", "buffered-reader"),
    ("reuse-table", "reuse-table"),
];

#[test]
fn every_rule_speaks_where_it_should_and_its_effect_is_what_is_measured() {
    let all = explained("explain", &[]);
    let mut spoke = 0;
    for rule in RULES {
        let group = GROUPS.iter().find(|(name, _)| *name == rule.name).map_or(rule.name, |(_, group)| group);
        let of = |variant: &str| {
            let id = format!("{group}/{variant}");
            all.get(&id).unwrap_or_else(|| panic!("the fixture has no {id}"))
        };
        predicts(remedy(of("triggers"), rule.name), of("triggers"), of("remedied"));
        for silent in ["quiet", "remedied"] {
            let wrong = remedies(of(silent)).find(|remedy| remedy.rule == rule.name);
            assert!(wrong.is_none(), "{group}/{silent}: {wrong:?}");
        }
        spoke += 1;
    }
    assert!(spoke >= 15, "{spoke} rules");
    for (name, expected) in [
        ("map-before-text", &["reuse-table"][..]),
        ("sorted-copy", &[]),
        ("upper-case", &[]),
        ("sorted-items", &[]),
        ("cached-keys", &[]),
        ("large-box", &[]),
    ] {
        let explanation = &all[&format!("quiet/{name}")];
        let spoke: Vec<&str> = remedies(explanation).map(|remedy| remedy.rule.as_str()).collect();
        assert_eq!(spoke, expected, "{explanation:#?}");
        assert!(!explanation.sites.is_empty(), "{name}");
    }
}

/// Under divan each thread runs iterations of its own.
#[test]
fn an_operation_on_several_threads_is_one() {
    let all = explained("harnesses/divan", &["threads"]);
    let (name, explanation) = all.iter().find(|(id, _)| id.contains("t=4")).unwrap_or_else(|| panic!("{all:?}"));
    for site in &explanation.sites {
        let calls = site.fresh + site.zeroed + site.grown + site.shrunk;
        assert_eq!(calls, site.allocs_per_op, "{name}: {site:#?}");
        for remedy in &site.remedies {
            assert!(-remedy.effect.allocs_per_op <= explanation.allocs_per_op, "{name}: {remedy:#?}");
        }
    }
    assert!(!explanation.sites.is_empty(), "{explanation:#?}");
}

#[test]
fn the_unpooled_buffer_grows_and_a_pool_saves_what_is_predicted() {
    let all = explained("buffer_write", &[]);
    let (unpooled, pooled) = (&all["buffer_write/unpooled"], &all["buffer_write/pooled"]);
    let buffer = &unpooled.sites[0];
    assert_eq!((buffer.allocs_per_op, buffer.bytes_per_op), (8.0, 2040.0));
    assert!(
        buffer.words.starts_with("Vec; grew 7 times, 8 → 1,024 B; freed in the same operation"),
        "{}",
        buffer.words
    );
    assert_eq!(buffer.source.as_deref(), Some("buffer.push(byte);"));
    assert!(buffer.file.ends_with("fixtures/buffer_write/src/lib.rs"), "{}", buffer.file);
    predicts(remedy(unpooled, "reuse-buffer"), unpooled, pooled);
    let capacity = remedy(unpooled, "grow-vec");
    assert_eq!((capacity.effect.allocs_per_op, capacity.effect.bytes_per_op), (-7.0, -1016.0));
}

#[test]
fn the_boxed_reader_and_the_window_of_unknown_size_are_named() {
    let all = explained("stream_replace", &[]);
    let of = |variant: &str| &all[&format!("stream_replace/{variant}")];
    predicts(remedy(of("boxed"), "box-dyn"), of("boxed"), of("sized"));
    assert!(remedy(of("boxed"), "box-dyn").advice.contains("Box<dyn Read>"));
    predicts(remedy(of("sized"), "fixed-buffer"), of("sized"), of("stack"));
    assert!(of("stack").sites.is_empty());
}

#[test]
fn the_map_s_resizes_are_counted_and_both_ways_out_are_predicted() {
    let all = explained("maps", &[]);
    let of = |variant: &str| &all[&format!("maps/{variant}")];
    let site = &of("fresh").sites[0];
    assert_eq!(site.operation, Operation::Grow(cargo_memprof::explain::Container::HashMap));
    // Behind its entries a table has as many bytes as are looked at at once.
    let grown = match support::is_aarch64() {
        true => "76 → 34,824 B",
        false => "84 → 34,832 B",
    };
    assert!(site.words.starts_with(&format!("HashMap; grew 9 times, {grown}")), "{}", site.words);
    predicts(remedy(of("fresh"), "grow-map"), of("fresh"), of("prealloc"));
    predicts(remedy(of("fresh"), "reuse-table"), of("fresh"), of("pooled"));
}
