//! Turns the sources on the command line into one profile: reads files, live endpoints and benchmarks of the last run,
//! merges several, subtracts bases, and makes names readable.

use std::path::{Path, PathBuf};

use super::arguments::Request;
use super::focus::Warn;
use super::http::{self, is_url};
use super::symbolize::{Binaries, symbolize};
use crate::fs;
use crate::pprof::profile::comment::iterations;
use crate::pprof::profile::{BASE_KEY, Mapping, Profile, combine, path, read, write};
use crate::pprof::reports::sources::plain_error;

/// Finds the profile of a benchmark by its name (`buffer_write/pooled`, with `:cpu` or `:block` appended for a profile
/// other than its mem.prof). `None`: no benchmark has this name or one close to it. The error is shown as it is; it
/// offers candidates if the name is ambiguous.
pub type Resolver<'a> = &'a dyn Fn(&str) -> Option<Result<PathBuf, crate::Error>>;

/// The resolver that knows no benchmarks.
pub fn no_benchmarks(_: &str) -> Option<Result<PathBuf, crate::Error>> {
    None
}

/// The values of a profile per operation are whole multiples of one divided by this number.
pub const FIXED_POINT: f64 = 1e6;

/// Whether values of a sample type already refer to one iteration: a peak is not a sum over all.
pub fn is_of_one_iteration(kind: &str) -> bool {
    matches!(kind, "peak_space" | "peak_objects")
}

/// A profile, ready for reports.
#[derive(Clone)]
pub struct Loaded {
    pub profile: Profile,
    /// The number of iterations of a benchmark that it was recorded over, if it says so.
    pub iterations: Option<u64>,
    /// It is the difference of two.
    pub compared: bool,
    /// Its values have been divided by the iterations, and multiplied with [`FIXED_POINT`].
    pub per_op: bool,
}

impl Loaded {
    /// Divides the values by the iterations, unless that has been done.
    pub fn divide_by_iterations(&mut self) -> Result<(), String> {
        if self.per_op {
            return Ok(());
        }
        if self.compared {
            return Err("-per_op with a base must be given on the command line".into());
        }
        let iterations =
            self.iterations.ok_or("-per_op: the profile does not say over how many iterations it was recorded")?;
        let types = self.profile.sample_types.iter();
        let ratio = |kind: &str| FIXED_POINT / if is_of_one_iteration(kind) { 1.0 } else { iterations as f64 };
        let ratios: Vec<f64> = types.map(|value_type| ratio(&value_type.kind)).collect();
        self.profile.scale_values(&ratios);
        self.per_op = true;
        Ok(())
    }
}

/// Loads the sources that `request` names; `binaries` names addresses. With several sources, problems with one of them
/// go to `warn`.
pub fn load(
    request: &Request,
    resolver: Resolver<'_>,
    binaries: Option<&dyn Binaries>,
    warn: Warn<'_>,
) -> Result<Loaded, String> {
    let (executable, sources) = match &request.sources[..] {
        [first, rest @ ..] if !rest.is_empty() && is_object(Path::new(first)) => (first.as_str(), rest),
        all => ("", all),
    };
    let mut grab = |names: &[String]| -> Result<(Option<Loaded>, usize), String> {
        let mut profiles = Vec::new();
        for name in names {
            match grab(name, request, resolver, warn) {
                Ok(mut profile) => {
                    locate_binaries(&mut profile, executable, &request.build_id, binaries, warn);
                    profiles.push(profile);
                }
                Err(error) => warn(&format!("{name}: {error}")),
            }
        }
        let count = profiles.len();
        let sum = profiles.iter().filter_map(iterations).fold(0u64, u64::saturating_add);
        let all = profiles.iter().all(|profile| iterations(profile).is_some());
        let iterations = (all && sum > 0).then_some(sum);
        let profile = if profiles.is_empty() { None } else { Some(combine(profiles)?) };
        Ok((profile.map(|profile| Loaded { profile, iterations, compared: false, per_op: false }), count))
    };
    let (loaded, source_count) = grab(sources).map_err(|error| format!("problem fetching source profiles: {error}"))?;
    let (base, base_count) =
        grab(&request.bases).map_err(|error| format!("problem fetching base profiles: {error},"))?;
    let mut loaded = loaded.ok_or("failed to fetch any source profiles")?;
    if base.is_none() && !request.bases.is_empty() {
        return Err("failed to fetch any base profiles".into());
    }
    if source_count != sources.len() {
        warn(&format!("Fetched {source_count} source profiles out of {}", sources.len()));
    }
    if base_count != request.bases.len() {
        warn(&format!("Fetched {base_count} base profiles out of {}", request.bases.len()));
    }
    if let Some(base) = base {
        subtract(&mut loaded, base, request)?;
    }
    finish(&mut loaded.profile, request, binaries, warn);
    if sources.iter().chain(&request.bases).any(|name| is_remote(name, resolver)) {
        save(&loaded.profile, warn);
    }
    Ok(loaded)
}

/// The profile in the file at `path`.
pub fn load_file(path: &Path) -> Result<Loaded, String> {
    let request = Request { sources: vec![path.to_string_lossy().into_owned()], ..Request::default() };
    let mut problem = None;
    // The first warning is the reason; the error itself only says that there is one.
    let loaded = load(&request, &no_benchmarks, None, &mut |warning| {
        problem.get_or_insert(warning.to_owned());
    });
    loaded.map_err(|error| match path.exists() {
        false => format!("{} is gone; run the benches again", path.display()),
        true => problem.unwrap_or(error),
    })
}

