//! `cargo memprof init --ci github`: a ready workflow, on stdout.

use std::ffi::OsString;

use clap::{Parser, ValueEnum};

use crate::console;
use crate::go::flags;
use crate::{Result, exit};

#[derive(Debug, Parser)]
#[command(name = "cargo memprof init", bin_name = "cargo memprof init", about = "Print a ready workflow for CI")]
pub struct InitArgs {
    /// Print a workflow for this CI system
    #[arg(long, value_name = "SYSTEM")]
    ci: System,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum System {
    /// For .github/workflows/memprof.yml
    Github,
}

const GITHUB: &str = include_str!("../../templates/ci/github.yml");

pub fn run(args: &[OsString]) -> Result<u8> {
    let args = flags::to_two_dashes(args, &["ci".to_owned()]);
    let args = InitArgs::parse_from(std::iter::once(OsString::from("cargo memprof init")).chain(args));
    match args.ci {
        System::Github => console::print(GITHUB)?,
    }
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use saphyr::{LoadableYamlNode as _, Yaml};

    use super::*;
    use crate::formats::Format as _;
    use crate::results::lines::Run;

    /// A run without results.
    fn nothing() -> Run {
        let started = r#"{"reason":"run-started","format_version":1,"tool":"","rustc":"","target":"","profile":"","cpu":"","commit":null}"#;
        Run::parse(started).unwrap()
    }

    fn numbers(value: &Yaml) -> Vec<i64> {
        value.as_vec().into_iter().flatten().filter_map(|one| one.as_integer()).collect()
    }

    #[test]
    fn the_workflow_is_yaml_whose_jobs_fit_together() {
        let documents = Yaml::load_from_str(GITHUB).unwrap();
        let [workflow] = &documents[..] else { panic!("{} documents", documents.len()) };
        let jobs = workflow["jobs"].as_mapping().unwrap();
        assert_eq!(jobs.len(), 2);
        let matrix = &workflow["jobs"]["measure"]["strategy"]["matrix"];
        let (parts, of) = (numbers(&matrix["part"]), numbers(&matrix["of"]));
        let commands = |job: &str| -> String {
            let steps = workflow["jobs"][job]["steps"].as_vec().unwrap();
            steps.iter().filter_map(|step| step.as_mapping_get("run")?.as_str()).collect::<Vec<_>>().join("\n")
        };
        // Every part is measured once, and no other.
        assert_eq!(of, [parts.len() as i64]);
        assert_eq!(parts, (1..=of[0]).collect::<Vec<_>>());
        let measure = commands("measure");
        assert!(measure.contains("cargo memprof check --partition ${{ matrix.part }}/${{ matrix.of }}"), "{measure}");
        // The workflow finds its old comment by the beginning of the text.
        let begin = crate::formats::Markdown.render(&nothing(), &crate::formats::View::default());
        assert!(begin.starts_with("### cargo memprof\n") && GITHUB.contains("startswith(\"### cargo memprof\")"));
        assert_eq!(workflow["jobs"]["check"]["needs"].as_str(), Some("measure"));
        let check = commands("check");
        let at = |text: &str| check.find(text).unwrap_or_else(|| panic!("{text} is not in:\n{check}"));
        assert!(at("cargo memprof merge") < at("cargo memprof check --last-run"));
        assert!(at("--message-format github") < at("gh api"));
    }
}
