//! libtest's `#[bench]`: a small crate takes the place of the compiler's own `test`, for the user's code and for the main
//! function that rustc makes.

use super::{Call, Harness, Prepared};
use crate::Result;
use crate::inject::Purpose;
use crate::inject::arguments::Arguments;

/// Compiled with the runtime; Runtime::build knows where it lies.
pub const LIBTEST: Libtest = Libtest;

pub struct Libtest;

impl Libtest {
    /// The crate's source.
    pub const SOURCE: &str = include_str!("../../../templates/libtest/lib.rs");

    /// Why the crate cannot be measured where [`Runtime::libtest`](crate::inject::Runtime) is not there.
    pub fn unknown(crate_name: &str) -> String {
        format!(
            "`{crate_name}` is run by the compiler's own test harness, which this version does not know in this compiler"
        )
    }
}

impl Harness for Libtest {
    fn known(&self) -> &'static str {
        "libtest's #[bench]"
    }

    fn is_made_by(&self, call: &Call, args: &Arguments) -> bool {
        call.is_bench_root && call.setup.purpose == Purpose::Benches && args.has("--test")
    }

    fn prepare(&self, call: &Call, args: &mut Arguments) -> Result<Prepared> {
        let Some(library) = &call.setup.runtime.libtest else {
            return Ok(Prepared::Refused(Libtest::unknown(call.crate_name)));
        };
        args.link("test", library);
        args.link("memprof_rt", &call.setup.runtime.library);
        Ok(Prepared::AsItIs)
    }

    fn texts(&self) -> String {
        Self::SOURCE.to_owned()
    }
}
