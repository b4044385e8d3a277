//! `cargo memprof completions SHELL` and `cargo memprof man`: for packagers, generated from the definitions of the options.

use std::ffi::OsString;

use clap::{Command, CommandFactory as _, Parser};
use clap_complete::Shell;

use super::attach::AttachArgs;
use super::build::MakeArgs;
use super::check::CheckArgs;
use super::explain::ExplainArgs;
use super::history::HistoryArgs;
use super::init::InitArgs;
use super::leaks::LeaksArgs;
use super::live::LiveArgs;
use super::merge::MergeArgs;
use super::report::ReportArgs;
use super::top::TopArgs;
use super::trace::TraceArgs;
use crate::console;
use crate::session::options::RunArgs;
use crate::test_runs::options::TestArgs;
use crate::{Error, Result, exit};

#[derive(Debug, Parser)]
#[command(
    name = "cargo memprof completions",
    bin_name = "cargo memprof completions",
    about = "Print completions for a shell"
)]
struct CompletionsArgs {
    /// Print the completions of this shell
    shell: Shell,
}

#[derive(Debug, Parser)]
#[command(name = "cargo memprof man", bin_name = "cargo memprof man", about = "Print the manual page")]
struct ManArgs {}

/// All commands, as one definition.
fn everything() -> Command {
    let called = |command: Command, name: &'static str| command.name(name).bin_name(format!("cargo-memprof {name}"));
    let mut all = RunArgs::command().name("cargo-memprof").bin_name("cargo-memprof");
    for (name, command) in [
        ("run", RunArgs::command()),
        ("list", RunArgs::command().about("Print the benchmarks' full names, one a line; measure nothing")),
        ("explain", ExplainArgs::command()),
        ("check", CheckArgs::command()),
        ("compare", Command::new("compare").about("Compare two or more results, with benchstat's flags and text")),
        ("pprof", Command::new("pprof").about("Show profiles, with the flags and texts of go tool pprof")),
        ("merge", MergeArgs::command()),
        ("report", ReportArgs::command()),
        ("live", LiveArgs::command()),
        ("build", MakeArgs::command()),
        ("attach", AttachArgs::command()),
        ("leaks", LeaksArgs::command()),
        ("top", TopArgs::command()),
        ("trace", TraceArgs::command()),
        ("history", HistoryArgs::command()),
        ("test", TestArgs::command()),
        ("init", InitArgs::command()),
        ("completions", CompletionsArgs::command()),
        ("man", ManArgs::command()),
    ] {
        all = all.subcommand(called(command, name));
    }
    all
}

fn parsed<P: Parser>(name: &str, args: &[OsString]) -> P {
    P::parse_from(std::iter::once(OsString::from(format!("cargo memprof {name}"))).chain(args.iter().cloned()))
}

pub fn completions(args: &[OsString]) -> Result<u8> {
    let args: CompletionsArgs = parsed("completions", args);
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut everything(), "cargo-memprof", &mut text);
    console::print(&String::from_utf8_lossy(&text))?;
    Ok(exit::OK)
}

pub fn man(args: &[OsString]) -> Result<u8> {
    let ManArgs {} = parsed("man", args);
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(everything()).render(&mut text);
    rendered.map_err(|e| Error::with("cannot make the manual page", e))?;
    console::print(&String::from_utf8_lossy(&text))?;
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::options::ProgramArgs;

    /// Fills in the templates of the manifest as `cargo binstall` does.
    #[test]
    fn binstall_finds_the_archive_of_a_release() {
        let manifest: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
        let package = &manifest["package"];
        let binstall = &package["metadata"]["binstall"];
        let filled = |key: &str| {
            let values = [
                ("repo", package.get("repository").and_then(|repository| repository.as_str()).unwrap_or("REPOSITORY")),
                ("name", package["name"].as_str().unwrap()),
                ("version", package["version"].as_str().unwrap()),
                ("target", "x86_64-unknown-linux-gnu"),
                ("bin", manifest["bin"][0]["name"].as_str().unwrap()),
                ("binary-ext", ""),
            ];
            let text = binstall[key].as_str().unwrap().to_owned();
            let text = values.iter().fold(text, |text, (name, value)| text.replace(&format!("{{ {name} }}"), value));
            assert!(!text.contains(['{', '}']), "{text}");
            text
        };
        let archive = "cargo-memprof-x86_64-unknown-linux-gnu";
        let url = filled("pkg-url");
        let release = format!("/releases/download/v{}/{archive}.tar.gz", env!("CARGO_PKG_VERSION"));
        assert!(url.ends_with(&release) && url.len() > release.len(), "{url}");
        assert_eq!(filled("bin-dir"), format!("{archive}/cargo-memprof"));
        assert_eq!(filled("pkg-fmt"), "tgz");
    }

    #[test]
    fn every_command_and_option_says_what_it_does() {
        let program = ProgramArgs::command();
        for command in everything().get_subcommands().chain([&program]) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some_and(|help| !help.to_string().is_empty()),
                    "{} {}",
                    command.get_name(),
                    arg
                );
                let values = arg.get_possible_values();
                let silent = values.iter().filter(|value| value.get_help().is_none()).count();
                assert!(
                    silent == 0 || silent == values.len(),
                    "{} {arg}: some values have no help",
                    command.get_name()
                );
            }
        }
    }

    #[test]
    fn every_command_is_in_one_definition() {
        everything().debug_assert();
        let mut text = Vec::new();
        clap_complete::generate(Shell::Bash, &mut everything(), "cargo-memprof", &mut text);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("--save-baseline") && text.contains("check"), "{text}");
    }
}
