//! The binaries of a profile that was recorded elsewhere: finds them by path or by build id below PPROF_BINARY_PATH,
//! and their debug information beside them, below /usr/lib/debug, or on a debuginfod server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use object::{Object, ObjectKind, ObjectSegment};

use super::Frame;
use super::lines::Lines;
use super::module::Opened;
use super::symbols::Symbols;
use crate::pprof::front::focus::Warn;
use crate::pprof::front::http;
use crate::pprof::front::symbolize::{Binaries, Binary, Call};
use crate::pprof::profile::Mapping;

/// The place where distributions put separate debug information.
const SYSTEM_DEBUG: &str = "/usr/lib/debug";

/// Finds binaries on this machine.
pub struct LocalBinaries {
    /// Folders of PPROF_BINARY_PATH.
    search: Vec<PathBuf>,
    /// Servers of DEBUGINFOD_URLS, and the cache of their answers.
    servers: Vec<String>,
    cache: Option<PathBuf>,
}

impl LocalBinaries {
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = variable("HOME").map(PathBuf::from);
        let search = match variable("PPROF_BINARY_PATH") {
            Some(list) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
            None => home.iter().map(|home| home.join("pprof/binaries")).collect(),
        };
        let servers = variable("DEBUGINFOD_URLS").map(|list| list.to_string_lossy().into_owned()).unwrap_or_default();
        let cache = variable("DEBUGINFOD_CACHE_PATH").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(variable("XDG_CACHE_HOME")?).join("debuginfod_client")));
        let cache = cache.or_else(|| Some(home?.join(".cache/debuginfod_client")));
        LocalBinaries { search, servers: servers.split_whitespace().map(str::to_owned).collect(), cache }
    }

    /// The separate debug information of the object at `path`.
    fn debug_file(&self, path: &Path, link: Option<&(String, u32)>, build_id: &str, warn: Warn<'_>) -> Option<Vec<u8>> {
        if let Some((name, sum)) = link {
            let folder = path.canonicalize().ok()?.parent()?.to_owned();
            let system = Path::new(SYSTEM_DEBUG).join(folder.strip_prefix("/").unwrap_or(&folder));
            let linked = [folder.join(name), folder.join(".debug").join(name), system.join(name)];
            let matches = |data: &Vec<u8>| {
                let mut crc = flate2::Crc::new();
                crc.update(data);
                crc.sum() == *sum
            };
            if let Some(data) = linked.iter().filter_map(|path| read_object(path).ok()).find(matches) {
                return Some(data);
            }
        }
        let matches = |data: &Vec<u8>| build_id_of(data).as_deref() == Some(build_id);
        let (folder, file) = debug_path(build_id)?;
        let system = Path::new(SYSTEM_DEBUG).join(".build-id");
        let folders = self.search.iter().map(PathBuf::as_path).chain([system.as_path()]);
        let mut found = folders.filter_map(|root| read_object(&root.join(folder).join(&file)).ok());
        found.find(matches).or_else(|| self.fetch(build_id, "debuginfo", warn).filter(matches))
    }

    /// Asks the servers for a file of the build, unless it was fetched before.
    fn fetch(&self, build_id: &str, kind: &str, warn: Warn<'_>) -> Option<Vec<u8>> {
        debug_path(build_id).filter(|_| !self.servers.is_empty())?;
        let kept = self.cache.as_ref().map(|cache| cache.join(build_id).join(kind));
        if let Some(data) = kept.as_ref().and_then(|kept| std::fs::read(kept).ok()).filter(|data| !data.is_empty()) {
            return Some(data);
        }
        for server in &self.servers {
            let url = format!("{}/buildid/{build_id}/{kind}", server.trim_end_matches('/'));
            let answer = match http::address(&url, 0, SERVER_PATIENCE.as_secs() as i64) {
                Some(address) => address.and_then(|address| http::get(&address)),
                None => Err("no address".into()),
            };
            match answer {
                Ok(data) => {
                    if let Some(kept) = kept {
                        keep(&kept, &data);
                    }
                    return Some(data);
                }
                Err(error) if error.contains("404") => {}
                Err(error) => warn(&format!("debuginfod: {url}: {error}")),
            }
        }
        None
    }

    /// The bytes of a binary that is not where the profile says.
    fn elsewhere(&self, build_id: &str, warn: Warn<'_>) -> Option<Vec<u8>> {
        self.fetch(build_id, "executable", warn).or_else(|| self.debug_file(Path::new(""), None, build_id, warn))
    }
}

