//! Bencher Metric Format: name → measure → value, with the range if there is one.

use serde_json::{Map, Value, json};

use super::{Format, View, one_of_each};
use crate::results::lines::Run;

pub struct Bmf;

impl Format for Bmf {
    fn name(&self) -> &'static str {
        "bmf"
    }

    fn about(&self) -> &'static str {
        "Bencher Metric Format"
    }

    fn render(&self, run: &Run, view: &View) -> String {
        let mut all = Map::new();
        for one in one_of_each(&run.finished) {
            let mut measures = Map::new();
            if let Some(ns) = one.time.ns_per_op {
                let range = one.time.lower.zip(one.time.upper).map(|(lower, upper)| [lower, upper]);
                measures.insert("latency".to_owned(), measure(ns, range));
            }
            if view.memory {
                let memory = &one.memory;
                let allocs = measure(memory.allocs_per_op, memory.allocs_per_op_range);
                let bytes = measure(memory.bytes_per_op, memory.bytes_per_op_range);
                measures.insert("allocations".to_owned(), allocs);
                measures.insert("allocated-bytes".to_owned(), bytes);
                measures.insert("peak-bytes".to_owned(), measure(memory.peak_bytes as f64, None));
            }
            all.insert(one.name.clone(), Value::Object(measures));
        }
        format!("{:#}\n", Value::Object(all))
    }
}

fn measure(value: f64, range: Option<[f64; 2]>) -> Value {
    match range {
        Some([lower, upper]) => json!({ "value": value, "lower_value": lower, "upper_value": upper }),
        None => json!({ "value": value }),
    }
}
