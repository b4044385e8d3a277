//! Lines for the shell: with editing, history and completion at a terminal, plain otherwise.

use std::io::{BufRead, Write};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::command::COMMANDS;
use super::options::OPTIONS;
use super::shell::Lines;

/// Standard input that is not a terminal. It still prints the prompt, as pprof does.
pub struct Plain;

impl Lines for Plain {
    fn next_line(&mut self, prompt: &str) -> Result<Option<String>, String> {
        super::output::to_stdout(prompt.as_bytes())?;
        let mut line = Vec::new();
        let read = std::io::stdin().lock().read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
    }
}

/// A terminal.
pub struct Terminal {
    editor: Editor<Words, DefaultHistory>,
}

impl Terminal {
    /// `functions`: the names that complete a command's arguments.
    pub fn new(functions: Vec<String>) -> Result<Self, String> {
        let config = Config::builder().auto_add_history(true).completion_type(CompletionType::List).build();
        let mut editor = Editor::with_config(config).map_err(|error| error.to_string())?;
        editor.set_helper(Some(Words { functions }));
        Ok(Terminal { editor })
    }
}

impl Lines for Terminal {
    fn next_line(&mut self, prompt: &str) -> Result<Option<String>, String> {
        let _ = std::io::stdout().flush();
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Some(line)),
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Completion of commands, options and function names.
struct Words {
    functions: Vec<String>,
}

impl Words {
    fn candidates(&self, before: &str) -> (usize, Vec<String>) {
        let start = before.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let (head, word) = before.split_at(start);
        let is_first = matches!(head.trim(), "" | "help");
        let found = if is_first {
            let options =
                OPTIONS.iter().flat_map(|option| std::iter::once(option.name).chain(option.choices().iter().copied()));
            let names = COMMANDS.iter().map(|command| command.name).chain(options).chain(["help", "options", "quit"]);
            names.filter(|name| name.starts_with(word)).map(Into::into).collect()
        } else {
            // A command takes patterns: complete to a function that has the word anywhere in its name.
            let (dash, word) = word.strip_prefix('-').map_or(("", word), |word| ("-", word));
            let names = self.functions.iter().filter(|name| !word.is_empty() && name.contains(word)).take(50);
            names.map(|name| format!("{dash}{name}")).collect()
        };
        (start, found)
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line.get(..position).unwrap_or(line)))
    }
}

impl Hinter for Words {
    type Hint = String;
}
impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_options_and_functions_are_completed() {
        let words = Words { functions: vec!["Vec::push".into(), "main".into()] };
        assert_eq!(words.candidates("topp"), (0, vec!["topproto".to_string()]));
        assert_eq!(words.candidates("nodef"), (0, vec!["nodefraction".to_string()]));
        assert_eq!(words.candidates("list push"), (5, vec!["Vec::push".to_string()]));
        assert_eq!(words.candidates("top -mai"), (4, vec!["-main".to_string()]));
    }
}
