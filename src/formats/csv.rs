//! Comma-separated values, one measurement a line, numbers in full (RFC 4180).

use super::{Format, View};
use crate::results::lines::Run;

const HEAD: &str = "name,iterations,ns_per_op,lower,upper,counted_iterations,allocs_per_op,bytes_per_op,frees_per_op,\
reallocs_per_op,retained_bytes_per_op,peak_bytes,exact\n";

pub struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "Comma-separated values, one measurement a line"
    }

    fn render(&self, run: &Run, _: &View) -> String {
        let mut text = HEAD.to_owned();
        for one in &run.finished {
            let (time, memory) = (&one.time, &one.memory);
            let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            let fields = [
                field(&one.name),
                time.iterations.to_string(),
                number(time.ns_per_op),
                number(time.lower),
                number(time.upper),
                memory.iterations.to_string(),
                memory.allocs_per_op.to_string(),
                memory.bytes_per_op.to_string(),
                memory.frees_per_op.to_string(),
                memory.reallocs_per_op.to_string(),
                memory.retained_bytes_per_op.to_string(),
                memory.peak_bytes.to_string(),
                memory.exact.to_string(),
            ];
            text.push_str(&fields.join(","));
            text.push('\n');
        }
        text
    }
}

fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