/// How long a server's answer may take to begin.
const SERVER_PATIENCE: Duration = Duration::from_secs(90);

/// The bytes of an object file. A profile may name any path, so this does not open devices and pipes, and does not
/// read other files whole.
fn read_object(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Error, ErrorKind, Read};
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Err(Error::new(ErrorKind::InvalidInput, "no regular file"));
    }
    let mut file = std::fs::File::open(path)?;
    let mut data = Vec::new();
    (&mut file).take(4).read_to_end(&mut data)?;
    if data == object::elf::ELFMAG {
        file.read_to_end(&mut data)?;
    }
    Ok(data)
}

/// Caches a fetched file. If that fails, it will be fetched again.
fn keep(path: &Path, data: &[u8]) {
    let Some(folder) = path.parent() else { return };
    let written = std::fs::create_dir_all(folder).and_then(|()| tempfile::NamedTempFile::new_in(folder));
    if let Ok(mut file) = written
        && std::io::Write::write_all(&mut file, data).is_ok()
    {
        let _ = file.persist(path);
    }
}

/// Splits a build id into `ab` and `cdef….debug`, if it is one.
fn debug_path(build_id: &str) -> Option<(&str, String)> {
    let is_id = build_id.len() > 2 && build_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| (&build_id[..2], format!("{}.debug", &build_id[2..])))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The build id of an object file; empty if it has none, `None` if it is not an object file.
fn build_id_of(data: &[u8]) -> Option<String> {
    let file = object::File::parse(data).ok()?;
    Some(hexadecimal(file.build_id().ok().flatten().unwrap_or_default()))
}

impl Binaries for LocalBinaries {
    fn locate(&self, mapping: &Mapping, warn: Warn<'_>) -> Option<String> {
        let (file, id) = (mapping.file.trim_start_matches('/'), &*mapping.build_id);
        let name = Path::new(file).file_name().unwrap_or_default();
        let debug_name = format!("{}.debug", name.to_string_lossy());
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        // The id comes from the profile and must not lead out of the folder.
        let is_plain = !id.is_empty() && !id.contains('/') && !id.starts_with('.');
        for root in &self.search {
            let mut candidates = Vec::new();
            if is_plain {
                candidates.push(root.join(id).join(name));
                let mut inside: Vec<PathBuf> = std::fs::read_dir(root.join(id))
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| entry.path())
                    .collect();
                inside.sort();
                candidates.extend(inside);
                candidates.push(root.join(file).join(id));
                candidates.extend(debug_path(id).map(|(folder, file)| root.join(folder).join(file)));
            }
            if !file.is_empty() {
                candidates.extend([root.join(name), root.join(file), root.join(format!("{file}.debug"))]);
                candidates.push(root.join(folder).join(".debug").join(&debug_name));
                candidates.push(root.join("usr/lib/debug").join(folder).join(&debug_name));
            }
            for path in candidates.iter().filter(|path| path.is_file()) {
                let Some(found) = read_object(path).ok().and_then(|data| build_id_of(&data)) else { continue };
                let path = path.to_string_lossy().into_owned();
                if id.is_empty() || id == found {
                    return Some(path);
                }
                warn(&format!("Ignoring local file {path}: build-id mismatch ({id} != {found})"));
            }
        }
        None
    }

    fn open(&self, mapping: &Mapping, fast: bool, warn: Warn<'_>) -> Result<Box<dyn Binary>, String> {
        let path = Path::new(&*mapping.file);
        let data = match read_object(path) {
            Ok(data) => data,
            Err(error) => self.elsewhere(&mapping.build_id, warn).ok_or_else(|| {
                format!("open {}: {}", mapping.file, crate::pprof::reports::sources::plain_error(&error))
            })?,
        };
        let unreadable = || format!("open {}: unrecognized object file", mapping.file);
        let file = object::File::parse(&data[..]).map_err(|_| unreadable())?;
        let build_id = hexadecimal(file.build_id().ok().flatten().unwrap_or_default());
        let read_lines = |file: &object::File<'_>, warn: Warn<'_>| {
            let problem = |error: String| format!("{}: its debug information cannot be read: {error}", mapping.file);
            let wanted = !fast && file.is_little_endian();
            wanted.then(|| Lines::load(file).map_err(|error| warn(&problem(error))).ok().flatten()).flatten()
        };
        let mut symbols = Symbols::load(&file);
        let mut lines = read_lines(&file, warn);
        if lines.is_none() && (!fast || symbols.is_empty()) {
            let link = file.gnu_debuglink().ok().flatten();
            let link = link.map(|(name, sum)| (String::from_utf8_lossy(name).into_owned(), sum));
            let debug = self.debug_file(path, link.as_ref(), &build_id, warn);
            if let Some(debug) = debug.as_ref().and_then(|data| object::File::parse(&data[..]).ok()) {
                lines = read_lines(&debug, warn);
                let more = Symbols::load(&debug);
                if !more.is_empty() {
                    symbols = more;
                }
            }
        }
        let (start, limit, offset) = (mapping.start, mapping.limit, mapping.offset);
        Ok(Box::new(LocalBinary {
            build_id,
            opened: Opened::of(lines, symbols),
            place: Place::new(&file, start, limit, offset),
        }))
    }
}

