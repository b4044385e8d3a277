//! `cargo memprof pprof`: the reports of `go tool pprof`, without Go.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;

use crate::pprof::front::arguments::{Refusal, Request, parse};
use crate::pprof::front::fetch::load;
use crate::pprof::front::generate::generate;
use crate::pprof::front::output::{Destination, deliver};
use crate::pprof::front::{help, shell, terminal};
use crate::pprof::profile::Profile;
use crate::programs::timeline::{file, interval};
use crate::session::last_run;
use crate::symbolize::LocalBinaries;
use crate::web::server::listen::Options;
use crate::web::server::saved::Saved;
use crate::web::server::{Address, Listening, Site, serve};
use crate::{Result, exit};

/// Runs the command with the arguments behind its name. Every error is pprof's: a line on stderr, and exit code 2.
pub fn run(args: &[OsString]) -> Result<u8> {
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    Ok(match try_run(&args) {
        Ok(()) => exit::OK,
        Err(error) => {
            say(&error);
            exit::USAGE
        }
    })
}

fn try_run(args: &[String]) -> Result<(), String> {
    let request = match parse(args) {
        Ok(request) => Request { cut: Some(cut), ..request },
        Err(Refusal::Help) => {
            say(&help::command_line());
            return Ok(());
        }
        Err(Refusal::Error(error)) => return Err(error),
    };
    request.warnings.iter().for_each(|warning| say(warning));
    // Bind the port first: loading a large profile takes long, and a taken port should fail at once.
    let address = request.http.as_deref().map(Address::parse).transpose()?;
    let listening = address.map(Listening::on).transpose()?;
    let loaded =
        load(&request, &last_run::profile, Some(&LocalBinaries::from_environment()), &mut say).map_err(|error| {
            let others = request.sources.iter().find_map(|name| last_run::other_names(name));
            others.map_or(error.clone(), |others| format!("{error}\n{others}"))
        })?;
    if let Some(listening) = listening {
        let name = match &request.sources[..] {
            [one] => last_run::benchmark_of(one).unwrap_or_default(),
            _ => String::new(),
        };
        let site = Site::of_profile(loaded, name, request.config, Saved::of_user());
        let options = Options { browser: !request.no_browser, is_over: &|| false, say: &mut say };
        return serve(site, listening, options);
    }
    let Some(invocation) = &request.invocation else {
        if std::io::stdin().is_terminal() {
            let names = loaded.profile.functions.iter().map(|function| function.name.to_string()).collect();
            return shell::run(loaded, request.config, &mut terminal::Terminal::new(names)?, &mut say);
        }
        return shell::run(loaded, request.config, &mut terminal::Plain, &mut say);
    };
    let bytes = generate(loaded, invocation, &request.config, &mut say)?;
    let output = &request.config.output;
    let to = if output.is_empty() { Destination::Default } else { Destination::File(output) };
    deliver(bytes, invocation, to, false, &mut say)
}

/// The mem.prof at `path` from one moment of the program's run to another, by the timeline beside it.
fn cut(interval: &str, path: &Path, mem: Profile) -> Result<Profile, String> {
    let interval = interval.parse().map_err(|error| format!("-between: {error}"))?;
    let beside = path.with_file_name("timeline.json");
    let text = std::fs::read(&beside)
        .map_err(|_| format!("-between needs the timeline of the run, and there is no {}", beside.display()))?;
    let timeline = file::read(&text).map_err(|error| format!("{}: {error}", beside.display()))?;
    interval::cut(mem, &timeline, interval)
}

/// A line on stderr. If stderr is closed, there is no reader.
fn say(text: &str) {
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{text}{newline}").as_bytes());
}
