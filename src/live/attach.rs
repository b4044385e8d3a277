//! Joining a program that runs already: one that `cargo memprof build` made, of the same user.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::control::{is_recent, process_state};
use super::reader::Reader;
use crate::os::{self, Pid};
use crate::programs::region::{Header, Region, word};
use crate::unwind::{self, Table};
use crate::{Error, Result};

/// The version of this tool, as it stands in the executables that it makes.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The process of this number, or the only one of this user's whose program has this name.
///
/// # Errors
/// There is none, or several.
pub fn find(named: &str) -> Result<Pid> {
    if let Ok(number) = named.parse::<i32>() {
        return Pid::from_raw(number).ok_or_else(|| Error::usage(format!("{named} is no process")));
    }
    let mut found: Vec<i32> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let exe = std::fs::read_link(format!("/proc/{pid}/exe"));
            // So the kernel calls a file that was replaced.
            exe.is_ok_and(|exe| exe.ends_with(named) || exe.ends_with(format!("{named} (deleted)")))
        })
        .collect();
    found.sort_unstable();
    match found.as_slice() {
        [] => Err(Error::other(format!("no process of yours runs a program `{named}`"))),
        [pid] => Ok(Pid::from_raw(*pid).unwrap_or(Pid::INIT)),
        several => {
            let numbers = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(Error::usage(format!("several processes run `{named}`; attach to one of them: {numbers}")))
        }
    }
}

/// Joins the process: from then on its stacks are recorded.
///
/// # Errors
/// It is not there, not this user's, not ours, or of another version of the tool.
pub fn attach(pid: Pid) -> Result<Reader> {
    let who = describe(pid);
    let refuse = |why: &str| Error::other(format!("{who} {why}"));
    if matches!(process_state(pid), None | Some('Z' | 'X')) {
        return Err(Error::other(format!("there is no process {}", pid.as_raw_nonzero())));
    }
    let folder = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    if std::fs::metadata(&folder).is_ok_and(|metadata| os::owner(&metadata) != os::user()) {
        return Err(refuse("is another user's: attach as that user"));
    }
    let region = region(&folder, &refuse)?;
    let header = region.header();
    if header.word(word::MAGIC) != word::MARK {
        return Err(refuse("has not begun to record; try again"));
    }
    let made_by = made_by(&header);
    if header.word(word::VERSION) != word::LAYOUT || made_by != VERSION {
        let line =
            format!("was built by cargo-memprof {made_by}, and this is {VERSION}: build it again, or use that one");
        return Err(refuse(&line));
    }
    let recorded = header.word(word::PID);
    if !numbers(&folder).contains(&recorded) {
        return Err(refuse(&format!("was forked by {recorded}, and is not recorded: attach to that one")));
    }
    let tool = header.word(word::TOOL);
    if tool != u64::from(std::process::id()) && is_recent(header.word(word::TOOL_TICK)) && is_alive(tool) {
        return Err(refuse(&format!("is served already, by process {tool}")));
    }
    let reader = Reader::new(region, pid);
    join(&reader).map_err(|why| refuse(&why))?;
    Ok(reader)
}

/// `process 17 (server)`.
fn describe(pid: Pid) -> String {
    let number = pid.as_raw_nonzero();
    let mut text = format!("process {number}");
    if let Ok(name) = std::fs::read_to_string(format!("/proc/{number}/comm")) {
        let _ = write!(text, " ({})", name.trim_end());
    }
    text
}

fn is_alive(pid: u64) -> bool {
    i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(|pid| process_state(pid).is_some())
}

/// Its number here, and in the containers that it is in.
fn numbers(folder: &Path) -> Vec<u64> {
    let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    line.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn made_by(header: &Header) -> String {
    let words = (0..word::MADE_BY_LEN).map(|i| header.word(word::MADE_BY + i));
    let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).take_while(|byte| !matches!(byte, 0 | b'\n')).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The memory that the process has left open for the tool.
fn region(folder: &Path, refuse: &dyn Fn(&str) -> Error) -> Result<Region> {
    const NAME: &str = "/memfd:memprof";
    let is_ours = |path: &Path| path.to_str().is_some_and(|path| path.starts_with(NAME));
    let open = std::fs::read_dir(folder.join("fd"));
    let open = open.map_err(|_| refuse("does not let this user look at it: it runs with other rights"))?;
    for entry in open.flatten() {
        if std::fs::read_link(entry.path()).is_ok_and(|target| is_ours(&target)) {
            return Region::open(&entry.path()).map_err(|e| Error::with("cannot open a program's memory", e));
        }
    }
    let maps = std::fs::read_to_string(folder.join("maps")).unwrap_or_default();
    Err(refuse(match maps.contains(NAME) {
        true => "cannot be joined: another cargo-memprof started it, or it has closed all its descriptors",
        false => "was not made by `cargo memprof build`",
    }))
}

/// Has the program tell what it has loaded, gives it the tables to walk stacks by, and has it record.
fn join(reader: &Reader) -> Result<(), String> {
    let done = reader.region.header().word(word::DONE_STEP);
    if done >= 3 {
        // By an earlier tool.
        return Ok(());
    }
    // An earlier tool may have been ended between the steps.
    if done == 0 {
        reader.ask(word::WANTED_STEP, 1, word::DONE_STEP)?;
    }
    let names = reader.names();
    let readable = names.readable();
    let tables = names.modules.iter().zip(&readable).map(|(module, readable)| {
        let mut table = unwind::build_module(readable);
        // By this name the program knows it.
        table.path.clone_from(&module.path);
        table
    });
    let bytes = Table { modules: tables.collect() }.to_bytes().map_err(|error| error.line())?;
    drop(names);
    let failed = |_| "its memory cannot be written".to_owned();
    if done < 2 {
        reader.region.set(word::TABLE_LEN, bytes.len() as u64).map_err(failed)?;
        reader.ask(word::WANTED_STEP, 2, word::DONE_STEP)?;
    } else if reader.region.header().word(word::TABLE_LEN) != bytes.len() as u64 {
        return Err("was left half joined by an earlier tool: start it again".to_owned());
    }
    let room = reader.region.header().word(word::TABLE);
    if room == 0 {
        return Err("has no memory left for the tables".to_owned());
    }
    reader.region.fill(room, &bytes).map_err(failed)?;
    reader.ask(word::WANTED_STEP, 3, word::DONE_STEP)?;
    Ok(())
}
