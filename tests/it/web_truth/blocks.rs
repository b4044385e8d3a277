//! The view of a benchmark's blocks: sizes and lives as bars that filter the flame graph, and memory over one operation.

use std::path::PathBuf;

use serde_json::json;

use super::{Made, Row, heap, picture, row, text};
use crate::support::browser::Browser;
use crate::support::{fixture, lock, target_dir, tool};

/// Two operations: per operation four blocks of 8 to 15 bytes and one of 1,024 at `p::a`, a Box of 8 at `p::b`, and three
/// of sizes that are not told apart.
pub fn blocks() -> serde_json::Value {
    json!({
        "followed": 2, "kinds": ["Vec", "Box::new"], "curve": [8, 40, 1064, 1064, 8], "events": 10, "all_lives": true,
        "frames": [["main", "/w/src/main.rs", 1], ["p::a", "/w/src/lib.rs", 7], ["p::b", "/w/src/lib.rs", 9]],
        "stacks": [
            { "frames": [1, 0], "kind": 0, "sizes": [[8, 4], [12, 4], [1024, 2]], "other_calls": 0, "lives": [[0, 4], [2, 1]] },
            { "frames": [2, 0], "kind": 1, "sizes": [[8, 2]], "other_calls": 6, "lives": [[null, 4]] },
        ],
    })
}

#[test]
fn bars_filter_the_flame_graph() {
    let Some(mut browser) = Browser::start() else { return };
    let made = Made::new(&[Row { mem: Some(heap(0x1000, &[(&["main"], 1)])), ..row("g/a", 100.0, 1.0) }], None);
    let at = made.folder.path().join("target/memprof/profiles/g/a/blocks.json");
    std::fs::write(at, blocks().to_string()).unwrap();
    for (width, dark) in [(1280, false), (400, true)] {
        browser.window(width, 900);
        browser.dark(dark);
        made.open(&mut browser, "#p%2Ft%2Fg%2Fa/blocks");
        browser.until("document.querySelectorAll('.bar-row').length === 6 && memprofFlame.boxes > 2");
        assert_eq!(browser.eval(super::looks::BEYOND), json!([]), "at {width}");
        picture(&mut browser, &format!("blocks-{width}"));
    }
    // All calls of an operation; the highest moment is said.
    let whole = |browser: &mut Browser| text(browser, ".blocks .whole");
    assert!(whole(&mut browser).starts_with("9 calls/op over 2 operations"));
    assert!(
        browser
            .eval("document.querySelector('.curve .peak').textContent")
            .as_str()
            .unwrap()
            .starts_with("peak 1,064 B")
    );
    let bars = browser.eval("[...document.querySelectorAll('.bar-row')].map((bar) => [bar.dataset.id, bar.querySelector('.bar-label').textContent, bar.querySelector('.number').textContent])");
    let expected = json!([
        ["s3", "8–15 B", "5"],
        ["s10", "1,024–2,047 B", "1"],
        ["sr", "others", "3"],
        ["l0", "1", "4"],
        ["l2", "4–7", "1"],
        ["lr", "outlives it", "4"]
    ]);
    assert_eq!(bars, expected);
    let shown = "memprofFlame.tree.frame.map((frame, at) => [memprofFlame.model.flame.sources[frame].name, memprofFlame.tree.up[at]]).filter(([name, up]) => name.startsWith('p::') && up).sort()";
    assert_eq!(browser.eval(shown), json!([["p::a", 10], ["p::b", 8]]));
    // One class, two classes, lives instead; bytes.
    browser.click("[data-id=s3]");
    browser.until(
        "document.activeElement.dataset.id === 's3' && document.querySelector('[data-id=s3][aria-pressed=true]')",
    );
    assert_eq!(browser.eval(shown), json!([["p::a", 8], ["p::b", 2]]));
    assert!(whole(&mut browser).starts_with("5 calls/op"));
    browser.click("[data-id=s10]");
    browser.until("location.hash.includes('b=s3%2Cs10')");
    assert_eq!(browser.eval(shown), json!([["p::a", 10], ["p::b", 2]]));
    browser.click(".blocks .segmented button:nth-child(2)");
    browser.until("document.querySelector('.blocks .whole').textContent.startsWith('1,072 B/op')");
    browser.eval("location.reload(); 0");
    browser.until("document.querySelectorAll('.bar-row[aria-pressed=true]').length === 2");
    browser.click("[data-id=lr]");
    browser.until("document.querySelectorAll('.bar-row[aria-pressed=true]').length === 1");
    assert!(whole(&mut browser).starts_with("4 blocks of one operation"));
    assert_eq!(browser.eval(shown), json!([["p::b", 4]]));
    browser.click("#all-blocks");
    browser.until("!document.querySelector('.bar-row[aria-pressed=true]') && !location.hash.includes('b=')");
    browser.is_content("the blocks");
}

/// What `explain` keeps adds up to its own numbers.
#[test]
fn explain_keeps_the_blocks() {
    let _lock = lock();
    let mut command = tool(&fixture("buffer_write"));
    command.args(["explain", "-benchtime=100ms", "--message-format=json", "--target-dir"]).arg(target_dir());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let explained: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(explained.len(), 2);
    for one in explained {
        let id = one["name"].as_str().unwrap();
        let at: PathBuf = target_dir().join("memprof/profiles").join(id).join("blocks.json");
        let blocks: cargo_memprof::explain::Blocks = serde_json::from_slice(&std::fs::read(at).unwrap()).unwrap();
        let sizes = || blocks.stacks.iter().flat_map(|stack| &stack.sizes);
        let followed = blocks.followed as f64;
        assert_eq!(
            sizes().map(|(_, calls)| calls).sum::<u64>() as f64 / followed,
            one["allocs_per_op"].as_f64().unwrap(),
            "{id}"
        );
        let bytes = sizes().map(|(size, calls)| size * calls).sum::<u64>() as f64 / followed;
        assert_eq!(bytes, one["bytes_per_op"].as_f64().unwrap(), "{id}");
        assert!(
            blocks.all_lives && blocks.events > 0 && blocks.curve.iter().max().unwrap() >= &1024,
            "{id}: {blocks:?}"
        );
        assert!(blocks.kinds.iter().all(|kind| kind.to_lowercase().contains("vec")), "{id}: {:?}", blocks.kinds);
    }
}
