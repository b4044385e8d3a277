//! Shares the texts of all benchmarks of a report: the same functions and lines occur in nearly every benchmark.

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

/// A table of distinct texts, of lists of texts, and of objects without numbers, such as the frames of flame graphs.
/// `Shared` in templates/web/shared.js is its reader.
#[derive(Default)]
pub struct Shared {
    numbers: FxHashMap<String, usize>,
    values: Vec<Value>,
}

impl Shared {
    /// Replaces every such part by a text that holds its hexadecimal place in the table. The parts of parts are
    /// replaced, too.
    pub fn take(&mut self, value: Value) -> Value {
        let is_shared = match &value {
            Value::String(_) => true,
            Value::Array(items) => !items.is_empty() && items.iter().all(Value::is_string),
            Value::Object(members) => members.values().all(is_worded),
            _ => false,
        };
        let inner = match value {
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.take(item)).collect()),
            Value::Object(members) => {
                let taken = |(name, member)| {
                    let member = if name == "parents" { steps(member) } else { self.take(member) };
                    (name, member)
                };
                Value::Object(members.into_iter().map(taken).collect::<Map<_, _>>())
            }
            other => other,
        };
        if is_shared { Value::String(format!("{:x}", self.number(inner))) } else { inner }
    }

    fn number(&mut self, value: Value) -> usize {
        *self.numbers.entry(value.to_string()).or_insert_with(|| {
            self.values.push(value);
            self.values.len() - 1
        })
    }

    pub fn into_table(self) -> Value {
        Value::Array(self.values)
    }
}

/// How far each node of a flame graph is from its parent: mostly 1, which compresses well.
fn steps(parents: Value) -> Value {
    let Value::Array(parents) = parents else { return parents };
    let step = |(at, parent): (usize, Value)| json!(at as u64 - parent.as_u64().unwrap_or_default().min(at as u64));
    Value::Array(parents.into_iter().enumerate().map(step).collect())
}

/// Whether it contains no number, so that it is likely to occur again.
fn is_worded(value: &Value) -> bool {
    match value {
        Value::Number(_) | Value::Object(_) => false,
        Value::Array(items) => items.iter().all(Value::is_string),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_are_kept_once() {
        let mut shared = Shared::default();
        let frame = json!({ "name": "f", "file": "a.rs", "display": ["f"], "inlined": false, "origin": null });
        let taken = shared.take(json!({ "sources": [frame, frame], "parents": [0, 0, 1, 0], "kind": "f" }));
        assert_eq!(taken, json!({ "sources": ["3", "3"], "parents": [0, 1, 1, 3], "kind": "0" }));
        assert_eq!(shared.take(frame), "3");
        // A text stands for itself in the table, and for a place within another entry.
        let entry = json!({ "name": "0", "file": "2", "display": "1", "inlined": false, "origin": null });
        assert_eq!(shared.into_table(), json!(["f", ["0"], "a.rs", entry]));
    }
}
