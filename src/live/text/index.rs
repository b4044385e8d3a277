//! The page `/debug/pprof/`.

use std::fmt::Write as _;

/// The profiles that are listed, in order, with Go's descriptions: readers look for them.
const PROFILES: [(&str, &str); 10] = [
    ("allocs", "A sampling of all past memory allocations"),
    ("block", "Stack traces that led to blocking on synchronization primitives"),
    ("cmdline", "The command line invocation of the current program"),
    (
        "goroutine",
        "Stack traces of all current goroutines. Use debug=2 as a query parameter to export in the same format as an \
         unrecovered panic.",
    ),
    (
        "heap",
        "A sampling of memory allocations of live objects. You can specify the gc GET parameter to run GC before taking \
         the heap sample.",
    ),
    ("mutex", "Stack traces of holders of contended mutexes"),
    (
        "profile",
        "CPU profile. You can specify the duration in the seconds GET parameter. After you get the profile file, use the \
         go tool pprof command to investigate the profile.",
    ),
    (
        "symbol",
        "Maps given program counters to function names. Counters can be specified in a GET raw query or POST body, \
         multiple counters are separated by '+'.",
    ),
    ("threadcreate", "Stack traces that led to the creation of new OS threads"),
    (
        "trace",
        "A trace of execution of the current program. You can specify the duration in the seconds GET parameter. After \
         you get the trace file, use the go tool trace command to investigate the trace.",
    ),
];

const HEAD: &str = "<html>
<head>
<title>/debug/pprof/</title>
<style>
.profile-name{
\tdisplay:inline-block;
\twidth:6rem;
}
</style>
</head>
<body>
/debug/pprof/
<br>
<p>Set debug=1 as a query parameter to export in legacy text format</p>
<br>
Types of profiles available:
<table>
<thead><td>Count</td><td>Profile</td></thead>
";

/// The page, with the number of stacks (of threads for goroutine) of each profile; 0 for those that are not named.
pub fn index(counts: &[(&str, usize)]) -> String {
    let mut out = HEAD.to_owned();
    for (name, _) in PROFILES {
        let count = counts.iter().find(|(of, _)| *of == name).map_or(0, |(_, count)| *count);
        writeln!(out, "<tr><td>{count}</td><td><a href='{name}?debug=1'>{name}</a></td></tr>").ok();
    }
    out.push_str("</table>\n<a href=\"goroutine?debug=2\">full goroutine stack dump</a>\n<br>\n");
    out.push_str("<p>\nProfile Descriptions:\n<ul>\n");
    for (name, description) in PROFILES {
        writeln!(out, "<li><div class=profile-name>{name}: </div> {}</li>", description.replace('\'', "&#39;")).ok();
    }
    out + "</ul>\n</p>\n</body>\n</html>"
}
