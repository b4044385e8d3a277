//! Writes a large profile, for measuring: `cargo run --release --example pprof_large_profile -- OUT [SAMPLES] [LOCATIONS]`;
//! 100,000 samples over 50,000 locations unless told otherwise.

#[path = "../benches/generated/mod.rs"]
mod generated;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        return Err(std::io::Error::other("the file to write is missing"));
    };
    let mut count = |default: u64| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (samples, locations) = (count(100_000), count(50_000));
    std::fs::write(path, generated::profile(samples, locations))
}
