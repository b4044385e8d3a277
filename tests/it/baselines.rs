//! `--save-baseline` and `--baseline` end to end: results kept under a name, in a file, or made anew from a revision.

use crate::support;
use crate::support::project::{Project, regress};
use cargo_memprof::results::metric::Metric;

#[test]
fn kept_results_are_compared() {
    let project = Project::new();
    project.memprof(2, "--baseline none").says("there is no baseline `none`");
    project.memprof(0, "--save-baseline pooled-before pooled$");
    let kept = project.target.join("memprof/baselines/pooled-before");
    let results = std::fs::read_to_string(kept.join("results.jsonl")).unwrap();
    // Its counts were taken again, without stacks.
    assert!(results.contains("\"retained_bytes_per_op\":0.0,"), "{results}");
    assert!(kept.join("profiles/buffer_write/buffer_write/buffer_write/pooled/mem.prof").is_file());
    let place = regress(&project);
    project.memprof(0, "--baseline pooled-before /pooled$").says("+1,024 B  +1 alloc\n");
    project.memprof(0, "--baseline pooled-before /pooled$").says("vs pooled-before");
    let worse = project.memprof(100, "check --baseline pooled-before -json /pooled$").checks();
    let sites = |metric| &worse.iter().find(|check| check.metric == Some(metric)).unwrap().sites;
    // With the baseline's mem.prof it is the line itself, and no other of the function.
    for metric in [Metric::AllocsPerOp, Metric::BytesPerOp] {
        let [site] = &sites(metric)[..] else { panic!("{worse:?}") };
        assert!(format!("{}:{}", site.file, site.line).ends_with(&place), "{site:?}");
    }

    // Another machine is said.
    let results = kept.join("results.jsonl");
    let text = std::fs::read_to_string(&results).unwrap();
    let file = project.root.join("elsewhere.jsonl");
    std::fs::write(&file, text.replace("\"rustc\":\"", "\"rustc\":\"0.9.")).unwrap();
    let path = file.to_str().unwrap();
    project.memprof(0, &format!("--baseline {path} /pooled$")).says("another rustc: 0.9.");
    // As PowerShell writes what a command prints.
    let utf_16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [utf_16, format!("\u{feff}{text}").into_bytes()] {
        std::fs::write(&file, bytes).unwrap();
        project.memprof(0, &format!("--baseline {path} /pooled$")).says("+1,024 B  +1 alloc\n");
    }
    project.memprof(2, "--save-baseline= /pooled$").says("name the baseline, or a file");
    std::fs::write(&file, text.replace("\"format_version\":1", "\"format_version\":7")).unwrap();
    project.memprof(2, &format!("--baseline {path} /pooled$")).says("format_version 7 is not understood");
    for (from, to, said) in [
        ("\"buffer_write", "\"other", "it is of another package: other; here is buffer_write"),
        (
            "\"allocs_per_op\":1.0",
            "\"allocs_per_op\":-1.0",
            "line 3: buffer_write/buffer_write/buffer_write/pooled has allocs_per_op -1",
        ),
        ("\"allocs_per_op\":1.0", "\"allocs_per_op\":NaN", "line 3: expected value"),
        ("\"allocs_per_op\":1.0,", "", "line 3: missing field `allocs_per_op`"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        std::fs::write(&file, text.replace(from, to)).unwrap();
        let refused = project.memprof(2, &format!("--baseline {path} /pooled$"));
        refused.says(said);
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_revision_is_measured_in_a_tree_of_its_own() {
    let project = Project::new();
    let git = |words: &str| {
        let mut command = support::command("git", &project.root);
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(words.split_whitespace());
        let out = command.output().unwrap();
        assert!(out.status.success(), "{words}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    git("init -q");
    git("add -A");
    git("commit -q -m one");
    let place = regress(&project);
    project.write("untracked", "");
    let before = (git("status --porcelain"), git("worktree list"), git("rev-parse HEAD"));

    project.memprof(0, "--baseline git:HEAD /pooled$").says("+1,024 B  +1 alloc\n");
    let again = project.memprof(100, "check --baseline=git:HEAD /pooled$");
    again.says(&place);
    again.says(&format!("git:HEAD: measuring commit {} (one) first", &before.2[..12]));
    assert!(!again.stderr.contains("Compiling"), "{}", again.stderr);
    project.memprof(2, "--baseline git:nowhere /pooled$").says("git knows no such revision");
    project.write("src/lib.rs", "this does not build");
    git("commit -q -a -m two");
    git("revert --no-commit HEAD");
    project.memprof(101, "--baseline git:HEAD /pooled$").says("could not be measured");
    git("reset -q --hard HEAD~1");
    regress(&project);
    assert_eq!((git("status --porcelain"), git("worktree list"), git("rev-parse HEAD")), before);
}
