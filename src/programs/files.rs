//! The files that a run of a program leaves.

use std::path::{Path, PathBuf};

use super::profiles::ProgramProfiles;
use super::run::Ended;
use super::timeline::file;
use crate::pprof::profile;
use crate::results::names;
use crate::results::program::{Finished, TEMPORARIES};
use crate::{Error, fs};

/// Where they lie, below the tool's folder.
pub fn folder(home: &Path, name: &str) -> PathBuf {
    home.join("profiles").join(names::safe_path(name))
}

/// Writes them, and notes their places; mem.prof, cpu.prof and block.prof go to `besides`, too. Returns what could not be
/// written.
pub fn write(
    made: &ProgramProfiles,
    ended: &Ended,
    home: &Path,
    besides: &[Option<&Path>; 3],
    finished: &mut Finished,
) -> Vec<Error> {
    let (folder, mut troubles) = (folder(home, &finished.name), Vec::new());
    // These belong to an earlier run.
    for file in [crate::explain::SIDECAR, crate::explain::PROFILE] {
        let _ = std::fs::remove_file(folder.join(file));
    }
    let of = &mut finished.profiles;
    let profiles = [
        ("mem.prof", Some(&made.mem), &mut of.mem),
        ("cpu.prof", made.cpu.as_ref(), &mut of.cpu),
        ("block.prof", made.block.as_ref(), &mut of.block),
    ];
    for ((name, profile, path), besides) in profiles.into_iter().zip(besides) {
        let at = folder.join(name);
        let Some(profile) = profile else {
            // The file of an earlier run does not belong to this one.
            let _ = std::fs::remove_file(at);
            continue;
        };
        let bytes = profile::write(profile);
        troubles.extend(fs::replace(&at, &bytes).err());
        if let Some(besides) = besides {
            troubles.extend(fs::write_output(besides, &bytes).err());
        }
        *path = Some(at.to_string_lossy().into_owned());
    }
    let at = folder.join(TEMPORARIES);
    troubles.extend(fs::replace(&at, &profile::write(&made.temporaries)).err());
    let at = folder.join("timeline.json");
    match fs::replace(&at, file::json(&ended.timeline, &ended.region, ended.wall, &made.places).as_bytes()) {
        Ok(()) => finished.timeline = Some(at.to_string_lossy().into_owned()),
        Err(error) => troubles.push(error),
    }
    troubles
}
