//! Profiles that come without names: from another machine's file, over HTTP, named by the binary wherever it is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use cargo_memprof::pprof::profile::{Builder, Line, ValueType, write};
use object::{Object, ObjectSegment, ObjectSymbol};

const PROGRAM: &str = "
#[inline(never)] #[unsafe(no_mangle)] pub extern \"C\" fn outer(x: u64) -> u64 { std::hint::black_box(x) * 3 }
fn main() { std::process::exit(outer(std::env::args().count() as u64) as i32) }
";

/// A program with a build id, and a profile of it whose mapping names a file that is not there.
struct Recorded {
    folder: tempfile::TempDir,
    program: PathBuf,
    build_id: String,
    profile: PathBuf,
}

/// Where the program is said to have been loaded.
const BASE: u64 = 0x5555_5555_4000;

fn recorded() -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("program.rs"), folder.path().join("program"));
    std::fs::write(&source, PROGRAM).unwrap();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "-Cdebuginfo=1", "-Clink-arg=-Wl,--build-id", "-o"]).arg(&program).arg(&source);
    assert!(rustc.status().unwrap().success());
    let data = std::fs::read(&program).unwrap();
    let file = object::File::parse(&data[..]).unwrap();
    let build_id = file.build_id().unwrap().unwrap().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let outer = file.symbols().find(|symbol| symbol.name() == Ok("outer")).unwrap().address();
    let holds =
        |segment: &object::Segment<'_, '_>| (segment.address()..segment.address() + segment.size()).contains(&outer);
    let code = file.segments().find(holds).unwrap();
    let page = |address: u64| address & !0xfff;
    let (start, limit) = (BASE + page(code.address()), BASE + page(code.address() + code.size() + 0xfff));
    let text = format!(
        "heap profile: 1: 64 [1: 64] @ heapprofile\n 1: 64 [1: 64] @ {:#x}\nMAPPED_LIBRARIES:\n{start:x}-{limit:x}: /gone/program (@{:x}) {build_id}\n",
        BASE + outer + 1,
        page(code.file_range().0),
    );
    let profile = folder.path().join("heap.prof");
    std::fs::write(&profile, text).unwrap();
    Recorded { folder, program, build_id, profile }
}

fn pprof(folder: &Path, arguments: &[&str], environment: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
    command.arg("pprof").args(arguments).current_dir(folder).env("HOME", folder).env_remove("PPROF_BINARY_PATH");
    command.env_remove("PPROF_TMPDIR").env_remove("DEBUGINFOD_URLS").env_remove("DEBUGINFOD_CACHE_PATH");
    command.envs(environment.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn binaries_are_found_by_argument_by_build_id_and_by_path() {
    let recorded = recorded();
    let root = recorded.folder.path();
    let profile = recorded.profile.to_str().unwrap();
    let lines = |arguments: &[&str], search: &Path| {
        let output = pprof(root, &[&["-traces", "-lines"], arguments].concat(), &[("PPROF_BINARY_PATH", search)]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), text(&output.stderr))
    };
    let nowhere = root.join("nowhere");
    let (unnamed, complaint) = lines(&[profile], &nowhere);
    assert!(
        unnamed.contains("[program]") && complaint.contains("Try setting PPROF_BINARY_PATH"),
        "{unnamed}{complaint}"
    );
    let named = |(traces, complaint): (String, String)| {
        assert!(traces.contains("outer") && traces.contains("program.rs:2"), "{traces}{complaint}");
        assert_eq!(complaint, "");
    };
    named(lines(&[recorded.program.to_str().unwrap(), profile], &nowhere));
    let (head, rest) = recorded.build_id.split_at(2);
    let places = [
        format!("by-id/{}/anything", recorded.build_id),
        format!("by-debug-id/{head}/{rest}.debug"),
        "by-name/program".into(),
        "by-path/gone/program".into(),
        "by-suffix/gone/program.debug".into(),
        "by-folder/usr/lib/debug/gone/program.debug".into(),
    ];
    for place in places {
        let path = root.join(&place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(&recorded.program, &path).unwrap();
        named(lines(&[profile], &root.join(place.split('/').next().unwrap())));
    }
    let fast = lines(&["-symbolize=fastlocal", profile], &root.join("by-name")).0;
    assert!(fast.contains("outer") && !fast.contains("program.rs"), "{fast}");
    let other = std::fs::read_to_string(profile).unwrap().replace(&recorded.build_id, "0123456789abcdef");
    std::fs::write(profile, other).unwrap();
    let (traces, complaint) = lines(&[profile], &root.join("by-name"));
    assert!(!traces.contains("outer") && complaint.contains("build-id mismatch (0123456789abcdef !="), "{complaint}");
}

#[test]
fn separate_debug_files_are_read() {
    let recorded = recorded();
    let root = recorded.folder.path();
    let objcopy = |arguments: &[&str]| Command::new("objcopy").args(arguments).current_dir(root).status();
    if !objcopy(&["--only-keep-debug", "program", "linked.debug"]).is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no objcopy");
        return;
    }
    assert!(objcopy(&["--strip-all", "--add-gnu-debuglink=linked.debug", "program", "linked"]).unwrap().success());
    let traces = || {
        let output = pprof(root, &["-traces", "-lines", "linked", recorded.profile.to_str().unwrap()], &[]);
        text(&output.stdout)
    };
    assert!(traces().contains("program.rs:2"), "{}", traces());
    // One that was made for another build is not taken.
    std::fs::OpenOptions::new().append(true).open(root.join("linked.debug")).unwrap().write_all(b"x").unwrap();
    assert!(!traces().contains("program.rs"), "{}", traces());
}

#[test]
fn paths_in_a_profile_are_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new("mkfifo").arg(folder.path().join("fifo")).status().unwrap().success());
    let fifo = folder.path().join("fifo").to_string_lossy().into_owned();
    for file in ["/dev/zero", "/proc/self/environ", "/", &fifo] {
        let text = format!(
            "heap profile: 1: 64 [1: 64] @ heapprofile\n 1: 64 [1: 64] @ 0x1010\nMAPPED_LIBRARIES:\n1000-2000: {file} (@0) ../../x\n"
        );
        std::fs::write(folder.path().join("heap.prof"), text).unwrap();
        let search = [("PPROF_BINARY_PATH", folder.path())];
        let output = pprof(folder.path(), &["-top", "heap.prof"], &search);
        assert!(output.status.success(), "{}", self::text(&output.stderr));
    }
}

