//! Which bench targets a command line selects, as `cargo bench` would.

use std::collections::{HashMap, HashSet};

use cargo_metadata::{Metadata, Package, Target, TargetKind};

use super::bench_functions::declares_benches;
use super::{BenchTarget, CargoOptions, Kind};
use crate::{Error, Result};

/// See [`bench_targets`].
pub struct BenchTargets {
    pub targets: Vec<BenchTarget>,
    pub left_out: Vec<String>,
    /// Why there are none.
    pub none: Option<String>,
}

/// The targets with benchmarks of the selected packages, and those left out because a required feature is off.
pub fn bench_targets(metadata: &Metadata, options: &CargoOptions) -> Result<BenchTargets> {
    let features: HashMap<_, HashSet<&str>> = metadata
        .resolve
        .iter()
        .flat_map(|resolve| &resolve.nodes)
        .map(|node| (&node.id, node.features.iter().map(|feature| feature.as_str()).collect()))
        .collect();
    let (mut targets, mut left_out) = (Vec::new(), Vec::new());
    for package in packages(metadata, options)? {
        for (kind, target) in candidates(package, options) {
            let on = features.get(&package.id);
            let missing = target.required_features.iter().find(|feature| {
                // `dependency/feature` is not in the package's own list; cargo itself decides.
                !feature.contains('/') && !on.is_some_and(|on| on.contains(feature.as_str()))
            });
            if let Some(feature) = missing {
                left_out.push(format!("{}/{} (needs feature `{feature}`)", package.name, target.name));
                continue;
            }
            let same_name = |other: &BenchTarget| other.package_id == package.id.repr && other.name == target.name;
            // Selected or not: a benchmark's name does not depend on the others that are measured with it.
            let is_bench = |other: &Target| other.kind.contains(&TargetKind::Bench) && other.name == target.name;
            let name = match kind {
                Kind::Lib if package.targets.iter().any(is_bench) => format!("lib-{}", target.name),
                Kind::Bin if targets.iter().any(same_name) || package.targets.iter().any(is_bench) => {
                    format!("bin-{}", target.name)
                }
                Kind::Example if targets.iter().any(same_name) => format!("example-{}", target.name),
                Kind::Test if targets.iter().any(same_name) => format!("test-{}", target.name),
                _ => target.name.clone(),
            };
            targets.push(BenchTarget {
                package: package.name.to_string(),
                package_id: package.id.repr.clone(),
                kind,
                name,
                cargo_name: target.name.clone(),
                source: target.src_path.clone().into_std_path_buf(),
                has_requirements: !target.required_features.is_empty(),
            });
        }
    }
    let none = targets.is_empty().then(|| match left_out.as_slice() {
        [] if options.lib => "no library here has a #[bench]".to_owned(),
        [] => "no bench target here; add one as `benches/NAME.rs` with `[[bench]] name = \"NAME\" harness = false`"
            .to_owned(),
        left_out => format!("every bench target needs a feature that is off: {}", left_out.join(", ")),
    });
    targets.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
    Ok(BenchTargets { targets, left_out, none })
}

/// Bench targets first, then the library and the programs that have a `#[bench]`: without one they contain nothing to
/// run, and building their tests would cost time. A manifest's `bench` takes a target out, or an example or test in.
fn candidates<'a>(package: &'a Package, options: &CargoOptions) -> Vec<(Kind, &'a Target)> {
    let manifest = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let said = |table: Option<&toml::Value>| table.and_then(|table| table.get("bench")?.as_bool());
    let said_of = |kind: &str, name: &str| {
        let mut tables = manifest.get(kind).and_then(|tables| tables.as_array()).into_iter().flatten();
        said(tables.find(|table| table.get("name").and_then(|name| name.as_str()) == Some(name)))
    };
    let lib_off = said(manifest.get("lib")) == Some(false) && !options.lib;
    let mut found: Vec<(Kind, &Target)> = Vec::new();
    for target in &package.targets {
        let has = |kind: TargetKind| target.kind.contains(&kind);
        let is_lib = [TargetKind::Lib, TargetKind::RLib, TargetKind::DyLib, TargetKind::CDyLib, TargetKind::StaticLib]
            .into_iter()
            .any(has);
        let folder = target.src_path.as_std_path().parent();
        let benches = || folder.is_some_and(declares_benches);
        let others = options.benches || !options.lib;
        let named = |kind: &str| said_of(kind, &target.name);
        if has(TargetKind::Bench) {
            if others && named("bench") != Some(false) {
                found.push((Kind::Bench, target));
            }
        } else if is_lib {
            if !lib_off && benches() {
                found.push((Kind::Lib, target));
            }
        } else if has(TargetKind::Bin) {
            if !options.lib && named("bin") != Some(false) && benches() {
                found.push((Kind::Bin, target));
            }
        } else if has(TargetKind::Example) && others && named("example") == Some(true) {
            found.push((Kind::Example, target));
        } else if has(TargetKind::Test) && others && named("test") == Some(true) {
            found.push((Kind::Test, target));
        }
    }
    found.sort_by_key(|(kind, _)| *kind);
    found
}

