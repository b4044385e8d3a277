//! Added to criterion (0.3 to 0.8): its analysis first asks here whether the tool takes the benchmark over.

use crate::benchmark::BenchmarkConfig;
use crate::measurement::Measurement;
use crate::report::{BenchmarkId, Report, ReportContext};
use crate::routine::Routine;
use crate::{Criterion, SamplingMode};

/// True where the tool ran the benchmark and criterion has nothing left to do.
pub(crate) fn takes_over<M: Measurement, T: ?Sized>(
    id: &BenchmarkId,
    routine: &mut dyn Routine<M, T>,
    config: &BenchmarkConfig,
    criterion: &Criterion<M>,
    context: &ReportContext,
    parameter: &T,
) -> bool {
    let wall_time = std::any::type_name::<M>().ends_with("::measurement::WallTime");
    match memprof_rt::asked(id.id()) {
        memprof_rt::Asked::Nothing => return false,
        memprof_rt::Asked::Skip => return true,
        memprof_rt::Asked::Time(timing) => {
            time(timing, wall_time, id, routine, config, criterion, context, parameter);
            return true;
        }
        memprof_rt::Asked::Drive => (),
    }
    let identity = memprof_rt::Identity {
        id: id.id(),
        json: &|| serde_json::to_string(id).unwrap_or_default(),
        harness: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
        sample_size: config.sample_size as u64,
        wall_time,
    };
    memprof_rt::benchmark(&identity, &mut |iters| drop(routine.bench(&criterion.measurement, iters, parameter)))
}

/// Criterion would analyse the samples now. That would affect the next benchmark: the analysis starts threads, and big
/// blocks come from the heap once one was given back.
fn leave_as_analysed(sizes: &[u64], values: &[f64], resamples: usize) {
    let means: Vec<f64> = sizes.iter().zip(values).map(|(&n, &value)| value / n as f64).collect();
    let sample = crate::stats::univariate::Sample::new(&means);
    drop(sample.bootstrap(resamples.min(100_000), |sample| {
        let mean = sample.mean();
        (mean, mean, mean, mean)
    }));
}

/// Like `Routine::sample`, with the tool's times and no more samples than fit in them.
#[allow(clippy::too_many_arguments)]
fn time<M: Measurement, T: ?Sized>(
    mut timing: memprof_rt::Timing,
    wall_time: bool,
    id: &BenchmarkId,
    routine: &mut dyn Routine<M, T>,
    config: &BenchmarkConfig,
    criterion: &Criterion<M>,
    context: &ReportContext,
    parameter: &T,
) {
    let measurement = &criterion.measurement;
    if let Some(sizes) = timing.prescribed() {
        let sizes = sizes.as_slice();
        timing.begin(sizes.len());
        memprof_rt::between();
        let values = routine.bench(measurement, sizes, parameter);
        return timing.end(wall_time, 0, sizes, &values);
    }
    criterion.report.benchmark_start(id, context);
    criterion.report.warmup(id, context, timing.warm_up.as_nanos() as f64);
    timing.warms_up();
    let (mut elapsed, mut iterations) = routine.warm_up(measurement, timing.warm_up, parameter);
    if timing.is_doubtful(elapsed, iterations) {
        timing.warms_up();
        let again = routine.warm_up(measurement, timing.warm_up, parameter);
        elapsed = again.0;
        iterations = again.1;
    }
    let mean = elapsed as f64 / iterations as f64;
    let linear = match config.sampling_mode {
        SamplingMode::Linear => true,
        _ => false,
    };
    let samples = timing.samples(config.sample_size as u64, linear, elapsed, iterations);
    let mode = config.sampling_mode.choose_sampling_mode(mean, samples, timing.measuring.as_nanos() as f64);
    let sizes = mode.iteration_counts(mean, samples, &timing.measuring);
    let total: u64 = sizes.iter().sum();
    criterion.report.measurement_start(id, context, samples, total as f64 * mean, total);
    timing.begin(sizes.len());
    memprof_rt::between();
    let values = routine.bench(measurement, &sizes, parameter);
    timing.end(wall_time, (iterations + 1) / 2, &sizes, &values);
    leave_as_analysed(&sizes, &values, config.nresamples);
}
