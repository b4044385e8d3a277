//! Opens an address in the user's browser.

use std::process::{Command, Stdio};

use crate::pprof::front::output::browsers;

/// Starts the first available browser; if there is none, the user has to open the address.
pub fn open(address: &str) -> Result<(), String> {
    for browser in browsers() {
        let mut words = browser.split(' ').filter(|word| !word.is_empty());
        let Some(program) = words.next() else { continue };
        let mut command = Command::new(program);
        command.args(words).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.spawn().is_ok() {
            return Ok(());
        }
    }
    Err(format!("no browser was found (BROWSER names one); open {address}"))
}
