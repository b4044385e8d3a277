//! The objects of a process that ran under the user's own runner: for an emulator, or for another machine, they are not where
//! the process found them.

use std::path::{Path, PathBuf};

use object::Object as _;

use super::launch::Launch;
use crate::records::{Module, Record};

/// Names a folder with the target's libraries, if the runner's arguments do not.
const VARIABLE: &str = "MEMPROF_SYSROOT";

/// If the record is an object that is not at its path here, its bytes are read from where it is: the executable that was
/// started, or a file of the same build id below one of the runner's folders.
pub fn located(record: Record, launch: &Launch, program: &Path) -> Record {
    match record {
        Record::Object(mut module) if !launch.runner.is_empty() && module.image.is_none() => {
            if !is_file_of(&module, &module.path) {
                module.image = image(&module, launch, program);
            }
            Record::Object(module)
        }
        record => record,
    }
}

fn image(module: &Module, launch: &Launch, program: &Path) -> Option<Vec<u8>> {
    let below = module.path.strip_prefix("/").unwrap_or(&module.path);
    let name = module.path.file_name()?;
    let of_root = |root: PathBuf| [root.join(below), root.join("lib").join(name), root.join("usr/lib").join(name)];
    let mut candidates = std::iter::once(program.to_owned()).chain(roots(launch).into_iter().flat_map(of_root));
    // Without a build id nothing tells that it is the same file.
    let found = candidates.find(|file| !module.build_id.is_empty() && is_file_of(module, file))?;
    std::fs::read(found).ok()
}

/// `-L DIR` of qemu's user mode, its variable, ours.
fn roots(launch: &Launch) -> Vec<PathBuf> {
    let arguments = launch.runner.iter().zip(launch.runner.iter().skip(1));
    let named = arguments.filter(|(option, _)| *option == "-L").map(|(_, folder)| PathBuf::from(folder));
    let variables = launch.variables.iter().filter(|(name, _)| name == "QEMU_LD_PREFIX" || name == VARIABLE);
    named.chain(variables.map(|(_, folder)| PathBuf::from(folder))).collect()
}

/// Whether the file has the module's build id.
pub fn is_file_of(module: &Module, file: &Path) -> bool {
    let Ok(file) = std::fs::File::open(file) else { return false };
    let cache = object::ReadCache::new(file);
    let Ok(object) = object::File::parse(&cache) else { return false };
    object.build_id().ok().flatten().unwrap_or_default() == module.build_id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_by_its_build_id() {
        let own = std::env::current_exe().unwrap();
        let data = std::fs::read(&own).unwrap();
        let build_id = object::File::parse(&data[..]).unwrap().build_id().unwrap().unwrap_or_default().to_vec();
        if build_id.is_empty() {
            eprintln!("SKIPPED: the linker writes no build id");
            return;
        }
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("lib")).unwrap();
        std::os::unix::fs::symlink(&own, root.path().join("lib/libx.so")).unwrap();
        let path = PathBuf::from("/nowhere/libx.so");
        let module = Module { path, bias: 0, build_id, text: Vec::new(), image: None };
        let launch = |runner: &[&str]| Launch {
            folder: PathBuf::new(),
            variables: Vec::new(),
            runner: runner.iter().map(Into::into).collect(),
        };
        let root = root.path().to_str().unwrap();
        let found = |module: &Module, runner: &[&str], program: &Path| match located(
            Record::Object(module.clone()),
            &launch(runner),
            program,
        ) {
            Record::Object(module) => module.image.is_some(),
            _ => false,
        };
        assert!(found(&module, &["qemu", "-L", root], Path::new("")));
        assert!(found(&module, &["ssh-like"], &own));
        assert!(!found(&module, &["qemu"], Path::new("")));
        assert!(!found(&module, &[], &own));
        assert!(!found(&Module { build_id: vec![1], ..module }, &["qemu", "-L", root], &own));
    }
}
