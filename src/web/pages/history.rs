//! The history of benchmarks over commits: a page of its own, and a view of the report.

use serde_json::{Value, json};

use super::{Assets, Island, document};
use crate::history::{Commit, History};

pub const TITLE: &str = "history · cargo memprof";
/// By which the script knows the page.
pub const ISLAND: &str = "history-data";

/// A self-contained document.
pub fn page(history: &History) -> String {
    document(TITLE, &Assets::Inline, &[Island::json(ISLAND, &data(history).to_string())])
}

pub fn data(history: &History) -> Value {
    let commit = |commit: &Commit| json!({ "short": commit.short(), "date": commit.date(), "subject": commit.subject });
    json!({ "commits": history.commits.iter().map(commit).collect::<Vec<_>>(), "series": history.series })
}
