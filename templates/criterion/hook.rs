//! Added to criterion (0.3 to 0.8): the first statement of the analysis asks here whether the tool takes the benchmark over.

use crate::benchmark::BenchmarkConfig;
use crate::measurement::Measurement;
use crate::report::BenchmarkId;
use crate::routine::Routine;
use crate::Criterion;

/// True where the tool ran the benchmark and criterion has nothing left to do.
pub(crate) fn takes_over<M: Measurement, T: ?Sized>(
    id: &BenchmarkId,
    routine: &mut dyn Routine<M, T>,
    config: &BenchmarkConfig,
    criterion: &Criterion<M>,
    parameter: &T,
) -> bool {
    let json = serde_json::to_string(id).unwrap_or_default();
    let identity = memprof_rt::Identity {
        id: id.id(),
        json: &json,
        harness: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
        sample_size: config.sample_size as u64,
        wall_time: std::any::type_name::<M>().ends_with("::measurement::WallTime"),
    };
    memprof_rt::benchmark(&identity, &mut |iters| routine.bench(&criterion.measurement, iters, parameter))
}
