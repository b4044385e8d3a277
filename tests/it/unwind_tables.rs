//! The unwind tables of real objects, row by row against binutils' own reading of the same .eh_frame.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_memprof::records::Module;
use cargo_memprof::unwind::{Base, Decoded, Rule, Table, build, build_module};
use object::{Object, ObjectSection};

fn module(path: &Path) -> Module {
    Module { path: path.into(), bias: 0, build_id: Vec::new(), text: Vec::new(), image: None }
}

/// This process's executable and its shared libraries.
fn objects() -> Vec<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let libraries: BTreeSet<_> = maps
        .lines()
        .filter_map(|line| Some(line[line.find('/')?..].into()))
        .filter(|path: &PathBuf| path.is_file())
        .collect();
    let executable = std::env::current_exe().unwrap();
    let others = libraries.into_iter().filter(|path| *path != executable && path.to_string_lossy().contains(".so"));
    [executable.clone()].into_iter().chain(others).collect()
}

/// One row as binutils prints it: the CFA, the saved rbp and the return address, in its own words.
type Words = [String; 3];

/// `readelf --debug-dump=frames-interp`: rows by address. None where readelf is not installed.
fn readelf(path: &Path) -> Option<BTreeMap<u64, Words>> {
    let output = Command::new("readelf").arg("--debug-dump=frames-interp").arg(path).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (mut rows, mut inherited) = (BTreeMap::new(), BTreeMap::new());
    let (mut columns, mut cie, mut in_function) = (Vec::new(), String::new(), false);
    let mut functions: BTreeMap<u64, u64> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<_> = line.replace(" (", "(").split_whitespace().map(str::to_owned).collect();
        if line.contains(" CIE ") {
            (cie, in_function) = (words[0].clone(), false);
        } else if let Some((of_cie, range)) = line.split_once("cie=").and_then(|(_, rest)| rest.split_once(" pc=")) {
            let (from, to) = range.split_once("..").unwrap();
            functions.insert(hex(from), hex(to));
            in_function = true;
            if let Some(words) = inherited.get(of_cie) {
                rows.insert(hex(from), Words::clone(words));
            }
        } else if words.first().is_some_and(|word| word == "LOC") {
            columns = words;
        } else if words.len() == columns.len() && words.first().is_some_and(|word| word.len() == 16) {
            let at = |name| columns.iter().position(|column| column == name);
            let row = ["CFA", "rbp", "ra"].map(|name| at(name).map_or("u".into(), |at| words[at].clone()));
            match in_function {
                true => drop(rows.insert(hex(&words[0]), row)),
                false => drop(inherited.insert(cie.clone(), row)),
            }
        }
    }
    // Where a function ends and no other begins.
    for &end in
        functions.values().filter(|end| functions.range(..=*end).next_back().is_none_or(|(_, last)| last <= end))
    {
        rows.insert(end, ["none".into(), "none".into(), "none".into()]);
    }
    Some(rows)
}

fn hex(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).unwrap()
}

/// The row that the table should have for binutils' `words`.
fn expected([cfa, rbp, ra]: &Words) -> Decoded {
    let offset = |words: &str| words.split_once(['+', '-']).and_then(|(_, digits)| digits.parse::<u64>().ok());
    let base = match cfa.get(..3) {
        _ if cfa == "none" => return Decoded::Unknown,
        _ if ra == "u" => return Decoded::Outermost,
        _ if cfa == "exp" && ra == "exp" => return Decoded::Signal,
        _ if cfa == "exp" && ra == "c-8" => return Decoded::Plt,
        _ if ra != "c-8" => return Decoded::Unknown,
        Some("rsp") => Base::Sp,
        Some("rbp") => Base::Fp,
        _ => return Decoded::Unknown,
    };
    let saved_rbp = match rbp.as_str() {
        "u" | "s" => None,
        saved if saved.starts_with("c-") => offset(saved),
        _ => return Decoded::Unknown,
    };
    Decoded::Frame { base, offset: offset(cfa).unwrap(), saved_rbp }
}

#[test]
fn rows_equal_those_of_binutils() {
    for path in objects() {
        let Some(rows) = readelf(&path) else {
            eprintln!("SKIPPED: readelf (binutils) is not installed");
            return;
        };
        let table = build_module(&module(&path));
        let coverage = table.coverage.as_ref().unwrap();
        assert!(coverage.has_cfi && coverage.problem.is_none(), "{}: {coverage:?}", path.display());
        let mut differ = Vec::new();
        for (&address, words) in &rows {
            let ours = table.lookup(address).decode();
            if ours != expected(words) && !(words[0] == "none" && is_plt(&path, address)) {
                differ.push(format!("{address:x}: {words:?} but {ours:?}"));
            }
        }
        println!(
            "{}: {} rows of binutils, {} of ours, {} of {} functions uncovered {:?}",
            path.display(),
            rows.len(),
            table.rows.len(),
            coverage.uncovered,
            coverage.functions,
            coverage.uncovered_names
        );
        assert!(
            differ.is_empty(),
            "{} of {} rows differ in {}: {:#?}",
            differ.len(),
            rows.len(),
            path.display(),
            &differ[..differ.len().min(10)]
        );
        assert!(rows.len() > 100, "{}: only {} rows were read", path.display(), rows.len());
    }
}

/// Whether a procedure linkage table, for which the linker wrote nothing, begins at `address`.
fn is_plt(path: &Path, address: u64) -> bool {
    let output = Command::new("readelf").arg("-SW").arg(path).output().unwrap();
    let wanted = format!("{address:016x}");
    String::from_utf8_lossy(&output.stdout).lines().any(|line| line.contains(".plt") && line.contains(&wanted))
}

