//! Facts about a line from the source text around it.

use crate::symbolize::Frame;

/// The text of the statement up to the frame's line; empty if that cannot be read.
pub(super) fn statement(frame: &Frame, text: &dyn Fn(u32) -> Option<String>) -> String {
    const MOST_LINES: u32 = 12;
    let code = |line: u32| Some(text(line)?.split("//").next().unwrap_or_default().trim().to_owned());
    let Some(mut statement) = Some(frame.line).filter(|&line| line > 0).and_then(code) else { return String::new() };
    for line in (1..frame.line).rev().take(MOST_LINES as usize) {
        let Some(before) = code(line) else { break };
        if before.is_empty() || before.ends_with([';', '{', '}']) {
            break;
        }
        statement = format!("{before} {statement}");
    }
    statement
}

/// The text of the function's head, from its first line to the brace.
pub(super) fn signature(frame: &Frame, text: &dyn Fn(u32) -> Option<String>) -> String {
    const MOST_LINES: u32 = 12;
    let mut head = String::new();
    if frame.start_line == 0 || frame.start_line > frame.line {
        return head;
    }
    for line in (frame.start_line..frame.start_line + MOST_LINES).map_while(text) {
        head.push_str(line.split("//").next().unwrap_or_default().trim());
        if head.ends_with('{') || head.contains("{ ") {
            break;
        }
        head.push(' ');
    }
    head
}

/// The line above the frame's, in its function, that declares a variable that the frame's line uses: `let mut NAME`.
pub(super) fn declared(frame: &Frame, text: &dyn Fn(u32) -> Option<String>) -> Option<u32> {
    const MOST_LINES: usize = 200;
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let spoken_of = text(frame.line)?;
    let names: Vec<&str> = spoken_of.split(|c: char| !is_name(c)).filter(|word| !word.is_empty()).collect();
    let declares = |line: &u32| {
        let code = text(*line).unwrap_or_default();
        let name = code.split_once("let mut ").and_then(|(_, rest)| rest.split(|c: char| !is_name(c)).next());
        name.is_some_and(|name| names.contains(&name))
    };
    let first = if frame.start_line == 0 { return None } else { frame.start_line };
    (first..frame.line).rev().take(MOST_LINES).find(declares)
}