/// The packages that the command line selects.
pub fn packages<'a>(metadata: &'a Metadata, options: &CargoOptions) -> Result<Vec<&'a Package>> {
    let members = metadata.workspace_packages();
    if !options.package.is_empty() {
        let mut chosen = Vec::new();
        for spec in &options.package {
            let found: Vec<_> = members.iter().copied().filter(|package| matches(package, spec)).collect();
            if found.is_empty() {
                return Err(Error::usage(format!(
                    "no package `{spec}` in the workspace; there are: {}",
                    members.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ")
                )));
            }
            chosen.extend(found);
        }
        return Ok(chosen);
    }
    let excluded = |package: &&Package| !options.exclude.iter().any(|spec| matches(package, spec));
    if options.workspace {
        return Ok(members.into_iter().filter(excluded).collect());
    }
    // In a member's folder that member, else the workspace's default members: what cargo does without -p.
    let here = match &options.manifest_path {
        Some(path) => std::path::absolute(path).ok(),
        None => std::env::current_dir()
            .ok()
            .and_then(|dir| dir.ancestors().map(|dir| dir.join("Cargo.toml")).find(|manifest| manifest.is_file())),
    };
    let here = here.and_then(|path| path.canonicalize().ok());
    if let Some(package) =
        members.iter().find(|p| here.is_some() && p.manifest_path.as_std_path().canonicalize().ok() == here)
        && metadata.workspace_root.join("Cargo.toml") != package.manifest_path
    {
        return Ok(vec![package]);
    }
    Ok(metadata.workspace_default_packages())
}

/// `1` and `1.2` stand for any version that begins so.
fn has_version(package: &Package, version: &str) -> bool {
    let full = package.version.to_string();
    full.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// `name`, `name@version`, `name:version`, a glob over names, or a package's address with or without these behind a `#`.
fn matches(package: &Package, spec: &str) -> bool {
    let glob = |pattern: &str| {
        let pattern = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
        regex::Regex::new(&format!("^{pattern}$")).is_ok_and(|regex| regex.is_match(&package.name))
    };
    let named = |spec: &str| {
        let (name, version) = spec.split_once(['@', ':']).unwrap_or((spec, ""));
        glob(name) && (version.is_empty() || has_version(package, version))
    };
    if !spec.contains("://") {
        return named(spec);
    }
    let without_kind = |address: &str| address.strip_prefix("path+").unwrap_or(address).to_owned();
    let (address, fragment) = spec.split_once('#').unwrap_or((spec, ""));
    let own = package.id.repr.split('#').next().unwrap_or_default();
    let is_version = fragment.starts_with(|first: char| first.is_ascii_digit());
    without_kind(own) == without_kind(address)
        && (fragment.is_empty() || if is_version { has_version(package, fragment) } else { named(fragment) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_as_cargo_takes_it() {
        let package: Package = serde_json::from_value(serde_json::json!({
            "name": "one", "version": "1.2.3", "id": "path+file:///home/u/w/folder#one@1.2.3",
            "dependencies": [], "targets": [], "features": {}, "manifest_path": "/home/u/w/folder/Cargo.toml",
        }))
        .unwrap();
        for spec in [
            "one",
            "o*",
            "one@1.2.3",
            "one@1",
            "one:1.2",
            "path+file:///home/u/w/folder#one@1.2.3",
            "file:///home/u/w/folder",
            "file:///home/u/w/folder#one",
            "file:///home/u/w/folder#1.2",
        ] {
            assert!(matches(&package, spec), "{spec}");
        }
        for spec in ["on", "one@1.3", "one:1.2.30", "file:///home/u/w", "file:///home/u/w/folder#two", "one@1.2.3.4"] {
            assert!(!matches(&package, spec), "{spec}");
        }
    }
}
