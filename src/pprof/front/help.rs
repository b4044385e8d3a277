//! Generates the help from the two tables.

use super::command::{self, COMMANDS, Command, Usage};
use super::options::{self, OPTIONS};

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn entry(name: &str, text: &str) -> String {
    format!("    {name:<16} {}", first_line(text))
}

/// Commands and options, for the command line or for the shell. The shell's help is pprof's, word for word.
pub fn overview(command_line: bool) -> String {
    let dash = if command_line { "-" } else { "" };
    let wanted = |ours: bool| command_line || !ours;
    let mut commands: Vec<String> = COMMANDS
        .iter()
        .filter(|command| wanted(command.ours))
        .map(|command| entry(&format!("{dash}{}", command.name), command.description))
        .collect();
    commands.sort();
    if !command_line {
        commands.push(entry("o/options", "List options and their current values"));
        commands.push(entry("q/quit/exit/^D", "Exit pprof"));
    }
    let (mut single, mut groups) = (Vec::new(), Vec::new());
    for option in OPTIONS.iter().filter(|option| wanted(option.ours)) {
        if option.choices().is_empty() {
            single.push(entry(&format!("{dash}{}", option.name), option.help));
            continue;
        }
        let mut group = vec![entry(option.name, "")];
        let choices = option.choices().iter();
        group.extend(choices.map(|choice| {
            format!("  {}", entry(&format!("{dash}{choice}"), options::choice_help(choice).unwrap_or_default()))
        }));
        groups.push(group.join("\n"));
    }
    single.sort();
    groups.sort();
    let title = if command_line { "  Output formats (select at most one):" } else { "  Commands:" };
    format!(
        "{title}\n{}\n\n  Options:\n{}\n\n  Option groups (only set one per group):\n{}",
        commands.join("\n"),
        single.join("\n"),
        groups.join("\n")
    )
}

/// The shell's `help`.
pub fn shell() -> String {
    overview(false)
        + "\n  :   Clear focus/ignore/hide/tagfocus/tagignore\n\n  type \"help <cmd|option>\" for more information\n"
}

/// The shell's `help NAME`.
pub fn about(name: &str, sample_types: &[&str]) -> Option<String> {
    if let Some(command) = command::find(name) {
        return Some(of_command(command));
    }
    let help = options::help_of(name)?;
    let more = if name == "sample_index" {
        format!("Or use sample_index=name, with name in [{}].\n", sample_types.join(" "))
    } else {
        String::new()
    };
    Some(format!("{help}{more}\n"))
}

fn of_command(command: &Command) -> String {
    let usage: String = usage_lines(command).iter().map(|line| format!("    {line}\n")).collect();
    let title = if usage.is_empty() { "" } else { "  Usage:\n" };
    format!("{}\n{title}{usage}\n", command.description)
}

fn usage_lines(command: &Command) -> Vec<String> {
    let name = command.name;
    let (mut lines, redirect) = match command.usage {
        Usage::None => return Vec::new(),
        Usage::Words(words) => return words.lines().map(Into::into).collect(),
        Usage::Report { cum, redirect } => {
            let mut lines = vec![
                format!("{name} [n] [focus_regex]* [-ignore_regex]*"),
                "Include up to n samples".into(),
                "Include samples matching focus_regex, and exclude ignore_regex.".into(),
            ];
            if cum {
                lines[0] += " [-cum]";
                lines.push("-cum sorts the output by cumulative weight".into());
            }
            (lines, redirect)
        }
        Usage::Listing { redirect } => {
            let lines = vec![
                format!("{name}<func_regex|address> [-focus_regex]* [-ignore_regex]*"),
                "Include functions matching func_regex, or including the address specified.".into(),
                "Include samples matching focus_regex, and exclude ignore_regex.".into(),
            ];
            (lines, redirect)
        }
    };
    if redirect {
        lines[0] += " >f";
        lines.push("Optionally save the report on the file f".into());
    }
    lines
}

/// The text of `-help`.
pub fn command_line() -> String {
    format!("{HEAD}{}{SOURCES}{MISC}", overview(true))
}

const HEAD: &str = "usage:

Produce output in the specified format.

   cargo memprof pprof <format> [options] [binary] <source> ...

Omit the format to get an interactive shell whose commands can be used
to generate various views of a profile

   cargo memprof pprof [options] [binary] <source> ...

Omit the format and provide the \"-http\" flag to get an interactive web
interface at the specified host:port that can be used to navigate through
various views of a profile.

   cargo memprof pprof -http [host]:[port] [options] [binary] <source> ...

Details:
";

const SOURCES: &str = "

  Source options:
    -between              Part of a program's run: 2s,5s (allocated in it; inuse_: still live at its end)
    -seconds              Duration for time-based profile collection
    -timeout              Timeout in seconds for profile collection
    -buildid              Override build id for main binary
    -add_comment          Free-form annotation to add to the profile
                          Displayed on some reports or with pprof -comments
    -diff_base source     Source of base profile for comparison
    -base source          Source of base profile for profile subtraction
    profile.pb.gz         Profile in compressed protobuf format
    benchmark             Name of a benchmark of the last run, with :cpu or :block for its other profiles
    http://host/profile   URL for profile handler to retrieve
    -symbolize=           Controls source of symbol information
      none                  Do not attempt symbolization
      local                 Examine only local binaries
      fastlocal             Only get function names from local binaries
      remote                Do not examine local binaries (symbol servers are not asked)
      force                 Force re-symbolization
    profile               Also the old formats of gperftools, jemalloc, Go and Java
    Binary                Local path or build id of binary for symbolization
";

const MISC: &str = "

  Misc options:
   -http              Provide web interface at host:port.
                      Host is optional and 'localhost' by default.
                      Port is optional and a randomly available port by default.
   -no_browser        Skip opening a browser for the interactive web UI.
   -tools             Search path for object tools
   -all_frames        Ignore drop_frames and keep_frames regexps in the profile
                      Rarely needed, mainly used for debugging pprof itself

  Legacy convenience options:
   -inuse_space           Same as -sample_index=inuse_space
   -inuse_objects         Same as -sample_index=inuse_objects
   -alloc_space           Same as -sample_index=alloc_space
   -alloc_objects         Same as -sample_index=alloc_objects
   -total_delay           Same as -sample_index=delay
   -contentions           Same as -sample_index=contentions
   -mean_delay            Same as -mean -sample_index=delay

  Environment Variables:
   PPROF_TMPDIR       Location for saved profiles (default $HOME/pprof)
   PPROF_BINARY_PATH  Search path for local binaries (default $HOME/pprof/binaries),
                      by name, path or build id: <id>/name, <ab>/<cdef...>.debug
   DEBUGINFOD_URLS    Servers to ask for binaries by build id (http only)
   BROWSER            Browser for -web
";