/// Answers every request by its path, and notes the paths.
fn serve(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            let mut reader = BufReader::new(&mut stream);
            reader.read_line(&mut line).unwrap();
            let mut header = String::new();
            while reader.read_line(&mut header).unwrap() > 2 {
                header.clear();
            }
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let (status, body) = answer(&path).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
            log.lock().unwrap().push(path);
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&body);
            let _ = stream.flush();
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read(&mut [0]);
        }
    });
    (address, asked)
}

#[test]
fn debuginfod_servers_are_asked_once() {
    let recorded = recorded();
    let (id, program) = (recorded.build_id.clone(), std::fs::read(&recorded.program).unwrap());
    let (address, asked) = serve(move |path| (path == format!("/buildid/{id}/executable")).then(|| program.clone()));
    let server = format!("http://{address}");
    let cache = recorded.folder.path().join("cache");
    for _ in 0..2 {
        let environment = [("DEBUGINFOD_URLS", Path::new(&server)), ("DEBUGINFOD_CACHE_PATH", &cache)];
        let output = pprof(recorded.folder.path(), &["-traces", recorded.profile.to_str().unwrap()], &environment);
        assert!(text(&output.stdout).contains("outer"), "{}", text(&output.stderr));
    }
    assert_eq!(asked.lock().unwrap().len(), 1, "the second run finds the kept file");
}

#[test]
fn live_profiles_are_fetched_and_kept() {
    let mut builder = Builder::new(vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")]);
    let function = builder.function("burn", "", "/src/main.go", 3);
    let location = builder.location(None, 0, vec![Line { function, line: 4, column: 0 }]);
    builder.sample(vec![location], vec![3, 30_000_000], vec![]);
    let profile = write(&builder.finish());
    let (address, asked) = serve(move |path| (!path.contains("nothing")).then(|| profile.clone()));
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| pprof(home.path(), arguments, &[]);
    let base = format!("-base=http://{address}/debug/pprof/profile?seconds=1");
    let whole = format!("http://{address}/debug/pprof/heap?gc=1");
    for (arguments, expected) in [
        (vec!["-top", address.as_str()], vec!["/debug/pprof/profile"]),
        (vec!["-top", "-seconds=5", &address], vec!["/debug/pprof/profile?seconds=5"]),
        (vec!["-top", &base, &whole], vec!["/debug/pprof/heap?gc=1", "/debug/pprof/profile?seconds=1"]),
    ] {
        asked.lock().unwrap().clear();
        let output = run(&arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(*asked.lock().unwrap(), expected);
        let said = text(&output.stderr);
        let kept = said.lines().find_map(|line| line.strip_prefix("Saved profile in ")).unwrap().to_owned();
        assert!(Path::new(&kept).starts_with(home.path().join("pprof")), "{kept}");
        assert!(run(&["-raw", &kept]).status.success());
    }
    assert!(text(&run(&["-top", &address]).stdout).contains("burn"));
    let missing = run(&["-top", &format!("http://{address}/nothing")]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("404 Not Found"), "{}", text(&missing.stderr));
}
