//! Which bench targets a command line selects, as `cargo bench` would.

use std::collections::{HashMap, HashSet};

use cargo_metadata::{Metadata, Package, TargetKind};

use super::{BenchTarget, CargoOptions};
use crate::{Error, Result, exit};

/// The bench targets of the selected packages, and those left out because a required feature is off.
pub fn bench_targets(metadata: &Metadata, options: &CargoOptions) -> Result<(Vec<BenchTarget>, Vec<String>)> {
    let features: HashMap<_, HashSet<&str>> = metadata
        .resolve
        .iter()
        .flat_map(|resolve| &resolve.nodes)
        .map(|node| (&node.id, node.features.iter().map(|feature| feature.as_str()).collect()))
        .collect();
    let (mut targets, mut left_out) = (Vec::new(), Vec::new());
    for package in packages(metadata, options)? {
        for target in &package.targets {
            if !target.kind.contains(&TargetKind::Bench) {
                continue;
            }
            let on = features.get(&package.id);
            let missing = target.required_features.iter().find(|feature| {
                // `dependency/feature` is not in the package's own list; cargo itself decides.
                !feature.contains('/') && !on.is_some_and(|on| on.contains(feature.as_str()))
            });
            if let Some(feature) = missing {
                left_out.push(format!("{}/{} (needs feature `{feature}`)", package.name, target.name));
                continue;
            }
            targets.push(BenchTarget {
                package: package.name.to_string(),
                package_id: package.id.repr.clone(),
                name: target.name.clone(),
                source: target.src_path.clone().into_std_path_buf(),
            });
        }
    }
    if targets.is_empty() {
        let why = match left_out.as_slice() {
            [] => "no bench target here; add one as `benches/NAME.rs` with `[[bench]] name = \"NAME\" harness = false`"
                .to_owned(),
            left_out => format!("every bench target needs a feature that is off: {}", left_out.join(", ")),
        };
        return Err(Error::new(exit::NOTHING_MEASURED, why));
    }
    targets.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
    Ok((targets, left_out))
}

fn packages<'a>(metadata: &'a Metadata, options: &CargoOptions) -> Result<Vec<&'a Package>> {
    let members = metadata.workspace_packages();
    if !options.packages.is_empty() {
        let mut chosen = Vec::new();
        for spec in &options.packages {
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

/// `name`, `name@version`, a glob over names, or a full package id.
fn matches(package: &Package, spec: &str) -> bool {
    let (name, version) = spec.split_once('@').unwrap_or((spec, ""));
    let glob = |pattern: &str| {
        let pattern = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
        regex::Regex::new(&format!("^{pattern}$")).is_ok_and(|regex| regex.is_match(&package.name))
    };
    package.id.repr == spec || (glob(name) && (version.is_empty() || package.version.to_string() == version))
}
