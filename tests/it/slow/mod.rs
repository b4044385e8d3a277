//! Tests that build for minutes or want a calm machine. By themselves they do little or nothing;
//! `MEMPROF_TEST_SLOW=1 cargo test --test it slow::` runs them whole. Other topics have single slow tests behind the same variable.

mod cpu_split;
mod dhat;
mod large;
mod shapes;
mod unwind_builds;
