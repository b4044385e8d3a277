//! Parses the flags into a request.

use std::path::Path;

use super::command::{self, COMMANDS, Command};
use super::config::Config;
use super::options::{self, OPTIONS, Slot};
use crate::go::flags::{Flag, Flags};
use crate::pprof::profile::Profile;

/// Makes of the profile in a file that of an interval.
pub type Cut = fn(&str, &Path, Profile) -> Result<Profile, String>;

/// A parsed command line.
#[derive(Default)]
pub struct Request {
    /// The report; none: the shell, or the page.
    pub invocation: Option<Invocation>,
    pub config: Config,
    pub sources: Vec<String>,
    pub bases: Vec<String>,
    /// The bases are only compared to, not subtracted.
    pub diff_base: bool,
    /// Seconds to record a live profile for; not positive: the endpoint's own default.
    pub seconds: i64,
    /// Seconds to wait for a live profile; not positive: our default.
    pub timeout: i64,
    pub symbolize: String,
    pub build_id: String,
    pub add_comment: String,
    pub all_frames: bool,
    /// The page's address: `[host]:[port]`.
    pub http: Option<String>,
    pub no_browser: bool,
    /// A part of a program's run: `2s,5s`; and how it is cut out of a profile.
    pub between: String,
    pub cut: Option<Cut>,
    /// Messages that are not errors.
    pub warnings: Vec<String>,
}

/// A report of the command table with its argument.
#[derive(Clone)]
pub struct Invocation {
    pub command: &'static Command,
    pub argument: Option<String>,
}

/// The reason for returning no [`Request`].
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `-h`: the user only wants the usage.
    Help,
    Error(String),
}

/// Flags that are neither commands nor options.
#[derive(Default)]
struct Extra {
    base: String,
    diff_base: String,
    http: String,
    /// The [`SAMPLE_SWITCHES`] that are on.
    samples: [bool; SAMPLE_SWITCHES.len()],
    commands: Vec<(&'static Command, Option<String>)>,
    choices: Vec<&'static str>,
}

/// Switches that abbreviate a sample index; if several are on, the first in this order wins.
const SAMPLE_SWITCHES: [(&str, &str); 7] = [
    ("total_delay", "delay"),
    ("mean_delay", "delay"),
    ("contentions", "contentions"),
    ("inuse_space", "inuse_space"),
    ("inuse_objects", "inuse_objects"),
    ("alloc_space", "alloc_space"),
    ("alloc_objects", "alloc_objects"),
];

/// Reads the arguments. The words after the flags are the sources; the caller finds out whether the first is an
/// executable.
pub fn parse(arguments: &[String]) -> Result<Request, Refusal> {
    let mut request = Request { seconds: -1, timeout: -1, ..Request::default() };
    let mut extra = Extra::default();
    let mut flags = Flags::new(arguments);
    while let Some(flag) = flags.next_flag().map_err(Refusal::Error)? {
        match flag.name {
            name if is_switch(name) => {
                set_switch(&mut request, &mut extra, name, flag.switch().map_err(Refusal::Error)?)
            }
            name if takes_value(name) => {
                set_value(&mut request, &mut extra, &flag, &mut flags).map_err(Refusal::Error)?;
            }
            "h" | "help" => return Err(Refusal::Help),
            _ => return Err(Refusal::Error(flag.unknown())),
        }
    }
    request.sources = flags.rest().to_vec();
    if request.sources.is_empty() {
        return Err(Refusal::Error(
            "name a profile, an address or a benchmark behind the flags; -help lists the flags".into(),
        ));
    }
    finish(&mut request, extra).map_err(Refusal::Error)?;
    Ok(request)
}

const SWITCHES: [&str; 2] = ["all_frames", "no_browser"];
const VALUES: [&str; 10] =
    ["between", "diff_base", "base", "symbolize", "buildid", "timeout", "add_comment", "seconds", "tools", "http"];

fn takes_value(name: &str) -> bool {
    let option = options::find(name).is_some_and(|option| option.choices().is_empty());
    option || VALUES.contains(&name) || command::find(name).is_some()
}

fn is_switch(name: &str) -> bool {
    SWITCHES.contains(&name)
        || SAMPLE_SWITCHES.iter().any(|(switch, _)| *switch == name)
        || command::find(name).is_some_and(|command| !command.has_argument)
        || options::is_switch(name)
}

fn set_switch(request: &mut Request, extra: &mut Extra, name: &str, on: bool) {
    if let Some(command) = command::find(name) {
        extra.commands.retain(|(known, _)| known.name != name);
        if on {
            extra.commands.push((command, None));
        }
    } else if let Some(option) = options::find(name) {
        if let Slot::Flag(_, slot) = option.slot {
            *slot(&mut request.config) = on;
        }
    } else if let Some(choice) = OPTIONS.iter().flat_map(|option| option.choices()).find(|choice| **choice == name) {
        extra.choices.retain(|known| known != choice);
        if on {
            extra.choices.push(choice);
        }
    } else if let Some(switch) = SAMPLE_SWITCHES.iter().position(|(switch, _)| *switch == name) {
        extra.samples[switch] = on;
    } else if name == "all_frames" {
        request.all_frames = on;
    } else {
        request.no_browser = on;
    }
}

fn set_value<'a>(
    request: &mut Request,
    extra: &mut Extra,
    flag: &Flag<'a>,
    flags: &mut Flags<'a>,
) -> Result<(), String> {
    if let Some(command) = command::find(flag.name) {
        let value = flags.value(flag)?;
        extra.commands.retain(|(known, _)| known.name != flag.name);
        if !value.is_empty() {
            extra.commands.push((command, Some(value.into())));
        }
        return Ok(());
    }
    let config = &mut request.config;
    if let Some(option) = options::find(flag.name) {
        match option.slot {
            Slot::Int(_, slot) => *slot(config) = flags.integer(flag)?,
            Slot::Float(_, slot) => *slot(config) = flags.float(flag)?,
            Slot::Text(_, slot) | Slot::Choice(_, _, slot) => *slot(config) = flags.value(flag)?.into(),
            Slot::Flag(..) => {}
        }
        return Ok(());
    }
    match flag.name {
        "timeout" => request.timeout = flags.integer(flag)?,
        "seconds" => request.seconds = flags.integer(flag)?,
        name => {
            let value = flags.value(flag)?.into();
            match name {
                "between" => request.between = value,
                "diff_base" => extra.diff_base = value,
                "base" => extra.base = value,
                "symbolize" => request.symbolize = value,
                "buildid" => request.build_id = value,
                "add_comment" => request.add_comment = value,
                "http" => extra.http = value,
                // `tools` names directories of programs that this tool does not need.
                _ => {}
            }
        }
    }
    Ok(())
}