/// Per operation, `loaded` minus `base`, whose samples are marked; percentages are of the base.
pub fn difference(mut loaded: Loaded, base: Loaded) -> Result<Loaded, String> {
    let mut request = Request { diff_base: true, ..Request::default() };
    request.config.per_op = true;
    subtract(&mut loaded, base, &request)?;
    Ok(loaded)
}

fn subtract(loaded: &mut Loaded, mut base: Loaded, request: &Request) -> Result<(), String> {
    if request.config.per_op {
        loaded.divide_by_iterations()?;
        base.divide_by_iterations()?;
    }
    if request.diff_base {
        base.profile.set_label(BASE_KEY, "true");
    }
    if request.config.normalize {
        loaded.profile.normalize(&base.profile)?;
    }
    base.profile.scale(-1.0);
    loaded.profile = combine(vec![std::mem::take(&mut loaded.profile), base.profile])?;
    loaded.compared = true;
    Ok(())
}

fn finish(profile: &mut Profile, request: &Request, binaries: Option<&dyn Binaries>, warn: Warn<'_>) {
    if request.all_frames {
        profile.drop_frames = "".into();
        profile.keep_frames = "".into();
    }
    symbolize(profile, &request.symbolize, binaries, warn);
    profile.remove_uninteresting();
    for mapping in &mut profile.mappings {
        if mapping.build_id.is_empty() && is_url(&mapping.file) {
            mapping.file = "".into();
        }
    }
    if !request.add_comment.is_empty() {
        profile.comments.push(request.add_comment.as_str().into());
    }
}

fn grab(name: &str, request: &Request, resolver: Resolver<'_>, warn: Warn<'_>) -> Result<Profile, String> {
    let file = |path: &Path| {
        let data = fs::read_input(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::IsADirectory => format!("read {}: is a directory", path.display()),
            _ => format!("open {}: {}", path.display(), plain_error(&error)),
        })?;
        let profile = read(&data).map_err(|error| error.to_string())?;
        match request.cut.filter(|_| !request.between.is_empty()) {
            Some(cut) => cut(&request.between, path, profile),
            None => Ok(profile),
        }
    };
    let missing = match std::fs::metadata(name) {
        Ok(_) => return file(Path::new(name)),
        Err(error) => format!("stat {name}: {}", plain_error(&error)),
    };
    if let Some(found) = resolver(name) {
        return file(&found.map_err(|error| error.to_string())?);
    }
    let address = http::address(name, request.seconds, request.timeout).ok_or(missing)??;
    if !request.between.is_empty() {
        return Err(
            "-between needs the mem.prof of a program's run; of a live program, -seconds gives an interval".into()
        );
    }
    warn(&format!("Fetching profile over HTTP from {}", address.url));
    if request.seconds > 0 {
        warn(&format!("Please wait... ({}s)", request.seconds));
    }
    read(&http::get(&address)?).map_err(|error| error.to_string())
}

fn is_remote(name: &str, resolver: Resolver<'_>) -> bool {
    !Path::new(name).exists() && resolver(name).is_none() && http::address(name, 0, 0).is_some()
}

/// Whether the file is an executable or a library: then the first of several sources is no profile.
fn is_object(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, 4096), &mut head));
    read.is_ok() && object::FileKind::parse(&head[..]).is_ok()
}

/// Names the binaries by where they are on this machine, and the main one as the command line does. A profile without
/// mappings gets one.
fn locate_binaries(
    profile: &mut Profile,
    executable: &str,
    build_id: &str,
    binaries: Option<&dyn Binaries>,
    warn: Warn<'_>,
) {
    for mapping in &mut profile.mappings {
        if let Some(file) = binaries.and_then(|binaries| binaries.locate(mapping, warn)) {
            mapping.file = file.into();
        }
    }
    if profile.mappings.is_empty() {
        profile.mappings.push(Mapping { id: 1, ..Mapping::default() });
        for location in &mut profile.locations {
            location.mapping = Some(0);
        }
    }
    let main = &mut profile.mappings[0];
    if !executable.is_empty() {
        main.file = executable.into();
    }
    if !build_id.is_empty() && main.build_id.is_empty() {
        main.build_id = build_id.into();
    }
}

/// Keeps a copy of a profile that came over the network: it cannot be fetched again.
fn save(profile: &Profile, warn: Warn<'_>) {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(|home| PathBuf::from(home).join("pprof"));
    let chosen = std::env::var_os("PPROF_TMPDIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let directories = chosen.into_iter().chain(home).chain([std::env::temp_dir()]);
    let Some(directory) = directories.into_iter().find(|directory| std::fs::create_dir_all(directory).is_ok()) else {
        warn("Could not save profile: no directory for it");
        return;
    };
    let main = profile
        .mappings
        .first()
        .filter(|main| !main.file.is_empty())
        .map(|main| format!("{}.", path::base(&main.file)));
    let types: String = profile.sample_types.iter().map(|value_type| format!("{}.", value_type.kind)).collect();
    let prefix = format!("pprof.{}{types}", main.unwrap_or_default());
    match super::output::new_file(&directory, &prefix.replace('/', "_"), ".pb.gz") {
        Ok((mut file, path)) => match std::io::Write::write_all(&mut file, &write(profile)) {
            Ok(()) => warn(&format!("Saved profile in {}", path.display())),
            Err(error) => warn(&format!("Could not save profile: {}", plain_error(&error))),
        },
        Err(error) => warn(&format!("Could not save profile: {}", plain_error(&error))),
    }
}
