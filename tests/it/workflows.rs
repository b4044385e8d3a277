//! The workflows of this repository, and the one that `init` prints: YAML, and only what GitHub's schema of a workflow allows.
//!
//! The schema below is the part of https://json.schemastore.org/github-workflow.json that these files use: the keys of a
//! workflow, a job and a step, and which of them exclude or need each other.

use std::path::Path;

use saphyr::{LoadableYamlNode as _, Yaml};

const WORKFLOW: &[&str] = &["name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"];
const JOB: &[&str] = &[
    "name",
    "permissions",
    "needs",
    "if",
    "runs-on",
    "environment",
    "concurrency",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "strategy",
    "continue-on-error",
    "container",
    "services",
];
const STRATEGY: &[&str] = &["matrix", "fail-fast", "max-parallel"];
const STEP: &[&str] = &[
    "id",
    "if",
    "name",
    "uses",
    "run",
    "working-directory",
    "shell",
    "with",
    "env",
    "continue-on-error",
    "timeout-minutes",
];
const PERMISSIONS: &[&str] = &[
    "actions",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "packages",
    "pages",
    "pull-requests",
    "repository-projects",
    "security-events",
    "statuses",
];
const EVENTS: &[&str] = &["push", "pull_request", "workflow_dispatch", "schedule", "release"];
const FILTERS: &[&str] = &["branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore", "types"];

/// The entries of a mapping whose keys have to be among `allowed`.
fn entries<'a>(value: &'a Yaml<'a>, allowed: &[&str], place: &str) -> Vec<(&'a str, &'a Yaml<'a>)> {
    let mapping = value.as_mapping().unwrap_or_else(|| panic!("{place} is no mapping"));
    let entry = |(key, value): (&'a Yaml<'a>, &'a Yaml<'a>)| {
        let key = key.as_str().unwrap_or_else(|| panic!("{place}: a key is no text"));
        assert!(allowed.is_empty() || allowed.contains(&key), "{place}: `{key}` is not in the schema");
        (key, value)
    };
    mapping.iter().map(entry).collect()
}

fn get<'a>(value: &'a Yaml<'a>, key: &str) -> Option<&'a Yaml<'a>> {
    value.as_mapping_get(key)
}

fn permissions(value: Option<&Yaml>, place: &str) {
    for (key, level) in value.map(|value| entries(value, PERMISSIONS, place)).unwrap_or_default() {
        assert!(matches!(level.as_str(), Some("read" | "write" | "none")), "{place}: {key}");
    }
}

fn step(step: &Yaml, place: &str) {
    entries(step, STEP, place);
    match (get(step, "uses").and_then(Yaml::as_str), get(step, "run").and_then(Yaml::as_str)) {
        (Some(uses), None) => {
            let (action, version) = uses.split_once('@').unwrap_or_else(|| panic!("{place}: {uses} names no version"));
            assert!(action.split('/').count() >= 2 && !version.is_empty(), "{place}: {uses}");
            assert!(get(step, "shell").is_none(), "{place}: `shell` belongs to `run`");
        }
        (None, Some(run)) => {
            assert_eq!(run.matches("${{").count(), run.matches("}}").count(), "{place}: {run}");
            assert!(get(step, "with").is_none(), "{place}: `with` belongs to `uses`");
        }
        _ => panic!("{place}: a step has either `uses` or `run`"),
    }
}

fn workflow(text: &str, file: &str) {
    let documents = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let [workflow] = &documents[..] else { panic!("{file}: {} documents", documents.len()) };
    entries(workflow, WORKFLOW, file);
    permissions(get(workflow, "permissions"), file);
    let on = get(workflow, "on").unwrap_or_else(|| panic!("{file}: `on` is missing"));
    for (event, filters) in entries(on, EVENTS, file) {
        if !filters.is_null() {
            entries(filters, FILTERS, &format!("{file}: {event}"));
        }
    }
    let jobs = entries(get(workflow, "jobs").unwrap_or_else(|| panic!("{file}: no jobs")), &[], file);
    assert!(!jobs.is_empty(), "{file}: no jobs");
    for (name, job) in &jobs {
        let place = format!("{file}: {name}");
        entries(job, JOB, &place);
        permissions(get(job, "permissions"), &place);
        assert!(get(job, "runs-on").is_some_and(|value| value.as_str().is_some()), "{place}: `runs-on` is missing");
        if let Some(strategy) = get(job, "strategy") {
            entries(strategy, STRATEGY, &place);
            entries(get(strategy, "matrix").expect("a matrix"), &[], &place);
        }
        if let Some(needed) = get(job, "needs").and_then(Yaml::as_str) {
            assert!(jobs.iter().any(|(other, _)| *other == needed), "{place} needs {needed}, which is no job");
        }
        let steps = get(job, "steps").and_then(Yaml::as_vec).unwrap_or_else(|| panic!("{place}: no steps"));
        steps.iter().enumerate().for_each(|(number, one)| step(one, &format!("{place}, step {}", number + 1)));
    }
}

#[test]
fn workflows_are_yaml_that_the_schema_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = std::fs::read_dir(root.join(".github/workflows")).unwrap().map(|entry| entry.unwrap().path());
    let all: Vec<_> = own.chain([root.join("templates/ci/github.yml")]).collect();
    assert!(all.len() >= 3, "{all:?}");
    for path in all {
        workflow(&std::fs::read_to_string(&path).unwrap(), &path.file_name().unwrap().to_string_lossy());
    }
}

#[test]
fn a_misspelled_key_is_found() {
    let right = "on:\n  push:\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: cargo test\n";
    workflow(right, "right");
    for (from, to) in [
        ("runs-on", "run-on"),
        ("run:", "runs:"),
        ("jobs", "job"),
        ("push", "pushed"),
        ("- run", "- uses: a\n        run"),
    ] {
        let wrong = right.replacen(from, to, 1);
        let found = std::panic::catch_unwind(|| workflow(&wrong, "wrong"));
        assert!(found.is_err(), "{wrong}");
    }
}

#[test]
fn dependabot_watches_packages_and_actions() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/dependabot.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let documents = Yaml::load_from_str(&text).unwrap();
    entries(&documents[0], &["version", "updates"], "dependabot.yml");
    let updates = get(&documents[0], "updates").and_then(Yaml::as_vec).unwrap();
    let watched: Vec<_> = updates.iter().filter_map(|one| get(one, "package-ecosystem")?.as_str()).collect();
    assert_eq!(watched, ["cargo", "github-actions"]);
}
