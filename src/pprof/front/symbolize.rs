//! Names addresses with the binaries on this machine. The caller opens the binaries: [`Binaries`].

use rustc_hash::FxHashMap;

use super::focus::Warn;
use super::http::is_url;
use crate::pprof::profile::{DemangleMode, Function, Line, Mapping, Profile, path};

/// Finds and opens the binaries that a profile's mappings name.
pub trait Binaries {
    /// The path of the binary of `mapping`, if it is not where the profile says.
    fn locate(&self, mapping: &Mapping, warn: Warn<'_>) -> Option<String>;

    /// Opens the binary; with `fast`, for function names only. The error describes the problem with the file.
    fn open(&self, mapping: &Mapping, fast: bool, warn: Warn<'_>) -> Result<Box<dyn Binary>, String>;
}

/// An open binary.
pub trait Binary {
    /// In hexadecimal digits; empty if it has none.
    fn build_id(&self) -> &str;

    /// The calls at a run-time address, the innermost first; none if the binary does not know it.
    fn calls(&mut self, address: u64) -> Vec<Call>;
}

/// A call in the source.
pub struct Call {
    pub function: String,
    /// The linker's name; empty if unknown.
    pub system_name: String,
    pub file: String,
    pub line: i64,
    pub column: i64,
    pub start_line: i64,
}

/// Symbolizes as `-symbolize=MODE` says, and demangles. Profiles with names keep them unless the mode has `force`.
pub fn symbolize(profile: &mut Profile, mode: &str, binaries: Option<&dyn Binaries>, warn: Warn<'_>) {
    let (mut local, mut fast, mut force, mut demangle) = (true, false, false, DemangleMode::Simplified);
    for option in mode.to_lowercase().split(':') {
        match option {
            "" | "demangle=default" | "default" => {}
            "none" | "no" => return,
            "local" => local = true,
            "fastlocal" => (local, fast) = (true, true),
            "remote" => {
                local = false;
                warn("-symbolize=remote: no symbol server is asked; name the binary in front of the profile instead");
            }
            "force" => force = true,
            other => {
                demangle = match other.strip_prefix("demangle=").unwrap_or(other) {
                    "full" => DemangleMode::Full,
                    "none" => DemangleMode::None,
                    "templates" => DemangleMode::Templates,
                    _ => {
                        warn(&format!("ignoring unrecognized symbolization option: {mode}"));
                        warn(
                            "expecting -symbolize=[local|fastlocal|remote|none][:force][:demangle=[none|full|templates|default]",
                        );
                        continue;
                    }
                };
                force = true;
            }
        }
    }
    if let Some(binaries) = binaries.filter(|_| local) {
        name_locations(profile, force, fast, binaries, warn);
    }
    profile.demangle(force, demangle);
}

fn name_locations(profile: &mut Profile, force: bool, fast: bool, binaries: &dyn Binaries, warn: Warn<'_>) {
    let mut locations: Vec<Vec<usize>> = vec![Vec::new(); profile.mappings.len()];
    for (index, location) in profile.locations.iter().enumerate() {
        if let Some(mapping) = location.mapping {
            locations[mapping as usize].push(index);
        }
    }
    let mut functions = FxHashMap::default();
    let mut missing = false;
    for (index, locations) in locations.iter().enumerate().filter(|(_, locations)| !locations.is_empty()) {
        let mapping = &profile.mappings[index];
        if !force && (mapping.has_functions || mapping.has_filenames || mapping.has_line_numbers) {
            continue;
        }
        if mapping.file.is_empty() {
            if index == 0 {
                warn("Main binary filename not available.");
            } else {
                missing = true;
            }
            continue;
        }
        let is_source = mapping.build_id.is_empty() && is_url(&mapping.file);
        if mapping.unsymbolizable() || (is_source && mapping.file.to_lowercase().starts_with("http")) {
            continue;
        }
        let build_id =
            if mapping.build_id.is_empty() { String::new() } else { format!(" (build ID {})", mapping.build_id) };
        let name = format!("{}{build_id}", path::base(&mapping.file));
        match binaries.open(mapping, fast, warn) {
            Ok(binary)
                if !binary.build_id().is_empty()
                    && !mapping.build_id.is_empty()
                    && binary.build_id() != &*mapping.build_id =>
            {
                warn(&format!("Local symbolization failed for {name}: build ID mismatch"));
            }
            Ok(mut binary) => name_mapping(profile, index, locations, &mut *binary, &mut functions),
            Err(problem) => {
                warn(&format!("Local symbolization failed for {name}: {problem}"));
                missing = true;
            }
        }
    }
    if missing {
        warn(
            "Some binary filenames not available. Symbolization may be incomplete.\nTry setting PPROF_BINARY_PATH to the search path for local binaries.",
        );
    }
}

/// Functions by name, file and first line.
type Functions = FxHashMap<(String, String, i64), u32>;

fn name_mapping(
    profile: &mut Profile,
    mapping: usize,
    locations: &[usize],
    binary: &mut dyn Binary,
    functions: &mut Functions,
) {
    let mut highest = profile.functions.iter().map(|function| function.id).max().unwrap_or(0);
    for index in locations {
        let calls = binary.calls(profile.locations[*index].address);
        if calls.is_empty() {
            continue;
        }
        let mapping = &mut profile.mappings[mapping];
        mapping.has_inline_frames = true;
        let mut lines = Vec::with_capacity(calls.len());
        for call in calls {
            mapping.has_functions |= !call.function.is_empty();
            mapping.has_filenames |= !call.file.is_empty();
            mapping.has_line_numbers |= call.line != 0;
            let next = profile.functions.len() as u32;
            // Demangling comes later, as far as the mode asks for it.
            let system_name = if call.system_name.is_empty() { &call.function } else { &call.system_name };
            let key = (system_name.clone(), call.file, call.start_line);
            let function = *functions.entry(key.clone()).or_insert(next);
            if function == next {
                highest += 1;
                let (name, file, start_line) = key;
                profile.functions.push(Function {
                    id: highest,
                    name: name.as_str().into(),
                    system_name: name.into(),
                    filename: file.into(),
                    start_line,
                });
            }
            lines.push(Line { function, line: call.line, column: call.column });
        }
        let location = &mut profile.locations[*index];
        (location.lines, location.is_folded) = (lines, false);
    }
}
