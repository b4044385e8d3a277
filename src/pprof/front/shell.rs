//! The interactive shell: reads commands and options line by line, for a profile that is loaded once.

use super::arguments::Invocation;
use super::command;
use super::config::Config;
use super::fetch::Loaded;
use super::focus::Warn;
use super::generate::{generate, overview};
use super::help;
use super::options::{self, OPTIONS};
use super::output::{Destination, deliver};

/// In an assignment, this begins a comment.
const COMMENT: &str = "//:";

/// The source of the lines. `None` at the end.
pub trait Lines {
    fn next_line(&mut self, prompt: &str) -> Result<Option<String>, String>;
}

/// Runs the shell until the input ends or a command quits it.
pub fn run(loaded: Loaded, config: Config, lines: &mut dyn Lines, warn: Warn<'_>) -> Result<(), String> {
    let mut shell = Shell { loaded, config: Config { compact_labels: true, ..config } };
    shell.greet(warn);
    while let Some(line) = lines.next_line("(pprof) ")? {
        for input in shell.expanded(line.trim()) {
            match shell.execute(&input, warn) {
                Ok(Flow::Continue) => {}
                Ok(Flow::Quit) => return Ok(()),
                Err(error) => warn(&error),
            }
        }
    }
    Ok(())
}

enum Flow {
    Continue,
    Quit,
}

struct Shell {
    loaded: Loaded,
    config: Config,
}

impl Shell {
    fn kinds(&self) -> Vec<&str> {
        self.loaded.profile.sample_types.iter().map(|value_type| &*value_type.kind).collect()
    }

    fn greet(&self, warn: Warn<'_>) {
        if let Ok(report) = overview(&self.loaded.profile, &self.config, self.loaded.per_op, warn) {
            warn(&report.profile_labels().join("\n"));
            if report.total == 0 && self.loaded.profile.sample_types.len() > 1 {
                warn("No samples were found with the default sample value type.");
                warn("Try \"sample_index\" command to analyze different sample values.\n");
            }
        }
        warn("Entering interactive mode (type \"help\" for commands, \"o\" for options)");
    }

    /// Short forms: `:` clears the filters, a sample type's name selects it, with `mean_` or `total_` before it too.
    fn expanded(&self, line: &str) -> Vec<String> {
        if line == ":" {
            return ["focus=", "ignore=", "hide=", "tagfocus=", "tagignore="].map(Into::into).into();
        }
        // If several have the same spelling, the last one counts.
        for kind in self.kinds().into_iter().rev() {
            let select = format!("sample_index={kind}");
            if line.strip_prefix("mean_") == Some(kind) {
                return vec!["mean=1".into(), select];
            }
            if line.strip_prefix("total_") == Some(kind) {
                return vec!["mean=0".into(), select];
            }
            if line == kind {
                return vec![select];
            }
        }
        vec![line.into()]
    }

    fn execute(&mut self, input: &str, warn: Warn<'_>) -> Result<Flow, String> {
        let (name, value) = input.split_once('=').map_or((input, None), |(name, value)| (name, Some(value)));
        let name = name.trim();
        if options::is_configurable(name) {
            let value = value.map(|value| value.rfind(COMMENT).map_or(value, |comment| &value[..comment]).trim());
            return self.assign(name, value).map(|()| Flow::Continue);
        }
        let words: Vec<&str> = input.split_whitespace().collect();
        match words[..] {
            [] => {}
            ["o" | "options", ..] => warn(&self.options()),
            ["exit" | "quit" | "q", ..] => return Ok(Flow::Quit),
            ["help"] => warn(&help::shell()),
            ["help", ref about @ ..] => {
                let about = about.join(" ");
                let text = help::about(&about, &self.kinds());
                warn(&text.unwrap_or_else(|| format!("Unknown command: {about}")));
            }
            _ => self.report(&words, warn)?,
        }
        Ok(Flow::Continue)
    }

    fn assign(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        if value.is_none() && !options::is_switch(name) {
            return Err(format!("please specify a value, e.g. {name}=<val>"));
        }
        let mut value = value.unwrap_or_default().to_string();
        if name == "sample_index" {
            let index = self.loaded.profile.sample_index(&value)?;
            let kind = self.loaded.profile.sample_types.get(index);
            value = kind.ok_or_else(|| format!("invalid sample_index {value:?}"))?.kind.to_string();
        }
        self.config.configure(name, &value)
    }

    /// All options with their values.
    fn options(&self) -> String {
        let kinds = self.kinds();
        let mut lines = Vec::new();
        for option in OPTIONS {
            let mut value = self.config.get(option);
            let mut comment = String::new();
            if option.name == "source_path" || (option.ours && self.config.get(option) == Config::default().get(option))
            {
                continue;
            }
            if !option.choices().is_empty() {
                let mut choices = option.choices().to_vec();
                choices.sort_unstable();
                comment = format!("[{}]", choices.join(" | "));
                if value.is_empty() {
                    value = "(default)".into();
                }
            } else if option.name == "sample_index" {
                if value.is_empty() {
                    value = kinds.last().map(|kind| (*kind).into()).unwrap_or_default();
                }
                comment = format!("[{}]", kinds.join(" | "));
            } else if option.name == "nodecount" && value == "-1" {
                comment = "default".into();
            } else if value.is_empty() {
                value = "\"\"".into();
            }
            let comment = if comment.is_empty() { comment } else { format!("{COMMENT} {comment}") };
            lines.push(format!("  {:<25} = {value:<20} {comment}", option.name));
        }
        lines.sort();
        lines.join("\n")
    }

