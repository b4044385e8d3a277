//! Broken profiles through every report: nothing may panic. Seeded, so that a finding can be repeated: `MEMPROF_FUZZ_SEED`,
//! for `MEMPROF_FUZZ_SECONDS` (2 if not given).

use std::time::{Duration, Instant};

use cargo_memprof::pprof::front::arguments::Invocation;
use cargo_memprof::pprof::front::command::COMMANDS;
use cargo_memprof::pprof::front::config::Config;
use cargo_memprof::pprof::front::fetch::Loaded;
use cargo_memprof::pprof::front::generate::generate;
use cargo_memprof::pprof::front::options::{GRANULARITIES, OPTIONS};
use cargo_memprof::pprof::profile::{
    Builder, Label, Line, Mapping, Profile, ValueType, combine, read, read_uncompressed, write_uncompressed,
};

pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn seed_profile() -> Profile {
    let mut builder = Builder::new(vec![ValueType::new("samples", "count"), ValueType::new("space", "bytes")]);
    let mapping = builder.mapping(Mapping { start: 1, limit: 99, file: "/bin/[x]".into(), ..Mapping::default() });
    let functions: Vec<u32> = ["", "a::b<T>::c", "main.(*T[...]).m", "java.Foo.<init>", "é(int)"]
        .iter()
        .map(|name| builder.function(name, name, "dir/../x.rs", 3))
        .collect();
    let locations: Vec<u32> = (0..8)
        .map(|number| {
            let lines = (0..number % 4).map(|line| Line {
                function: functions[(number + line) % functions.len()],
                line: line as i64 * 7,
                column: 1,
            });
            let mapping = (number % 2 == 0).then_some(mapping);
            builder.location(mapping, number as u64, lines.collect())
        })
        .collect();
    for number in 0..12usize {
        let stack = (0..number % 6).map(|depth| locations[(number * 3 + depth) % locations.len()]).collect();
        let labels = vec![
            Label::number("bytes", number as i64, "bytes"),
            Label::text("thread", "t\tx\n"),
            Label::number("n", 5, if number % 2 == 0 { "kb" } else { "s" }),
        ];
        builder.sample(stack, vec![number as i64, 1 << number], labels);
    }
    builder.profile.comments = vec!["memprof: iterations=3".into()];
    builder.profile.drop_frames = "a.*".into();
    builder.profile.duration_nanos = 5;
    builder.profile.time_nanos = -5;
    builder.finish()
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![write_uncompressed(&seed_profile())];
    let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kit");
    let kit = std::env::var_os("MEMPROF_KIT").map_or(beside, Into::into);
    for entry in std::fs::read_dir(kit.join("dev/profiles")).into_iter().flatten().flatten() {
        let profile = std::fs::read(entry.path()).ok().and_then(|data| read(&data).ok());
        seeds.extend(profile.map(|profile| write_uncompressed(&profile)).filter(|bytes| bytes.len() < 20_000));
    }
    seeds
}

const EXTREMES: [i64; 8] = [0, 1, -1, i64::MAX, i64::MIN, i64::MIN + 1, 1 << 53, -(1 << 62)];

/// Damages the bytes.
fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..1 + numbers.below(6) {
        if bytes.is_empty() {
            return;
        }
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = numbers.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let end = (at + numbers.below(40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = numbers.below(bytes.len());
                bytes.splice(to..to, part);
            }
            4 => {
                bytes.splice(at..at, [0xff; 9].into_iter().chain([1]));
            }
            _ => {
                bytes.drain(at..(at + numbers.below(10)).min(bytes.len()));
            }
        }
    }
}

/// Makes the numbers of a profile extreme.
fn exaggerate(profile: &mut Profile, numbers: &mut Numbers) {
    for value in profile.samples.iter_mut().flat_map(|sample| &mut sample.values) {
        if numbers.below(3) == 0 {
            *value = *numbers.pick(&EXTREMES);
        }
    }
    for location in &mut profile.locations {
        if numbers.below(4) == 0 {
            location.address = *numbers.pick(&EXTREMES) as u64;
        }
        for line in &mut location.lines {
            if numbers.below(4) == 0 {
                (line.line, line.column) = (*numbers.pick(&EXTREMES), *numbers.pick(&EXTREMES));
            }
        }
    }
    for function in &mut profile.functions {
        function.start_line = *numbers.pick(&EXTREMES);
    }
    profile.duration_nanos = *numbers.pick(&EXTREMES);
    profile.time_nanos = *numbers.pick(&EXTREMES);
    profile.period = *numbers.pick(&EXTREMES);
}

fn config(numbers: &mut Numbers) -> Config {
    let mut config = Config::default();
    for _ in 0..numbers.below(5) {
        let option = numbers.pick(OPTIONS);
        let value = numbers.pick(&[
            "1",
            "true",
            "a",
            ".",
            "x|y",
            "1kb:",
            "bytes=5",
            "-1",
            "1e300",
            "0.1",
            "thread",
            "kb",
            "9223372036854775807",
            "nan",
        ]);
        if option.name != "output" {
            let _ = config.set(option, value);
        }
    }
    if numbers.below(3) == 0 {
        config.granularity = (*numbers.pick(GRANULARITIES)).into();
    }
    config
}

#[test]
fn no_input_makes_a_report_panic() {
    let mut numbers = Numbers(from_environment("MEMPROF_FUZZ_SEED", 1));
    let until = Instant::now() + Duration::from_secs(from_environment("MEMPROF_FUZZ_SECONDS", 2));
    let seeds = seeds();
    let (mut rounds, mut read_rounds) = (0u64, 0u64);
    while Instant::now() < until {
        rounds += 1;
        let mut bytes = numbers.pick(&seeds).clone();
        if numbers.below(4) != 0 {
            mutate(&mut bytes, &mut numbers);
        }
        let Ok(mut profile) = read_uncompressed(&bytes) else { continue };
        read_rounds += 1;
        if numbers.below(2) == 0 {
            exaggerate(&mut profile, &mut numbers);
        }
        profile.demangle(numbers.below(2) == 0, Default::default());
        profile.remove_uninteresting();
        if numbers.below(4) == 0 {
            let mut base = profile.clone();
            base.scale(-1.5);
            base.set_label("pprof::base", "true");
            let _ = profile.normalize(&base);
            profile = match combine(vec![profile, base]) {
                Ok(both) => both,
                Err(_) => continue,
            };
        }
        let loaded = Loaded { profile, iterations: Some(3), compared: false, per_op: false };
        for command in COMMANDS {
            let argument = command.has_argument.then(|| (*numbers.pick(&[".", "a", "c$", "(", "0x5"])).to_string());
            let _ = generate(loaded.clone(), &Invocation { command, argument }, &config(&mut numbers), &mut |_| {});
        }
    }
    println!("{rounds} inputs, {read_rounds} of them profiles");
    assert!(read_rounds > 0);
}
