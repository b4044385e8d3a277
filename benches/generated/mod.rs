//! A large profile, the same bytes every time: stacks of 5 to 60 frames that share their roots, as real ones do, with inlined
//! frames, four values, and a label on some samples.

use cargo_memprof::pprof::profile::{Builder, Label, Line, Mapping, ValueType, write};

/// A small generator of numbers (splitmix64): the profile must not depend on a library's version.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The profile's file, gzip'd.
pub fn profile(samples: u64, locations: u64) -> Vec<u8> {
    let mut numbers = Numbers(1);
    let kinds =
        [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];
    let mut builder = Builder::new(kinds.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect());
    let mapping = builder.mapping(Mapping {
        start: 0x40_0000,
        limit: 0x4000_0000,
        file: "/target/release/deps/bench".into(),
        has_functions: true,
        has_filenames: true,
        has_line_numbers: true,
        has_inline_frames: true,
        ..Mapping::default()
    });
    let functions: Vec<u32> = (0..locations / 4)
        .map(|number| {
            let name =
                format!("krate{}::module{}::Type{}<T>::method_{number}", number % 40, number % 300, number % 1500);
            let file = format!("/home/user/.cargo/registry/src/krate{}/src/module{}.rs", number % 40, number % 300);
            builder.function(&name, &format!("_ZN{number}E"), &file, 10)
        })
        .collect();
    let places: Vec<u32> = (0..locations)
        .map(|number| {
            let lines = (0..1 + numbers.below(5) / 3)
                .map(|_| Line {
                    function: functions[numbers.below(functions.len() as u64) as usize],
                    line: 10 + numbers.below(500) as i64,
                    column: 0,
                })
                .collect();
            builder.location(Some(mapping), 0x40_0000 + number * 16, lines)
        })
        .collect();
    let mut before: Vec<u32> = Vec::new();
    for number in 0..samples {
        let shared = numbers.below(before.len() as u64 + 1) as usize;
        let depth = 5 + numbers.below(55) as usize;
        // Leaf first: the root's side is shared with the stack before.
        let mut stack: Vec<u32> =
            (0..depth.saturating_sub(shared).max(1)).map(|_| places[numbers.below(locations) as usize]).collect();
        stack.extend_from_slice(&before[before.len() - shared..]);
        let objects = 1 + numbers.below(1000) as i64;
        let bytes = objects * 16 * (1 + numbers.below(64) as i64);
        let labels = if number % 8 == 0 { vec![Label::number("bytes", bytes / objects, "bytes")] } else { vec![] };
        builder.sample(stack.clone(), vec![objects, bytes, objects / 3, bytes / 3], labels);
        before = stack;
    }
    write(&builder.finish())
}
