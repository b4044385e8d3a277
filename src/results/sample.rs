//! A result for tests.

use super::lines::{Finished, Memory, Profiles, Time};

/// A result with these counts.
pub fn finished(name: &str, allocs: f64, bytes: f64, exact: bool) -> Finished {
    let mut parts = name.splitn(3, '/').map(str::to_owned);
    Finished {
        name: name.to_owned(),
        package: parts.next().unwrap_or_default(),
        target: parts.next().unwrap_or_default(),
        id: parts.next().unwrap_or_default(),
        harness: "criterion 0.5.1".to_owned(),
        group: String::new(),
        parameter: None,
        position: None,
        time: Time {
            ns_per_op: Some(100.0 * allocs),
            lower: None,
            upper: None,
            iterations: 10,
            samples: Vec::new(),
            tracker: None,
            custom: false,
            interrupted: 0,
            stolen_ms: 0,
        },
        vs: None,
        memory: Memory {
            iterations: 1000,
            allocs_per_op: allocs,
            bytes_per_op: bytes,
            frees_per_op: 0.0,
            reallocs_per_op: 0.0,
            grown_bytes_per_op: 0.0,
            retained_bytes_per_op: 0.0,
            peak_bytes: 7,
            recording: None,
            exact,
            allocs_per_op_range: None,
            bytes_per_op_range: None,
        },
        throughput: None,
        whole_process: false,
        profiles: Profiles::default(),
        program: None,
    }
}