    fn report(&self, words: &[&str], warn: Warn<'_>) -> Result<(), String> {
        // A bar alone sends the report to the command after it.
        let bar = words.iter().position(|word| *word == "|").filter(|bar| *bar > 0 && bar + 1 < words.len());
        let (words, program) = bar.map_or((words, None), |bar| (&words[..bar], Some(words[bar + 1..].join(" "))));
        let (invocation, config) = parse(words, &self.config)?;
        let bytes = generate(self.loaded.clone(), &invocation, &config, warn)?;
        let to = match &program {
            Some(program) => Destination::Pipe(program),
            None if config.output.is_empty() => Destination::Default,
            None => Destination::File(&config.output),
        };
        deliver(bytes, &invocation, to, true, warn)
    }
}

/// A command with its arguments: a number of nodes, `>file`, `-cum`, patterns to focus on and (with a dash) to ignore.
/// They apply to this command only.
fn parse(words: &[&str], config: &Config) -> Result<(Invocation, Config), String> {
    let Some((name, rest)) = words.split_first() else { return Err("unrecognized command: \"\"".into()) };
    // `top10` is `top 10`; for commands that take an argument, the number is the argument.
    let stem = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
    let is_split = command::find(name).is_none() && !stem.is_empty() && stem.len() < name.len();
    let (name, count) = if is_split { (stem, Some(&name[stem.len()..])) } else { (*name, None) };
    let words: Vec<&str> = count.into_iter().chain(rest.iter().copied()).collect();
    let command = command::find(name).ok_or_else(|| match options::help_of(name) {
        Some(_) => format!("did you mean: {name}={}", words.first().unwrap_or(&"<val>")),
        None => format!("unrecognized command: {name:?}"),
    })?;
    let mut rest = &words[..];
    let mut config = config.clone();
    let mut argument = None;
    if command.has_argument {
        let (first, tail) =
            rest.split_first().ok_or_else(|| format!("command {} requires an argument", command.name))?;
        argument = Some((*first).to_string());
        rest = tail;
    }
    let (mut focus, mut ignore) = (Vec::new(), Vec::new());
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        if let Ok(count) = word.parse::<i32>() {
            config.nodecount = i64::from(count);
        } else if let Some(file) = word.strip_prefix('>') {
            let file = if file.is_empty() { words.next().ok_or("unexpected end of line after >")? } else { file };
            config.output = file.into();
        } else if matches!(*word, "-cum" | "--cum") {
            config.sort = "cum".into();
        } else if let Some(pattern) = word.strip_prefix('-') {
            ignore.push(pattern);
        } else {
            focus.push(*word);
        }
    }
    let joined =
        |patterns: Vec<&str>| patterns.into_iter().filter(|pattern| !pattern.is_empty()).collect::<Vec<_>>().join("|");
    let (focus, ignore) = (joined(focus), joined(ignore));
    let is_tags = command.name == "tags";
    if !focus.is_empty() {
        *(if is_tags { &mut config.tagfocus } else { &mut config.focus }) = focus;
    }
    if !ignore.is_empty() {
        *(if is_tags { &mut config.tagignore } else { &mut config.ignore }) = ignore;
    }
    if config.nodecount == -1 && matches!(command.name, "text" | "top") {
        config.nodecount = 10;
    }
    Ok((Invocation { command, argument }, config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_take_numbers_patterns_and_files() {
        let (invocation, config) = parse(&["top10", "-cum", "a", "-b", "c", ">x"], &Config::default()).unwrap();
        assert_eq!(invocation.command.name, "top");
        assert_eq!(
            (config.nodecount, &*config.sort, &*config.focus, &*config.ignore, &*config.output),
            (10, "cum", "a|c", "b", "x")
        );
        let (_, config) = parse(&["tags", "a"], &Config::default()).unwrap();
        assert_eq!(config.tagfocus, "a");
    }

    #[test]
    fn wrong_commands_are_explained() {
        let error = |words: &[&str]| parse(words, &Config::default()).err().unwrap();
        assert_eq!(error(&["frob"]), "unrecognized command: \"frob\"");
        assert_eq!(error(&["frob3"]), "unrecognized command: \"frob\"");
        assert_eq!(error(&["12"]), "unrecognized command: \"12\"");
        assert_eq!(error(&["focus5"]), "did you mean: focus=5");
        assert_eq!(error(&["sort", "x"]), "unrecognized command: \"sort\"");
        assert_eq!(error(&["list"]), "command list requires an argument");
        assert_eq!(error(&["top", ">"]), "unexpected end of line after >");
        assert_eq!(error(&["focus", "x"]), "did you mean: focus=x");
    }
}
