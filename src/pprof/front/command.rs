//! The commands: ONE table; the flags, the shell's commands and the help are made from it.

/// The format that a command prints, before graphviz draws it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Callgrind,
    Comments,
    Disassembly,
    Dot,
    Folded,
    List,
    Proto,
    Raw,
    Speedscope,
    Tags,
    Text,
    TopProto,
    Traces,
    Tree,
    WebList,
}

/// The output's destination if the user names no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Stdout,
    /// A new file with this suffix if standard output is a terminal, because the output is not readable text.
    AwayFromTerminal(&'static str),
    /// A viewer on a temporary file of this suffix: the first of these commands that starts. Empty: the browser.
    Viewer(&'static str, &'static [&'static str]),
}

/// A row of [`COMMANDS`].
pub struct Command {
    pub name: &'static str,
    pub format: Format,
    /// The format that `dot` makes of a graph.
    pub picture: Option<&'static str>,
    pub target: Target,
    /// Takes a regular expression.
    pub has_argument: bool,
    pub description: &'static str,
    pub usage: Usage,
    /// Not a command of pprof's: lists that match pprof's word for word leave it out.
    pub ours: bool,
}

/// The syntax of a command in the shell.
pub enum Usage {
    None,
    Words(&'static str),
    /// `name [n] [focus_regex]* [-ignore_regex]*`, perhaps `[-cum]` and `>f`.
    Report {
        cum: bool,
        redirect: bool,
    },
    /// `name<func_regex|address> …`, perhaps `>f`.
    Listing {
        redirect: bool,
    },
}

const fn plain(name: &'static str, format: Format, description: &'static str, usage: Usage) -> Command {
    Command {
        name,
        format,
        picture: None,
        target: Target::Stdout,
        has_argument: false,
        description,
        usage,
        ours: false,
    }
}

const fn with_argument(name: &'static str, format: Format, description: &'static str, usage: Usage) -> Command {
    Command { has_argument: true, ..plain(name, format, description, usage) }
}

const fn binary(
    name: &'static str,
    format: Format,
    suffix: &'static str,
    description: &'static str,
    usage: Usage,
) -> Command {
    Command { target: Target::AwayFromTerminal(suffix), ..plain(name, format, description, usage) }
}

const fn picture(name: &'static str, description: &'static str) -> Command {
    let usage = Usage::Report { cum: false, redirect: true };
    Command { picture: Some(name), ..binary(name, Format::Dot, name, description, usage) }
}

const fn viewer(
    name: &'static str,
    kind: &'static str,
    viewers: &'static [&'static str],
    description: &'static str,
) -> Command {
    let usage = Usage::Report { cum: false, redirect: false };
    Command {
        picture: Some(kind),
        target: Target::Viewer(kind, viewers),
        ..plain(name, Format::Dot, description, usage)
    }
}

const TEXT: &str = "Outputs top entries in text form";
const TABLE: Usage = Usage::Report { cum: true, redirect: true };
const GRAPH: Usage = Usage::Report { cum: false, redirect: true };

/// All commands.
pub static COMMANDS: &[Command] = &[
    plain("comments", Format::Comments, "Output all profile comments", Usage::None),
    with_argument(
        "disasm",
        Format::Disassembly,
        "Output assembly listings annotated with samples",
        Usage::Listing { redirect: true },
    ),
    plain("dot", Format::Dot, "Outputs a graph in DOT format", GRAPH),
    with_argument(
        "list",
        Format::List,
        "Output annotated source for functions matching regexp",
        Usage::Listing { redirect: false },
    ),
    with_argument(
        "peek",
        Format::Tree,
        "Output callers/callees of functions matching regexp",
        Usage::Words("peek func_regex\nDisplay callers and callees of functions matching func_regex."),
    ),
    plain("raw", Format::Raw, "Outputs a text representation of the raw profile", Usage::None),
    plain(
        "tags",
        Format::Tags,
        "Outputs all tags in the profile",
        Usage::Words(
            "tags [tag_regex]* [-ignore_regex]* [>file]\nList tags with key:value matching tag_regex and exclude ignore_regex.",
        ),
    ),
    plain("text", Format::Text, TEXT, TABLE),
    plain("top", Format::Text, TEXT, TABLE),
    plain("traces", Format::Traces, "Outputs all profile samples in text form", Usage::None),
    plain("tree", Format::Tree, "Outputs a text rendering of call graph", TABLE),
    binary("callgrind", Format::Callgrind, "callgraph.out", "Outputs a graph in callgrind format", GRAPH),
    binary("proto", Format::Proto, "pb.gz", "Outputs the profile in compressed protobuf format", Usage::None),
    binary("topproto", Format::TopProto, "pb.gz", "Outputs top entries in compressed protobuf format", Usage::None),
    picture("gif", "Outputs a graph image in GIF format"),
    picture("pdf", "Outputs a graph in PDF format"),
    picture("png", "Outputs a graph image in PNG format"),
    picture("ps", "Outputs a graph in PS format"),
    picture("svg", "Outputs a graph in SVG format"),
    viewer("eog", "svg", &["eog"], "Visualize graph through eog"),
    viewer("evince", "pdf", &["evince"], "Visualize graph through evince"),
    viewer("gv", "ps", &["gv --noantialias"], "Visualize graph through gv"),
    viewer("web", "svg", &[], "Visualize graph through web browser"),
    Command {
        picture: None,
        format: Format::Callgrind,
        ..viewer("kcachegrind", "grind", &["kcachegrind"], "Visualize report in KCachegrind")
    },
    with_argument(
        "weblist",
        Format::WebList,
        "Display annotated source in a web browser",
        Usage::Listing { redirect: false },
    ),
    Command {
        ours: true,
        ..plain(
            "folded",
            Format::Folded,
            "Outputs folded stacks for inferno and flamegraph.pl, without negative ones",
            GRAPH,
        )
    },
    Command {
        ours: true,
        ..binary(
            "speedscope",
            Format::Speedscope,
            "speedscope.json",
            "Outputs JSON for speedscope.app, with decreases as profiles of their own",
            GRAPH,
        )
    },
];

/// The command called `name`.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}
