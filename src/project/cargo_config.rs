//! The user's cargo configuration, as far as the tool overrides it: compiler, wrapper, runner, target.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use super::CargoOptions;
use super::overrides::Overrides;
use super::platform::Recorder;
use crate::{Error, Result};

/// The compiler that builds the user's code.
#[derive(Debug, Clone)]
pub struct Toolchain {
    pub rustc: PathBuf,
    /// The output of `rustc -vV`.
    pub version: String,
    /// `--target`, if the user gives one.
    pub target: Option<String>,
    /// libc is linked statically: the runtime cannot override its functions.
    pub static_libc: bool,
    pub recorder: Recorder,
}

impl Toolchain {
    /// Stable or beta.
    pub fn is_stable(&self) -> bool {
        let release = self.version.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or_default();
        !release.contains("nightly") && !release.contains("dev")
    }
}

/// The cargo configuration around the current directory.
#[derive(Debug)]
pub struct CargoConfig {
    pub cargo: PathBuf,
    pub toolchain: Toolchain,
    /// The triple that benches are built for.
    pub platform: String,
    /// The user's own RUSTC_WRAPPER.
    pub wrapper: Option<PathBuf>,
    /// The user's own runner of that platform, with its arguments.
    pub runner: Vec<OsString>,
    /// Whether `--config` has the runner as one text; `None` if it has none.
    pub runner_told_as_text: Option<bool>,
}

impl CargoConfig {
    /// # Errors
    /// Stacks cannot be recorded on this platform; `what` needs them.
    pub fn needs_stacks(&self, what: &str) -> Result<()> {
        match self.toolchain.recorder {
            Recorder::Whole => Ok(()),
            Recorder::Portable => Err(Error::nothing_measured(format!(
                "{what} needs stacks, which are not recorded on {}: the benches' counts and times are",
                self.platform
            ))),
        }
    }

    pub fn load(options: &CargoOptions) -> Result<CargoConfig> {
        let bad = |error: cargo_config2::Error| {
            // Below the first line of each cause, cargo draws the source.
            let mut why = String::from("cargo's configuration cannot be read");
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(one) = cause {
                why = format!("{why}: {}", one.to_string().lines().next().unwrap_or_default());
                cause = one.source();
            }
            Error::project(why)
        };
        let overrides = Overrides::read(&options.config)?;
        let is_set = |name: &str| std::env::var_os(name).is_some();
        let mut config = cargo_config2::Config::load().map_err(bad)?;
        let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        let rustc = match overrides.build("rustc") {
            Some(rustc) if !is_set("RUSTC") => PathBuf::from(rustc),
            // Behind the user's wrappers, which would not understand the question.
            _ => match config.rustc() {
                with_wrappers if with_wrappers.args.is_empty() => with_wrappers.path.clone(),
                with_wrappers => with_wrappers.args.last().map(PathBuf::from).unwrap_or_default(),
            },
        };
        let out = Command::new(&rustc).arg("-vV").output();
        let out = out.map_err(|e| Error::other(format!("cannot run {}: {e}", rustc.display())))?;
        let version = String::from_utf8_lossy(&out.stdout).into_owned();
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let configured = config.build.target.as_ref().and_then(|targets| targets.first());
        let configured = overrides.build("target").or(configured.map(|target| target.triple())).map(str::to_owned);
        let target = options.target.clone().or(configured);
        let platform = target.clone().unwrap_or(host);
        let recorder = Recorder::of(&platform)?;
        let flags = config.rustflags(&platform).map_err(bad)?;
        let says = |what: &str| {
            let told = flags.as_ref().is_some_and(|flags| flags.flags.iter().any(|flag| flag.contains(what)));
            told || overrides.flags_have(&platform, what)
        };
        // With musl it is the compiler's own choice.
        let static_libc = says("+crt-static") || platform.ends_with("-musl") && !says("-crt-static");
        let runner = config.runner(&platform).map_err(bad)?;
        let runner = runner.map(|runner| std::iter::once(runner.path.into_os_string()).chain(runner.args).collect());
        let runner_told_as_text = overrides.runner_is_text(&platform);
        let on_the_line = overrides.runner(&platform).map(|words| words.into_iter().map(OsString::from).collect());
        let runner: Option<Vec<OsString>> = on_the_line.or(runner);
        let wrapper = match overrides.build("rustc-wrapper") {
            // The variable without a prefix takes precedence over any configuration.
            Some(wrapper) if !is_set("RUSTC_WRAPPER") => Some(PathBuf::from(wrapper)),
            _ => config.build.rustc_wrapper.take(),
        };
        let wrapper = wrapper.filter(|wrapper| !wrapper.as_os_str().is_empty());
        Ok(CargoConfig {
            cargo,
            toolchain: Toolchain { rustc, version, target, static_libc, recorder },
            platform,
            wrapper,
            runner: runner.unwrap_or_default(),
            runner_told_as_text,
        })
    }
}
