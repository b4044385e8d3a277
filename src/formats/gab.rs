//! github-action-benchmark's `customSmallerIsBetter`: a list of names, units and values.

use serde_json::{Value, json};

use super::{Format, View, one_of_each};
use crate::results::lines::Run;

pub struct Gab;

impl Format for Gab {
    fn name(&self) -> &'static str {
        "gab"
    }

    fn about(&self) -> &'static str {
        "For github-action-benchmark (customSmallerIsBetter)"
    }

    fn render(&self, run: &Run, view: &View) -> String {
        let mut all = Vec::new();
        for one in one_of_each(&run.finished) {
            let mut add = |unit: &str, value: f64, range: Option<[f64; 2]>| {
                let mut entry = json!({ "name": format!("{} ({unit})", one.name), "unit": unit, "value": value });
                if let Some([low, high]) = range {
                    entry["range"] = format!("± {}", (high - low) / 2.0).into();
                }
                all.push(entry);
            };
            if let Some(ns) = one.time.ns_per_op {
                add("ns/op", ns, one.time.lower.zip(one.time.upper).map(|(low, high)| [low, high]));
            }
            if view.memory {
                add("B/op", one.memory.bytes_per_op, one.memory.bytes_per_op_range);
                add("allocs/op", one.memory.allocs_per_op, one.memory.allocs_per_op_range);
            }
        }
        format!("{:#}\n", Value::Array(all))
    }
}
