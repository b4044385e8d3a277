//! `--dhat`: the dhat crate's own file of each benchmark, whose totals are ours.

use crate::support;
use serde::Deserialize;

/// The part of dhat-heap.json that is compared.
#[derive(Debug, Deserialize)]
struct Heap {
    #[serde(rename = "dhatFileVersion")]
    version: u32,
    /// Program points.
    pps: Vec<Point>,
}

#[derive(Debug, Deserialize)]
struct Point {
    /// Total bytes, total blocks.
    tb: u64,
    tbk: u64,
    /// Indices of frames.
    fs: Vec<usize>,
}

#[test]
fn its_totals_are_ours() {
    if !support::test_slow() {
        eprintln!("SKIPPED: --dhat; set MEMPROF_TEST_SLOW to test it");
        return;
    }
    // Benchmarks with one bracket and no threads; fixtures/oracle tests which of the crates is exact to the block.
    let args = ["--locked", "-json", "-benchtime=20ms", "--dhat", "plain/", "sized/", "batched/small_input$"];
    let run = support::memprof(&support::fixture("exact").join("criterion-0.5"), &args).ends_with(0);
    let finished = run.finished();
    let mut compared = 0;
    for (id, one) in &finished {
        let text = std::fs::read_to_string(one.profiles.dhat.as_ref().expect(id)).unwrap();
        let heap: Heap = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{id}: {e}"));
        assert_eq!(heap.version, 2);
        if id.starts_with("batched") {
            continue;
        }
        let n = one.memory.iterations as f64;
        let (blocks, bytes) = heap.pps.iter().fold((0, 0), |sum, point| (sum.0 + point.tbk, sum.1 + point.tb));
        assert_eq!(blocks as f64 / n, one.memory.allocs_per_op, "{id}");
        assert_eq!(bytes as f64 / n, one.memory.bytes_per_op, "{id}");
        assert!(heap.pps.iter().all(|point| !point.fs.is_empty()), "{id}");
        compared += 1;
    }
    assert!(compared >= 14, "{compared}");
}
