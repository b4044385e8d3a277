//! CPU samples reach the thread's start, wherever the signal comes in between.
//!
//! Some hundred samples of each program in the default run; with MEMPROF_TEST_SLOW=1 (`.ci/slow`) 5,000.

use std::ops::Range;

use crate::support::recorded::{Program, build, thorough};
use cargo_memprof::records::{Completeness, Module, Record, Sample, SamplingMethod};
use object::{Object, ObjectSection};

#[test]
fn samples_reach_the_threads_start() {
    let program = Program::new(&build("release", "busy"));
    let enough = if thorough() { 5_000 } else { 200 };
    for id in ["malloc", "memcpy", "tiny functions", "sort", "regex", "syscalls", "clock", "PLT"] {
        let (mut samples, mut iterations) = (Vec::<Sample>::new(), 1_000);
        let (mut lost, mut in_plt, mut linking) = (0, [0, 0], 0);
        // So many rounds as it takes; where only timers are to be had, samples are few.
        while samples.len() < enough {
            let run = program.sample(iterations, 4_000, &|one| one == id);
            assert!(run.output.status.success(), "{id}: {}", run.stderr());
            let (mut modules, mut taken) = (Vec::new(), None);
            for record in run.records {
                match record {
                    Record::Object(module) => modules.push(module),
                    Record::Samples(samples) => taken = Some(samples),
                    Record::NoSampler { .. } => panic!("the kernel permits no sampling"),
                    _ => (),
                }
            }
            let taken = taken.unwrap();
            // The kernel leaves some out, many where other work or another machine has the processor: these are counted.
            lost += taken.lost;
            if taken.method != SamplingMethod::Perf {
                println!("{id}: sampled by {:?}", taken.method);
            }
            if id == "PLT" {
                let struck = struck(&linkage_tables(&modules), &taken.stacks);
                in_plt = [in_plt[0] + struck[0], in_plt[1] + struck[1]];
            }
            let (bound_at_call, rest) = taken.stacks.into_iter().partition(|one| ends_in_lazy_binding(one, &modules));
            linking += Vec::<Sample>::len(&bound_at_call);
            samples.extend::<Vec<Sample>>(rest);
            iterations = (iterations * 2).min(20_000);
        }
        let whole = samples.iter().filter(|sample| sample.stack.completeness == Completeness::Whole).count();
        if let Some(cut) = samples.iter().find(|sample| sample.stack.completeness == Completeness::Cut) {
            println!("{id}: cut: {:x?}", cut.stack.addresses);
        }
        println!("{id}: {whole} of {} whole, {lost} lost, {linking} in lazy binding", samples.len());
        // Only the first call of a function is bound.
        assert!(linking <= 1 + samples.len() / 1_000, "{linking} of {}", samples.len());
        assert!(whole * 1000 >= samples.len() * 999, "{id}: {whole} of {}", samples.len());
        if id == "PLT" {
            // Else nothing of it was tried.
            println!("PLT: {in_plt:?} samples in the executable's table and in the library's");
            assert!(in_plt.iter().all(|&struck| struck > 0), "{in_plt:?} of {}", samples.len());
        }
    }
}

/// Whether the sample struck while a library's function was looked up at its first call. The dynamic linker's entry for
/// that finds its frame by rbx, which a walk does not follow (docs/recording.md): the stack is cut there.
fn ends_in_lazy_binding(sample: &Sample, modules: &[Module]) -> bool {
    let last = *sample.stack.addresses.last().unwrap();
    let linker = modules.iter().find(|module| module.path.to_string_lossy().contains("/ld-linux"));
    let holds = |module: &Module| {
        let mut text = module.text.iter().map(|text| module.bias + text.vaddr..module.bias + text.vaddr + text.size);
        text.any(|text| text.contains(&last))
    };
    sample.stack.completeness == Completeness::Cut && linker.is_some_and(holds)
}

/// Where the procedure linkage tables of the executable and of the fixture's library lie.
fn linkage_tables(modules: &[Module]) -> [Vec<Range<u64>>; 2] {
    let tables = |module: &Module| -> Vec<Range<u64>> {
        let data = std::fs::read(&module.path).unwrap();
        let file = object::File::parse(&data[..]).unwrap();
        let tables = file.sections().filter(|section| section.name().unwrap().starts_with(".plt"));
        tables
            .map(|section| module.bias + section.address()..module.bias + section.address() + section.size())
            .collect()
    };
    let library = modules.iter().find(|module| module.path.ends_with("libtiny.so"));
    [tables(&modules[0]), tables(library.expect("the library is linked to"))]
}

/// How many samples struck in each of the `tables`.
fn struck(tables: &[Vec<Range<u64>>; 2], samples: &[Sample]) -> [usize; 2] {
    let within =
        |table: &[Range<u64>], sample: &&Sample| table.iter().any(|one| one.contains(&sample.stack.addresses[0]));
    tables.each_ref().map(|table| samples.iter().filter(|sample| within(table, sample)).count())
}

/// More threads than there are places for, and more than a process may have files open.
#[test]
fn threads_that_leave_by_pthread_exit_give_their_place_back() {
    let program = Program::new(&build("release", "busy"));
    let run = program.sample(400, 1_000, &|one| one == "leaving threads");
    assert!(run.output.status.success(), "{}", run.stderr());
    let unarmed = |record: &Record| if let Record::Samples(samples) = record { Some(samples.unarmed) } else { None };
    assert_eq!(run.records.iter().find_map(unarmed), Some(0));
}
