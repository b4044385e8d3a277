//! Lists the benchmarks of an executable: its own code runs to the point where each would be measured.

use std::time::{Duration, Instant};

use super::attempt::several_processes;
use super::build::Executable;
use super::launch::Launch;
use super::measuring::Measuring;
use super::options::PassOptions;
use super::pass::Pass;
use super::phase::Phase;
use super::suite::{Benchmark, Listed, Suite};
use super::sysroot::located;
use crate::Result;
use crate::inject::is_hooked;
use crate::records::Record;
use crate::results::names;

/// The suite of `executable` with all of its benchmarks, in their order. `before`: this many were listed of other
/// executables.
pub fn list<'a>(
    executable: &'a Executable,
    launch: &'a Launch,
    before: usize,
    measuring: &mut Measuring,
) -> Result<Suite<'a>> {
    let target = &executable.target;
    measuring.observer.begins(Phase::List, &format!("{}/{}", target.package, target.name));
    // Without a harness the runtime itself answers that there is one benchmark, `main`.
    let whole_process = !is_hooked(&executable.timed)?;
    let mut suite = Suite {
        executable,
        launch,
        benchmarks: Vec::new(),
        whole_process,
        listed: 0,
        cut_short: None,
        modules: Vec::new(),
        start: Duration::ZERO,
    };
    let options = &PassOptions { whole_process: whole_process.then_some(0), ..measuring.options.clone() };
    let program = suite.program(Phase::List).to_owned();
    let pass = Pass { phase: Phase::List, program: &program, launch, options, table: None, arguments: &[] };
    let (mut listed, mut own, mut foreign) = (Vec::new(), None, false);
    let begun = Instant::now();
    let process = pass.start(&[])?;
    suite.cut_short = process.follow(options.timeout, measuring.interrupt, &mut |record| match located(
        record,
        launch,
        pass.program,
    ) {
        Record::Benchmark { occurrence, id, description, harness } => {
            listed.push(Listed { id, occurrence, description, harness });
        }
        Record::Object(module) => suite.modules.push(module),
        Record::Start { pid } => foreign |= *own.get_or_insert(pid) != pid,
        _ => (),
    })?;
    if foreign {
        listed.clear();
        suite.cut_short = Some(several_processes());
    }
    suite.start = begun.elapsed();
    suite.listed = listed.len();
    let ids = names::numbered(listed.iter().map(|one| (one.id.as_str(), one.occurrence)));
    let benchmark = |((listed, id), position): ((Listed, String), usize)| {
        let name = format!("{}/{}/{id}", target.package, target.name);
        Benchmark { name, listed, position, against: None }
    };
    suite.benchmarks = listed.into_iter().zip(ids).zip(before..).map(benchmark).collect();
    Ok(suite)
}
