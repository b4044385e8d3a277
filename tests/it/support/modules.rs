//! Shared by several tests: modules out of a process's memory map.

use std::path::Path;

use cargo_memprof::records::{Module, Segment};
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object, ObjectSegment};

/// The module that the file at `path` makes when it is mapped with `bias`.
pub fn module(path: &Path, bias: u64) -> Module {
    let data = std::fs::read(path).unwrap();
    let file = ElfFile64::<LittleEndian>::parse(&data[..]).unwrap();
    let executable = file.segments().filter(|segment| segment.permissions().executable());
    let text = executable.map(|segment| Segment {
        vaddr: segment.address(),
        size: segment.size(),
        file_offset: segment.file_range().0,
    });
    Module {
        path: path.into(),
        bias,
        build_id: file.build_id().unwrap().unwrap_or_default().to_vec(),
        text: text.collect(),
        image: None,
    }
}

/// The modules of a process by its `/proc/self/maps`, the executable first.
pub fn modules(maps: &str) -> Vec<Module> {
    let first_mappings = maps.lines().filter(|line| line.contains(" 00000000 ") && line.contains('/'));
    first_mappings
        .map(|line| module(Path::new(&line[line.find('/').unwrap()..]), hex(line.split('-').next().unwrap())))
        .collect()
}

pub fn hex(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).unwrap()
}
