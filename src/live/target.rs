//! The program that a command looks at from outside: one that is served somewhere, or one that is joined.

use std::sync::Arc;
use std::time::Duration;

use super::control::State;
use super::endpoint::Kind;
use super::reader::Reader;
use super::{attach, profiles, trace};
use crate::pprof::front::http;
use crate::pprof::profile::{self, Profile};
use crate::{Error, Result};

/// Where `cargo memprof live` serves if nothing else is said.
const DEFAULT: &str = "http://127.0.0.1:6060";

/// See above.
pub enum Target {
    /// `http://HOST:PORT` with the key, if there is one.
    Served(String),
    Joined(Arc<Reader>),
}

impl Target {
    /// `named`: an address, a process or the name of its program; the default address, if nothing is named.
    ///
    /// # Errors
    /// It is neither, or cannot be joined.
    pub fn find(named: Option<&str>) -> Result<Target> {
        let named = named.unwrap_or(DEFAULT);
        if named.starts_with("unix:") {
            return Err(Error::usage("Unix sockets are not read here; name the process by its number"));
        }
        match http::address(named, 0, 0) {
            Some(Ok(_)) => {
                let address = named.split("/debug/pprof").next().unwrap_or(named).trim_end_matches('/');
                Ok(Target::Served(address.to_owned()))
            }
            Some(Err(error)) => Err(Error::usage(error)),
            None => Ok(Target::Joined(Arc::new(attach::attach(attach::find(named)?)?))),
        }
    }

    /// All allocations up to now.
    ///
    /// # Errors
    /// The program has ended, or does not answer.
    pub fn allocations(&self) -> Result<Profile> {
        match self {
            Target::Served(address) => {
                let bytes = get(&format!("{address}/debug/pprof/allocs"), 0)?;
                profile::read(&bytes).map_err(|error| Error::other(format!("{address}: {error}")))
            }
            Target::Joined(reader) => {
                reader.greet();
                drop(reader.rings());
                match reader.state() {
                    State::Lost => Err(Error::other("the program has ended")),
                    _ => profiles::take(reader, Kind::Allocs).map_err(Error::other),
                }
            }
        }
    }

    /// Tells the program that nobody looks at it any more.
    pub fn leave(&self) {
        if let Target::Joined(reader) = self {
            reader.leave();
        }
    }

    /// A trace of so many seconds, or until `is_over`, which waits for the time that it is given.
    ///
    /// # Errors
    /// The program has ended, or does not answer, or somebody else takes its samples.
    pub fn trace(&self, seconds: f64, is_over: &mut dyn FnMut(Duration) -> bool) -> Result<Vec<u8>> {
        match self {
            Target::Served(address) => {
                get(&format!("{address}/debug/pprof/trace?seconds={seconds}"), seconds.ceil() as i64)
            }
            Target::Joined(reader) => {
                let time = Duration::from_secs_f64(seconds);
                let mut is_over = |pause| is_over(pause) || reader.state() == State::Lost;
                trace::record(reader, time, &mut is_over)
                    .map(String::into_bytes)
                    .map_err(|why| Error::other(format!("could not enable tracing: {why}")))
            }
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.leave();
    }
}

/// `patience`: seconds that the answer takes.
fn get(address: &str, patience: i64) -> Result<Vec<u8>> {
    let address = http::address(address, 0, patience + 10).unwrap_or_else(|| Err(format!("{address} is no address")));
    http::get(&address.map_err(Error::usage)?).map_err(Error::other)
}
