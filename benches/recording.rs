//! The cost that recording adds to an allocation, with other recorders in the same run; prints the table of docs/recording.md.
//!
//!     cargo bench --bench recording

#[path = "../tests/it/support/recorded.rs"]
mod recorded;

use recorded::{Program, build};

fn main() {
    // `cargo test` runs benches without this flag, to see that they work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let program = Program::new(&build("release").join("price"));
    let run = program.count(1, "stacks 1\n", &|_| true, &[]);
    assert!(run.output.status.success(), "{}", run.stderr());
    print!("{}", run.stdout().replace("\r", ""));
}
