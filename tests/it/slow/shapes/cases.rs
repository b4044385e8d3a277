//! The list of shapes.

use super::prepare::{SCCACHE_PORT, by_path, cargo_home, from_git, sccache, vendored, wrapper};
use super::{ALL, CASE, Case};

const PROFILE: &str = "\n[profile.bench]\n";

pub fn cases() -> Vec<Case> {
    // Changes of a profile build everything anew, but in the shared directory only once.
    let profile =
        |name, text: &'static [(&'static str, &'static str)]| Case { name, append: text, profiles: true, ..CASE };
    let config = profile;
    let selection = |name, args, expected| Case { name, args, expected, ..CASE };
    let core = |case| Case { core: true, ..case };
    vec![
        core(selection("a virtual workspace", &[], ALL)),
        selection("a package", &["-p", "two"], &[("two/a/10", 10.0), ("two/shown/30", 30.0)]),
        selection("all but one", &["--workspace", "--exclude", "two"], &[("one/a/10", 10.0), ("one/b/20", 20.0)]),
        selection("a target", &["--bench", "b"], &[("one/b/20", 20.0)]),
        core(selection(
            "two packages' targets of one name",
            &["--bench", "a"],
            &[("one/a/10", 10.0), ("two/a/10", 10.0)],
        )),
        selection("a feature", &["-p", "one", "-F", "big"], &[("one/a/10", 1010.0), ("one/b/20", 1020.0)]),
        selection(
            "a required feature",
            &["-p", "two", "-F", "more"],
            &[("two/a/10", 10.0), ("two/shown/30", 30.0), ("two/with_more/40", 40.0)],
        ),
        core(selection(
            "all features",
            &["--all-features"],
            &[
                ("one/a/10", 1010.0),
                ("one/b/20", 1020.0),
                ("two/a/10", 10.0),
                ("two/shown/30", 30.0),
                ("two/with_more/40", 40.0),
            ],
        )),
        Case {
            name: "from a member's folder",
            folder: "project",
            args: &["--manifest-path", "one/Cargo.toml"],
            expected: &[("one/a/10", 10.0), ("one/b/20", 20.0)],
            core: true,
            ..CASE
        },
        Case {
            name: "a wrapper of rustc, in the environment",
            prepare: wrapper,
            variables: &[("RUSTC_WRAPPER", "BESIDE/wrapper")],
            proof: Some("wrapper.log"),
            core: true,
            ..CASE
        },
        Case {
            name: "a wrapper of rustc, on the command line",
            prepare: wrapper,
            args: &["--config", "build.rustc-wrapper='BESIDE/wrapper'"],
            proof: Some("wrapper.log"),
            ..CASE
        },
        Case {
            name: "a wrapper of rustc, in the configuration",
            append: &[(".cargo/config.toml", "[build]\nrustc-wrapper = 'BESIDE/wrapper'\n")],
            prepare: wrapper,
            proof: Some("wrapper.log"),
            ..CASE
        },
        Case {
            name: "a wrapper for the workspace's own crates",
            prepare: wrapper,
            variables: &[("RUSTC_WORKSPACE_WRAPPER", "BESIDE/wrapper")],
            proof: Some("wrapper.log"),
            ..CASE
        },
        Case {
            name: "a runner",
            append: &[(".cargo/config.toml", "[target.x86_64-unknown-linux-gnu]\nrunner = ['BESIDE/wrapper']\n")],
            prepare: wrapper,
            proof: Some("wrapper.log"),
            ..CASE
        },
        Case {
            name: "a runner, on the command line",
            prepare: wrapper,
            args: &["--config", "target.x86_64-unknown-linux-gnu.runner=['BESIDE/wrapper']"],
            proof: Some("wrapper.log"),
            ..CASE
        },
        Case {
            name: "a toolchain file",
            append: &[("rust-toolchain.toml", "[toolchain]\nchannel = 'stable'\n")],
            core: true,
            ..CASE
        },
        profile("lto = fat", &[("Cargo.toml", PROFILE), ("Cargo.toml", "lto = 'fat'\n")]),
        profile("lto = thin", &[("Cargo.toml", PROFILE), ("Cargo.toml", "lto = 'thin'\n")]),
        profile("codegen-units = 1", &[("Cargo.toml", PROFILE), ("Cargo.toml", "codegen-units = 1\n")]),
        profile("strip = true", &[("Cargo.toml", PROFILE), ("Cargo.toml", "strip = true\n")]),
        // A profile's `panic` does not hold for benches.
        config("panic = abort", &[(".cargo/config.toml", "[build]\nrustflags = ['-Cpanic=abort']\n")]),
        profile(
            "debug of a package",
            &[("Cargo.toml", "\n[profile.bench.package.one]\ndebug = false\nopt-level = 1\n")],
        ),
        profile(
            "split debug info",
            &[("Cargo.toml", PROFILE), ("Cargo.toml", "debug = 2\nsplit-debuginfo = 'unpacked'\n")],
        ),
        profile("incremental", &[("Cargo.toml", PROFILE), ("Cargo.toml", "incremental = true\n")]),
        Case { name: "another profile", args: &["--profile", "dev"], ..CASE },
        Case { name: "a profile on the command line", args: &["--config", "profile.bench.opt-level=1"], ..CASE },
        config("target-cpu", &[(".cargo/config.toml", "[build]\nrustflags = ['-Ctarget-cpu=native']\n")]),
        Case { name: "a target triple", args: &["--target", "x86_64-unknown-linux-gnu"], ..CASE },
        config(
            "a target triple in the configuration",
            &[(".cargo/config.toml", "[build]\ntarget = 'x86_64-unknown-linux-gnu'\n")],
        ),
        Case {
            name: "a target triple by --config",
            args: &["--config", "build.target='x86_64-unknown-linux-gnu'"],
            ..CASE
        },
        Case {
            name: "a folder with a space and letters",
            folder: "mein Projekt · 計測",
            shared: false,
            profiles: true,
            built: Some(&[]),
            ..CASE
        },
        Case {
            name: "build.target-dir",
            append: &[(".cargo/config.toml", "[build]\ntarget-dir = 'BESIDE/target elsewhere'\n")],
            shared: false,
            proof: Some("target elsewhere/memprof/results.jsonl"),
            ..CASE
        },
        Case {
            name: "build.build-dir",
            append: &[(".cargo/config.toml", "[build]\nbuild-dir = 'BESIDE/intermediate'\n")],
            shared: false,
            proof: Some("!intermediate"),
            ..CASE
        },
        Case {
            name: "build.build-dir on the command line",
            args: &["--config", "build.build-dir='BESIDE/intermediate'"],
            shared: false,
            proof: Some("intermediate/.rustc_info.json"),
            built: Some(&["--config", "build.build-dir='BESIDE/intermediate'"]),
            ..CASE
        },
        Case {
            name: "the new layout of the build directory",
            // As a nightly cargo has it.
            variables: &[("RUSTC_BOOTSTRAP", "1"), ("CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT", "true")],
            shared: false,
            profiles: true,
            ..CASE
        },
        Case {
            name: "CARGO_HOME elsewhere",
            prepare: cargo_home,
            variables: &[("CARGO_HOME", "BESIDE/cargo home")],
            shared: false,
            ..CASE
        },
        Case { name: "a vendored criterion", prepare: vendored, ..CASE },
        Case { name: "criterion by path", prepare: by_path, ..CASE },
        Case { name: "criterion from git", prepare: from_git, ..CASE },
        Case {
            name: "sccache",
            prepare: sccache,
            variables: &[
                ("RUSTC_WRAPPER", "sccache"),
                ("SCCACHE_DIR", "BESIDE/cache"),
                ("SCCACHE_SERVER_PORT", SCCACHE_PORT),
            ],
            shared: false,
            ..CASE
        },
        Case {
            name: "other allocators",
            fixture: "allocators",
            args: &["--workspace"],
            expected: &[
                ("allocators/by_macro/by_macro", 80.0),
                ("allocators/mi/mi", 60.0),
                ("allocators/je/je", 70.0),
                ("old/of_2015/old", 15.0),
            ],
            ..CASE
        },
        Case {
            name: "an allocator under lto",
            fixture: "allocators",
            append: &[("Cargo.toml", PROFILE), ("Cargo.toml", "lto = 'fat'\ncodegen-units = 1\n")],
            args: &["-p", "old"],
            expected: &[("old/of_2015/old", 15.0)],
            ..CASE
        },
    ]
}
