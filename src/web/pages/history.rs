//! The history of benchmarks over commits: a page of its own, and a view of the report.

use serde_json::{Value, json};

use super::{Assets, Island, document};
use crate::history::{Commit, History};

/// A self-contained document.
pub fn history(history: &History) -> String {
    let island = Island::json("history-data", &data(history).to_string());
    document("history · cargo memprof", &Assets::Inline, &[island])
}

pub fn data(history: &History) -> Value {
    let commit = |commit: &Commit| json!({ "short": commit.short(), "date": commit.date(), "subject": commit.subject });
    json!({ "commits": history.commits.iter().map(commit).collect::<Vec<_>>(), "series": history.series })
}
