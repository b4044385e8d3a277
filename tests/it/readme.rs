//! README and docs/ say nothing that is not there: their links lead somewhere, and commands know the options that are shown.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page, with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages = pages.chain(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    pages.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn links_lead_to_files() {
    for (page, text) in pages() {
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !file.starts_with("http") {
                assert!(page.parent().unwrap().join(file).exists(), "{}: {link}", page.display());
            }
        }
    }
}

/// The words of the command lines in `text` behind `cargo memprof`; a comment begins after two spaces or a `#`.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter_map(|line| {
        let line = line.trim_start().trim_start_matches("- run: ").trim_start_matches("$ ");
        line.strip_prefix("cargo memprof ")
    });
    lines
        .map(|line| line.split("  ").next().unwrap().split(['#', '>', '`']).next().unwrap().split(' ').collect())
        .collect()
}

fn help(command: &str) -> String {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
    tool.arg("memprof").args((command != "run").then_some(command));
    let output = tool.arg(if matches!(command, "pprof" | "compare") { "-help" } else { "--help" }).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn options_that_are_shown_exist() {
    const COMMANDS: [&str; 17] = [
        "list",
        "check",
        "compare",
        "pprof",
        "report",
        "explain",
        "history",
        "merge",
        "init",
        "completions",
        "leaks",
        "test",
        "live",
        "build",
        "attach",
        "top",
        "trace",
    ];
    const PROGRAMS: [&str; 3] = ["--bin", "--example", "--test"];
    let mut seen = 0;
    for (page, text) in pages() {
        for words in commands(&text) {
            let command = COMMANDS.into_iter().find(|command| *command == words[0]).unwrap_or("run");
            let runs_a_program = command == "run" && words.iter().any(|word| PROGRAMS.contains(word));
            let help = help(if runs_a_program { PROGRAMS[0] } else { command });
            for word in words.iter().take_while(|word| **word != "--").filter(|word| word.starts_with('-')) {
                let name = word.trim_start_matches('-').split('=').next().unwrap();
                // Short options, and Go's spelling with one dash.
                let spelled = [format!("-{name},"), format!("-{name} "), format!("--{name}"), format!("-{name}\n")];
                let shown = spelled.iter().any(|spelled| help.contains(spelled));
                assert!(shown || name == "help", "{}: cargo memprof {command} has no {word}", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen} options");
}

#[test]
fn the_commands_of_the_help_are_in_the_docs() {
    let all: String = pages().into_iter().map(|(_, text)| text).collect();
    for command in ["check", "compare", "explain", "history", "init", "merge", "pprof", "report"] {
        assert!(all.contains(&format!("cargo memprof {command}")), "{command}");
    }
}
