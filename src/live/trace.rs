//! A trace of a running program: what its threads do from one moment to another, for the Firefox Profiler.

use std::time::Duration;

use super::reader::{Reader, now};
use crate::os::monotonic;
use crate::programs::events::{Events, Keep};
use crate::programs::recorded;
use crate::programs::region::word;
use crate::programs::timeline::Timeline;
use crate::programs::trace::collect::{self, Span};
use crate::programs::trace::firefox;

/// The format of the text, for a header: Go's own is another.
pub const FORMAT: &str = "Firefox Profiler, processed, version 55";

/// One that is being recorded. Samples are taken as long as it exists, and for nobody else.
pub struct Tracing {
    timeline: Timeline,
    /// Since the program's recording began.
    from: Duration,
    begun_ms: f64,
}

impl Tracing {
    /// Begins.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn begin(reader: &Reader) -> Result<Tracing, &'static str> {
        reader.start_cpu()?;
        {
            let mut rings = reader.rings();
            rings.samples.events = Some(Events::new(Keep::Second, collect::MOST_SAMPLES));
            rings.waits.events = Some(Events::new(Keep::Largest, collect::MOST_WAITS));
        }
        let from = since_begun(reader);
        let timeline = Timeline::from_now(&reader.region, &reader.region.header());
        Ok(Tracing { timeline, from, begun_ms: now() as f64 / 1e6 })
    }

    /// How long to wait until the next look.
    pub fn pause(&self) -> Duration {
        self.timeline.pause()
    }

    /// Looks at the program; to be called after each pause.
    pub fn look(&mut self, reader: &Reader) {
        drop(reader.rings());
        self.timeline.note(&reader.region, &reader.region.header(), reader.pid);
    }

    /// Ends it; the file's text.
    pub fn end(mut self, reader: &Reader) -> String {
        reader.stop_cpu();
        let duration = since_begun(reader).saturating_sub(self.from);
        self.timeline.end(&reader.region, &reader.region.header(), self.from + duration);
        let words = reader.command_line();
        let program = words.split(|byte| *byte == 0).next().and_then(|path| path.rsplit(|byte| *byte == b'/').next());
        let program = String::from_utf8_lossy(program.unwrap_or_default()).into_owned();
        let span = Span { program: &program, from: self.from, duration, begun_ms: self.begun_ms };
        let header = reader.region.header();
        // Naming takes time, in which the rings must be emptied.
        let (samples, waits) = {
            let rings = reader.rings();
            (rings.samples.kept(&header, true), rings.waits.kept(&header, false))
        };
        forget(reader);
        let modules = recorded::log(&reader.region, &header).modules;
        firefox::json(&collect::trace(&reader.region, &modules, &self.timeline, &samples, &waits, &span))
    }
}

/// Ends a trace that nobody waits for any more.
pub fn forget(reader: &Reader) {
    let mut rings = reader.rings();
    (rings.samples.events, rings.waits.events) = (None, None);
}

fn since_begun(reader: &Reader) -> Duration {
    Duration::from_nanos(monotonic().saturating_sub(reader.region.header().word(word::BEGUN)))
}

/// Records for `time`, or until `is_over`, which waits for the time that it is given.
///
/// # Errors
/// Why it cannot be.
pub fn record(
    reader: &Reader,
    time: Duration,
    is_over: &mut dyn FnMut(Duration) -> bool,
) -> Result<String, &'static str> {
    let mut tracing = Tracing::begin(reader)?;
    let begun = std::time::Instant::now();
    loop {
        let left = time.saturating_sub(begun.elapsed());
        let over = is_over(tracing.pause().min(left)) || left.is_zero();
        reader.greet();
        tracing.look(reader);
        if over {
            return Ok(tracing.end(reader));
        }
    }
}
