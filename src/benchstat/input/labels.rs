//! Labels for the files on the command line, as the table shows them.

use std::collections::HashMap;

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The file, or `-` for the standard input.
    pub path: String,
    /// The value of the key `.file`.
    pub label: String,
}

/// Splits `label=path`. A path given more than once gets `#0`, `#1`, … appended, because its measurements would be
/// lumped together otherwise; labels are used as they are.
pub fn inputs(arguments: &[String]) -> Vec<Input> {
    let mut given = HashMap::<&str, usize>::new();
    for argument in arguments.iter().filter(|argument| !argument.contains('=')) {
        *given.entry(argument).or_default() += 1;
    }
    let mut seen = HashMap::<&str, usize>::new();
    let mut inputs = Vec::with_capacity(arguments.len());
    for argument in arguments {
        inputs.push(match argument.split_once('=') {
            Some((label, path)) => Input { path: path.to_owned(), label: label.to_owned() },
            None if given[argument.as_str()] == 1 => Input { path: argument.clone(), label: argument.clone() },
            None => {
                let number = seen.entry(argument).or_default();
                let label = format!("{argument}#{number}");
                *number += 1;
                Input { path: argument.clone(), label }
            }
        });
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_repeated_paths() {
        let arguments = ["a", "x=a", "b", "a", "y=p=q"].map(str::to_owned);
        let labels: Vec<_> = inputs(&arguments).into_iter().map(|input| (input.label, input.path)).collect();
        let expected = [("a#0", "a"), ("x", "a"), ("b", "b"), ("a#1", "a"), ("y", "p=q")];
        assert_eq!(labels, expected.map(|(label, path)| (label.to_owned(), path.to_owned())));
    }
}
