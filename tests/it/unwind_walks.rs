//! Whole stacks of a real program walked by the tables, the way the runtime walks them, against libgcc's own unwinder.

use std::path::Path;
use std::process::Command;

use crate::support::modules::{hex, modules};
use cargo_memprof::records::Module;
use cargo_memprof::unwind::{Base, Decoded, Table, build};

/// The words of a stack from `start` up.
struct Memory {
    start: u64,
    words: Vec<u64>,
}

impl Memory {
    fn read(&self, address: u64) -> Option<u64> {
        self.words.get(usize::try_from(address.checked_sub(self.start)? / 8).ok()?).copied()
    }
}

/// The program counters from `registers` (pc, rsp, rbp) up, and whether the walk reached the thread's start.
fn walk(table: &Table, modules: &[Module], registers: [u64; 3], memory: &Memory) -> (Vec<u64>, bool) {
    let [mut pc, mut rsp, mut rbp] = registers;
    let (mut pcs, mut exact) = (vec![pc], true);
    loop {
        let looked_up = if exact { pc } else { pc - 1 };
        let rules =
            modules.iter().zip(&table.modules).map(|(module, rows)| rows.lookup(looked_up.wrapping_sub(module.bias)));
        let rule = rules.map(|rule| rule.decode()).find(|rule| *rule != Decoded::Unknown).unwrap_or(Decoded::Unknown);
        exact = false;
        let cfa = match rule {
            Decoded::Outermost => return (pcs, true),
            Decoded::Unknown | Decoded::Invalid => return (pcs, false),
            Decoded::Plt => rsp + 8 + if looked_up & 15 >= 11 { 8 } else { 0 },
            Decoded::Signal => {
                let saved = [168, 160, 120].map(|offset| memory.read(rsp + offset).unwrap());
                [pc, rsp, rbp] = saved;
                exact = true;
                pcs.push(pc);
                continue;
            }
            Decoded::Frame { base, offset, saved_rbp } => {
                let cfa = offset + if base == Base::Sp { rsp } else { rbp };
                if let Some(below) = saved_rbp {
                    rbp = memory.read(cfa - below).unwrap();
                }
                cfa
            }
        };
        (pc, rsp) = (memory.read(cfa - 8).unwrap(), cfa);
        pcs.push(pc);
    }
}

#[test]
fn stacks_equal_those_of_libgcc() {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/walks.rs");
    for flags in [
        &["-Copt-level=3"][..],
        &["-Copt-level=0"],
        &["-Copt-level=s", "-Clto=fat"],
        &["-Copt-level=3", "-Cforce-frame-pointers=yes"],
    ] {
        let executable = folder.path().join("walks");
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition=2024", "-Cdebuginfo=1"]).args(flags).arg("-o").arg(&executable).arg(&source);
        assert!(rustc.status().unwrap().success());
        let output = Command::new(&executable).output().unwrap();
        assert!(output.status.success());
        let output = String::from_utf8(output.stdout).unwrap();
        let (maps, stacks) = output.split_once("\n\n").unwrap();
        let modules = modules(maps);
        let table = build(&modules).unwrap();
        let mut names = Vec::new();
        for line in stacks.lines() {
            let parts: Vec<&str> = line.split('|').collect();
            let numbers = |part: &str| -> Vec<u64> { part.split(' ').map(hex).collect() };
            let registers: [u64; 3] = numbers(parts[1]).try_into().unwrap();
            let memory = Memory { start: registers[1], words: numbers(parts[2]) };
            let expected: Vec<_> = numbers(parts[3]).into_iter().filter(|address| *address != 0).collect();
            let (pcs, whole) = walk(&table, &modules, registers, &memory);
            println!("{flags:?} {}: {} frames, whole: {whole}", parts[0], pcs.len());
            assert!(whole, "{flags:?} {}: cut after {pcs:x?} of {expected:x?}", parts[0]);
            // The first is the capturing function itself, at two places of it.
            assert_eq!(pcs[1..], expected[1..], "{flags:?} {}", parts[0]);
            names.push(parts[0]);
        }
        assert_eq!(names, ["plain", "recursion", "qsort", "closure", "signal", "panic"]);
    }
}
