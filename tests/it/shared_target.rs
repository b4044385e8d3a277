//! Two workspaces share one target directory, and a build script that runs at every call of cargo.

use std::path::Path;

use crate::support::{self, Run};

/// A package with one bench that has no harness, and allocates `bytes` in each run.
fn package(root: &Path, name: &str, build: Option<&str>) {
    std::fs::create_dir_all(root.join("benches")).unwrap();
    std::fs::create_dir_all(root.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[[bench]]\nname = \"m\"\nharness = false\n\
         [workspace]\n"
    );
    std::fs::write(root.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(root.join("src/lib.rs"), "").unwrap();
    std::fs::write(root.join("benches/m.rs"), "fn main() { drop(std::hint::black_box(vec![0u8; 4096])); }\n").unwrap();
    if let Some(build) = build {
        std::fs::write(root.join("build.rs"), build).unwrap();
    }
}

/// The tool in `folder`, with everything in `target`.
fn tool(folder: &Path, target: &Path, words: &str) -> Run {
    let mut command = support::tool(folder);
    command.env("CARGO_TARGET_DIR", target).args(words.split(' '));
    Run::new(command.output().unwrap())
}

#[test]
fn each_workspace_knows_its_own_results() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b, target) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("target"));
    package(&a, "proj-a", None);
    package(&b, "proj-b", None);
    for root in [&a, &b] {
        tool(root, &target, "-benchtime=2x --no-profiles --save-baseline main").ends_with(0);
    }
    for (words, code) in [("report --text", 2), ("pprof -top m/main", 2), ("check --accept --last-run", 104)] {
        let run = tool(&a, &target, words).ends_with(code);
        let named = format!("it is of another workspace: {}", b.canonicalize().unwrap().display());
        assert!(run.stderr.contains(&named), "{words}: {}", run.stderr);
    }
    assert!(!a.join("memprof-baseline.toml").exists());
    tool(&b, &target, "report --text").ends_with(0);
    for (root, name) in [(&a, "proj-a/m/main"), (&b, "proj-b/m/main")] {
        let run = tool(root, &target, "-benchtime=2x --no-profiles -json --baseline main").ends_with(0);
        assert!(run.stdout.contains(name), "{}", run.stdout);
    }
}

#[test]
fn a_build_script_may_run_every_time() {
    let always = "fn main() { println!(\"cargo:rerun-if-changed=no-such-file\"); }\n";
    // Without a `rerun-if` line it runs again when a file of the package changes, as this one does.
    let touches =
        "fn main() { std::fs::write(\"counter\", format!(\"{:?}\", std::time::SystemTime::now())).unwrap(); }\n";
    let generates = "fn main() {\n    println!(\"cargo:rerun-if-changed=.git/HEAD\");\n    let out = std::env::var(\"OUT_DIR\").unwrap();\n\
                     \x20   std::fs::write(out + \"/now.rs\", format!(\"// {:?}\", std::time::SystemTime::now())).unwrap();\n}\n";
    for (name, build) in [("always", always), ("touches", touches), ("generates", generates)] {
        let dir = tempfile::tempdir().unwrap();
        let (root, target) = (dir.path().join("p"), dir.path().join("target"));
        package(&root, name, Some(build));
        let run = tool(&root, &target, "-benchtime=2x --no-profiles -json").ends_with(0);
        // The buffer, and what std itself allocates at start.
        let bytes = run.finished()["main"].memory.bytes_per_op;
        assert!((4096.0..8192.0).contains(&bytes), "{name}: {bytes}");
        assert_eq!(run.stderr.matches("Compiling").count(), 1, "one build: {}", run.stderr);
    }
}

#[test]
fn a_failed_run_makes_no_baseline() {
    let dir = tempfile::tempdir().unwrap();
    let (root, target) = (dir.path().join("p"), dir.path().join("target"));
    package(&root, "fails", None);
    std::fs::write(root.join("benches/m.rs"), "fn main() { panic!(\"no\"); }\n").unwrap();
    let run = tool(&root, &target, "check --accept -benchtime=2x --no-profiles").ends_with(103);
    assert!(run.stderr.contains("memprof-baseline.toml is left as it was"), "{}", run.stderr);
    assert!(!root.join("memprof-baseline.toml").exists());
}

#[test]
fn a_process_that_fails_in_one_pass_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let (root, target) = (dir.path().join("p"), dir.path().join("target"));
    package(&root, "once", None);
    // The last of five processes: listing does not run it; 2 are timed, 3 counted, the 6th is sampled.
    let main = "fn main() {\n    let file = concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/runs\");\n    let runs = std::fs::read(file).unwrap_or_default().len();\n\
                \x20   std::fs::write(file, vec![0; runs + 1]).unwrap();\n    assert!(runs < 5, \"sampled\");\n}\n";
    std::fs::write(root.join("benches/m.rs"), main).unwrap();
    let run = tool(&root, &target, "-benchtime=2x -json").ends_with(103);
    assert!(run.stdout.contains("panicked: sampled") && run.stdout.contains("\"success\":false"), "{}", run.stdout);
    assert!(run.stdout.contains("\"kind\":\"crashed\""), "{}", run.stdout);
}