struct LocalBinary {
    build_id: String,
    opened: Opened,
    place: Place,
}

impl Binary for LocalBinary {
    fn build_id(&self) -> &str {
        &self.build_id
    }

    fn calls(&mut self, address: u64) -> Vec<Call> {
        let frames = self.opened.known_frames(self.place.in_file(address));
        if frames.iter().all(|frame| frame.function.is_empty() && frame.file.is_empty()) {
            return Vec::new();
        }
        let call = |frame: Frame| Call {
            function: frame.function,
            system_name: frame.system_name,
            file: frame.file,
            line: frame.line.into(),
            column: frame.column.unwrap_or(0).into(),
            start_line: frame.start_line.into(),
        };
        frames.into_iter().map(call).collect()
    }
}

/// The place of a binary in memory.
struct Place {
    /// It runs at the addresses that the file says.
    is_fixed: bool,
    start: u64,
    offset: u64,
    /// Offset in the file, size and address of its segments, those with code first.
    segments: Vec<(u64, u64, u64)>,
}

impl Place {
    fn new(file: &object::File<'_>, start: u64, limit: u64, offset: u64) -> Self {
        let is_code = |segment: &object::Segment<'_, '_>| match segment.flags() {
            object::SegmentFlags::Elf { p_flags, .. } => (p_flags & object::elf::PF_X).0 != 0,
            _ => false,
        };
        let mut segments: Vec<_> = file
            .segments()
            .map(|segment| {
                let (offset, size) = segment.file_range();
                (!is_code(&segment), offset, size.max(segment.size()), segment.address())
            })
            .collect();
        segments.sort_unstable();
        Place {
            is_fixed: file.kind() == ObjectKind::Executable || (start == 0 && (limit == 0 || limit == u64::MAX)),
            start,
            offset,
            segments: segments.into_iter().map(|(_, offset, size, address)| (offset, size, address)).collect(),
        }
    }

    /// The address in the file of a run-time address.
    fn in_file(&self, address: u64) -> u64 {
        if self.is_fixed {
            return address;
        }
        let at = address.wrapping_sub(self.start).wrapping_add(self.offset);
        let segment =
            self.segments.iter().find(|(offset, size, _)| at.checked_sub(*offset).is_some_and(|at| at < *size));
        segment.map_or(at, |(offset, _, address)| at - offset + address)
    }
}
