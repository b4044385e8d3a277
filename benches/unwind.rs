//! The unwind table of an executable (this one) and of libc, as before every run. Both differ from machine to machine, so no
//! baseline holds them.

use std::path::Path;

use cargo_memprof::records::Module;
use cargo_memprof::unwind;
use criterion::{Criterion, criterion_group, criterion_main};

fn tables(criterion: &mut Criterion) {
    let executable = std::env::current_exe().unwrap();
    let libc = Path::new("/lib/x86_64-linux-gnu/libc.so.6");
    for (name, path) in
        [("executable", executable.as_path()), ("libc", libc)].into_iter().filter(|(_, path)| path.exists())
    {
        let modules = [Module { path: path.into(), bias: 0, build_id: Vec::new(), text: Vec::new(), image: None }];
        criterion.bench_function(&format!("unwind/{name}"), |b| {
            b.iter(|| unwind::build(&modules).unwrap().to_bytes().unwrap());
        });
    }
}

criterion_group!(unwind_tables, tables);
criterion_main!(unwind_tables);
