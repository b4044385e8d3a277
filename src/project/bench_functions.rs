//! Which targets have a `#[bench]` function, as far as their sources tell.

use std::path::Path;

/// Whether a source file in `folder` or below has a `#[bench]`. If the sources lie beside Cargo.toml, files of other
/// targets do not count; nor do target directories.
pub fn declares_benches(folder: &Path) -> bool {
    const OTHERS: [&str; 4] = ["benches", "examples", "target", "tests"];
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let is_package = folder.join("Cargo.toml").exists();
    entries.flatten().any(|entry| {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let name = entry.file_name();
            let other = is_package && OTHERS.iter().any(|other| name == *other);
            let hidden = name.to_string_lossy().starts_with('.');
            return !other && !hidden && !path.join("CACHEDIR.TAG").exists() && declares_benches(&path);
        }
        path.extension().is_some_and(|extension| extension == "rs")
            && std::fs::read_to_string(&path).is_ok_and(|text| has_bench(&text))
    })
}

/// `#[bench]` or `#[cfg_attr(…, bench)]`, outside of comments that take the whole line.
fn has_bench(text: &str) -> bool {
    text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")).any(|line| {
        let compact: String = line.split_whitespace().collect();
        compact.contains("#[bench]") || (compact.contains("cfg_attr(") && compact.contains(",bench)]"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_target_s_own_sources_count() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            std::fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(file), text).unwrap();
        };
        write("Cargo.toml", "");
        write("lib.rs", "mod inner;");
        for other in ["benches/a.rs", "target/debug/b.rs", ".git/c.rs"] {
            write(other, "#[bench]");
        }
        assert!(!declares_benches(dir.path()));
        write("inner/mod.rs", "    #[bench]\n");
        assert!(declares_benches(dir.path()));
    }

    #[test]
    fn a_bench_is_seen() {
        assert!(has_bench("mod a {\n    #[bench]\n    fn x(b: &mut Bencher) {}\n}\n"));
        assert!(has_bench("#[cfg_attr(nightly, bench)] fn x() {}"));
        assert!(!has_bench("// #[bench]\n/// #[bench]\nfn bench() {}\n"));
    }
}