/// Checks that concern several flags at once.
fn finish(request: &mut Request, extra: Extra) -> Result<(), String> {
    for option in OPTIONS {
        let set: Vec<&str> = extra.choices.iter().copied().filter(|choice| option.choices().contains(choice)).collect();
        match &set[..] {
            [] => {}
            [choice] => request.config.set(option, choice)?,
            several => return Err(format!("conflicting options set: [{}]", several.join(" "))),
        }
    }
    let mut commands = extra.commands.into_iter();
    request.invocation = commands.next().map(|(command, argument)| Invocation { command, argument });
    if commands.next().is_some() {
        return Err("must set at most one output format".into());
    }
    let http = !extra.http.is_empty();
    if request.invocation.is_some() && http {
        return Err("-http is not compatible with an output format on the command line".into());
    }
    if request.no_browser && !http {
        return Err("-no_browser only makes sense with -http".into());
    }
    request.http = http.then_some(extra.http);
    for ((switch, kind), on) in SAMPLE_SWITCHES.iter().zip(extra.samples) {
        if on && request.config.sample_index.is_empty() {
            request.config.sample_index = (*kind).into();
        } else if on {
            request.warnings.push(format!("Multiple value selections, ignoring -{switch}"));
        }
        request.config.mean |= on && *switch == "mean_delay";
    }
    if !extra.base.is_empty() && !extra.diff_base.is_empty() {
        return Err("-base and -diff_base flags cannot both be specified".into());
    }
    request.diff_base = !extra.diff_base.is_empty();
    request.bases = [extra.base, extra.diff_base].into_iter().filter(|base| !base.is_empty()).collect();
    if request.config.normalize && request.bases.is_empty() {
        return Err("must have base profile to normalize by".into());
    }
    Ok(())
}

/// All flags' names, for completion.
pub fn flag_names() -> Vec<&'static str> {
    let options = OPTIONS.iter().filter(|option| option.choices().is_empty()).map(|option| option.name);
    let choices = OPTIONS.iter().flat_map(|option| option.choices().iter().copied());
    let samples = SAMPLE_SWITCHES.iter().map(|(switch, _)| *switch);
    COMMANDS
        .iter()
        .map(|command| command.name)
        .chain(options)
        .chain(choices)
        .chain(samples)
        .chain(SWITCHES)
        .chain(VALUES)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Refusal> {
        parse(&line.split(' ').map(Into::into).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_gos() {
        let request = parsed("--top -nodecount 0x6 -divide_by=0x1p-1 -cum=true --focus=a=b -noinlines=f x.pb -y")
            .unwrap_or_default();
        assert_eq!(request.invocation.map(|invocation| invocation.command.name), Some("top"));
        assert_eq!((request.config.nodecount, request.config.divide_by), (6, 0.5));
        assert_eq!((&*request.config.sort, &*request.config.focus), ("cum", "a=b"));
        assert_eq!(request.sources, ["x.pb", "-y"]);
    }

    #[test]
    fn wrong_flags_are_refused() {
        let refusal = |line: &str| parsed(line).err();
        assert_eq!(
            refusal("-nosuch x"),
            Some(Refusal::Error("there is no flag -nosuch; -help lists the flags".into()))
        );
        assert_eq!(refusal("-focus"), Some(Refusal::Error("-focus needs a value: -focus=VALUE".into())));
        assert_eq!(
            refusal("-nodecount=abc x"),
            Some(Refusal::Error("-nodecount: \"abc\" is not a number that it takes".into()))
        );
        assert_eq!(refusal("-top -tree x"), Some(Refusal::Error("must set at most one output format".into())));
        assert_eq!(refusal("-h"), Some(Refusal::Help));
        assert_eq!(refusal("-lines -files x"), Some(Refusal::Error("conflicting options set: [lines files]".into())));
    }

    #[test]
    fn short_sample_switches_yield_to_the_index() {
        let request = parsed("-alloc_space -inuse_space x").unwrap_or_default();
        assert_eq!(request.config.sample_index, "inuse_space");
        assert_eq!(request.warnings, ["Multiple value selections, ignoring -alloc_space"]);
    }
}
