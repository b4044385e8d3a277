//! The blocks live at the peak, by call site, compared with the dhat crate on the same work.

use std::collections::BTreeMap;

use crate::support::recorded::{Program, build};
use cargo_memprof::records::{Module, Record};
use cargo_memprof::symbolize::Symbolizer;

/// Bytes and blocks by the innermost function of the fixture's own.
type Sites = BTreeMap<String, (u64, u64)>;

fn site(functions: impl Iterator<Item = String>) -> String {
    let ours = |function: &String| function.contains("sites::");
    let function = functions.into_iter().find(ours).unwrap_or_default();
    let name = function.split("sites::").nth(1).unwrap_or_default();
    name.split([':', ' ']).next().unwrap_or_default().to_owned()
}

/// From dhat-heap.json: bytes and blocks at t-gmax, total bytes and blocks.
fn dhat(path: &std::path::Path) -> (Sites, Sites) {
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let frames: Vec<String> = json["ftbl"].as_array().unwrap().iter().map(|f| f.as_str().unwrap().to_owned()).collect();
    let (mut peak, mut total) = (Sites::new(), Sites::new());
    for point in json["pps"].as_array().unwrap() {
        let functions = point["fs"].as_array().unwrap().iter().map(|f| frames[f.as_u64().unwrap() as usize].clone());
        let name = site(functions);
        let number = |key: &str| point[key].as_u64().unwrap();
        for (sites, bytes, blocks) in [(&mut peak, "gb", "gbk"), (&mut total, "tb", "tbk")] {
            let sums = sites.entry(name.clone()).or_default();
            *sums = (sums.0 + number(bytes), sums.1 + number(blocks));
        }
    }
    (peak, total)
}

#[test]
fn the_dhat_crate_agrees_on_every_site() {
    let path = build("release", "peak");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dhat-heap.json");
    assert!(std::process::Command::new(&path).env("FILE", &file).status().unwrap().success());
    let (expected_peak, expected_total) = dhat(&file);

    let run = Program::new(&path).count(1, "stacks 1\npeak 1\n", &|_| true, &[]);
    assert!(run.output.status.success(), "{}", run.stderr());
    let object = |record: &Record| if let Record::Object(module) = record { Some(module.clone()) } else { None };
    let modules: Vec<Module> = run.records.iter().filter_map(object).collect();
    let mut symbolizer = Symbolizer::new(&modules);
    let (mut peak, mut total) = (Sites::new(), Sites::new());
    for record in &run.records {
        let (sites, stacks) = match record {
            Record::Peaks { stacks, .. } => {
                let stacks = stacks.as_ref().unwrap();
                (&mut peak, stacks.iter().map(|(stack, [objects, bytes])| (stack, *bytes, *objects)).collect())
            }
            Record::Stacks { pass: 2, stacks, .. } => {
                let sums = stacks.iter().map(|one| (&one.stack, one.counts.bytes, one.counts.allocs));
                (&mut total, sums.collect::<Vec<_>>())
            }
            _ => continue,
        };
        for (stack, bytes, blocks) in stacks {
            let located = symbolizer.places(stack);
            let functions = located.iter().flat_map(|located| located.frames.iter());
            let sums = sites.entry(site(functions.map(|frame| frame.function.to_string()))).or_default();
            *sums = (sums.0 + bytes, sums.1 + blocks);
        }
    }
    let used = |sites: Sites| -> Sites { sites.into_iter().filter(|(_, sums)| *sums != (0, 0)).collect() };
    assert_eq!(used(total), used(expected_total));
    assert_eq!(used(peak.clone()), used(expected_peak));
    assert!(peak.len() >= 4, "{peak:?}");
    // The number is what was live above the bracket's start, which takes away the older block of 3,000 B; the sites are of what
    // was allocated since, as dhat's are.
    let bytes: u64 = peak.values().map(|(bytes, _)| bytes).sum();
    let highest = run.records.iter().find_map(|record| match record {
        Record::Counted(counted) if counted.pass.is_none() => Some(counted.peak_bytes),
        _ => None,
    });
    assert_eq!(highest, Some(bytes - 3000));
}