#[test]
fn the_file_holds_every_module_and_reads_back() {
    let modules: Vec<_> = objects().iter().map(|path| module(path)).collect();
    let table = build(&modules).unwrap();
    let bytes = table.to_bytes().unwrap();
    let back = Table::from_bytes(&bytes).unwrap();
    assert_eq!(back.modules.len(), modules.len());
    for (ours, back) in table.modules.iter().zip(&back.modules) {
        assert!(!ours.rows.is_empty(), "{}", ours.path.display());
        assert_eq!(
            (&ours.path, &ours.build_id, &ours.text, &ours.rows),
            (&back.path, &back.build_id, &back.text, &back.rows)
        );
    }
    assert_eq!(
        bytes.len() % 8,
        table.modules.iter().map(|m| m.path.as_os_str().len() + m.build_id.len()).sum::<usize>() % 8
    );
}

/// The vdso has no file: its bytes come from memory, as the runtime hands them over.
#[test]
fn the_vdso_is_read_from_its_image() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let Some(line) = maps.lines().find(|line| line.ends_with("[vdso]")) else {
        eprintln!("SKIPPED: this kernel maps no vdso");
        return;
    };
    let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
    let mut image = vec![0; (hex(to) - hex(from)) as usize];
    std::fs::File::open("/proc/self/mem").unwrap().read_exact_at(&mut image, hex(from)).unwrap();
    let table = build_module(&Module { image: Some(image), ..module(Path::new("linux-vdso.so.1")) });
    let coverage = table.coverage.as_ref().unwrap();
    assert!(coverage.has_cfi && coverage.problem.is_none() && table.rows.len() > 10, "{coverage:?}");
}

#[test]
fn code_without_unwind_tables_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("bare.rs");
    // Of the executable std keeps its tables; of the library, which is without std, nothing has them.
    let executable = "fn main() { println!(\"{:?}\", std::env::args().map(|a| a + \"!\").collect::<Vec<_>>()) }";
    let library = "#![no_std]\n#[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }\n\
        #[unsafe(no_mangle)] #[inline(never)] pub extern \"C\" fn work(n: u64) -> u64 { n + 1 }";
    for (kind, text, flags) in [("bin", executable, &[][..]), ("cdylib", library, &["-Clink-arg=-nostartfiles"])] {
        std::fs::write(&source, text).unwrap();
        for (flag, lacking) in [("yes", false), ("no", true)] {
            let object = folder.path().join(format!("{kind}_{flag}"));
            let status = Command::new("rustc")
                .args(["--edition=2024", "-O", "-Cpanic=abort", "--crate-type", kind])
                .args(flags)
                .arg(format!("-Cforce-unwind-tables={flag}"))
                .arg("-o")
                .arg(&object)
                .arg(&source)
                .status()
                .unwrap();
            assert!(status.success());
            let coverage = build_module(&module(&object)).coverage.unwrap();
            assert_eq!(coverage.lacks_unwind_tables(), lacking, "{kind}: {coverage:?}");
        }
    }
}

#[test]
fn damaged_files_give_tables_without_panics() {
    let executable = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let libc = objects().into_iter().find(|path| path.to_string_lossy().contains("libc.so")).unwrap();
    let libc = std::fs::read(libc).unwrap();
    let frames = object::File::parse(&libc[..]).unwrap().section_by_name(".eh_frame").unwrap().file_range().unwrap();
    let frames = (frames.0 as usize, frames.1 as usize);
    let image = |image: Vec<u8>| Module { image: Some(image), ..module(Path::new("damaged")) };
    for length in [0, 1, 63, 64, 1000, libc.len() / 2, libc.len() - 1] {
        let _ = build_module(&image(libc[..length].to_vec()));
    }
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..rounds(40) {
        let mut bytes = libc.clone();
        for _ in 0..2000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Half of the rounds damage .eh_frame only, so that the headers still lead there.
            let (from, length) = if round % 2 == 0 { frames } else { (0, bytes.len()) };
            bytes[from + (seed >> 33) as usize % length] = (seed >> 20) as u8;
        }
        let table = build_module(&image(bytes));
        assert!(table.rows.is_sorted_by(|a, b| a.pc < b.pc && a.rule != b.rule));
    }
    assert!(build(&[image(executable[..100].to_vec())]).is_err());
    let missing = build(&[image(executable), module(Path::new("/nonexistent/lib.so"))]).unwrap();
    assert!(missing.modules[1].rows.is_empty() && missing.modules[1].coverage.as_ref().unwrap().problem.is_some());
    assert_eq!(missing.modules[1].lookup(0), Rule::UNKNOWN);
}

/// `MEMPROF_SPEED=FILE cargo test --release --test it unwind_tables::speed -- --nocapture`
#[test]
fn speed() {
    let Some(path) = std::env::var_os("MEMPROF_SPEED") else { return };
    let module = module(Path::new(&path));
    for _ in 0..5 {
        let start = std::time::Instant::now();
        let table = build_module(&module);
        let built = start.elapsed();
        let bytes = Table { modules: vec![table.clone()] }.to_bytes().unwrap();
        println!("{} rows, {} bytes, built in {built:?}; {:?}", table.rows.len(), bytes.len(), table.coverage.unwrap());
    }
}

/// How often damage is tried: `MEMPROF_ROUNDS` for a longer hunt.
fn rounds(usual: u32) -> u32 {
    std::env::var("MEMPROF_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}
