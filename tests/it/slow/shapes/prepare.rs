//! Changes to a copy before it is built.

use std::path::{Path, PathBuf};

use crate::support::{self, Run};

pub const SCCACHE_PORT: &str = "4597";

/// Notes how it was called, and becomes what it was called for.
pub fn wrapper(project: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let beside = project.parent().unwrap();
    let path = beside.join("wrapper");
    let log = beside.join("wrapper.log");
    std::fs::write(&path, format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec \"$@\"\n", log.display())).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn cargo(project: &Path, args: &[&str]) -> String {
    Run::new(support::command("cargo", project).args(args).output().unwrap()).ends_with(0).stdout
}

pub fn git(folder: &Path, args: &[&str]) -> String {
    let identity = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org"];
    Run::new(support::command("git", folder).args(identity).args(args).output().unwrap()).ends_with(0).stdout
}

/// Downloads are taken from the real one.
pub fn cargo_home(project: &Path) {
    let real = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let real = real.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cargo"));
    let home = project.parent().unwrap().join("cargo home");
    std::fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(real.join("registry"), home.join("registry")).unwrap();
}

pub fn vendored(project: &Path) {
    let beside = project.parent().unwrap();
    let vendor = beside.join("vendor");
    let text = cargo(project, &["vendor", "--locked", "--offline", vendor.to_str().unwrap()]);
    append(project, ".cargo/config.toml", &text);
}

/// A copy of criterion's sources beside the project.
pub fn criterion(project: &Path) -> PathBuf {
    let metadata = cargo(project, &["metadata", "--format-version=1", "--locked", "--offline"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let criterion = packages.iter().find(|package| package["name"] == "criterion").unwrap();
    let from = Path::new(criterion["manifest_path"].as_str().unwrap()).parent().unwrap();
    let copy = project.parent().unwrap().join("criterion");
    support::copy_dir(from, &copy);
    copy
}

pub fn by_path(project: &Path) {
    criterion(project);
    append(project, "Cargo.toml", "\n[patch.crates-io]\ncriterion = { path = \"../criterion\" }\n");
    cargo(project, &["metadata", "--format-version=1", "--offline"]);
}

pub fn from_git(project: &Path) {
    let copy = criterion(project);
    git(&copy, &["init", "--quiet"]);
    git(&copy, &["add", "--all"]);
    git(&copy, &["commit", "--quiet", "--message", "all"]);
    let text = format!("\n[patch.crates-io]\ncriterion = {{ git = \"file://{}\" }}\n", copy.display());
    append(project, "Cargo.toml", &text);
    cargo(project, &["metadata", "--format-version=1"]);
}

/// One that runs already would be asked instead of one with the case's own variables.
pub fn sccache(project: &Path) {
    stop_sccache(project);
}

/// Its server outlives the compiler's calls.
pub fn stop_sccache(project: &Path) {
    let mut command = support::command("sccache", project);
    let _ = command.arg("--stop-server").env("SCCACHE_SERVER_PORT", SCCACHE_PORT).output();
}

pub fn append(project: &Path, file: &str, text: &str) {
    let path = project.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, before + text).unwrap();
}
