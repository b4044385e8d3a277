//! A server beside a program, as long as the program lives.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::listen::Listening;
use super::reader::Reader;
use super::server;
use crate::{Error, Result};

/// How often the program's records are taken out of their rings.
const PAUSE: Duration = Duration::from_millis(50);
/// How often its threads are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Serves until `is_over`, which waits for the time that it is given.
///
/// # Errors
/// The server fails.
pub fn serve(reader: &Arc<Reader>, listening: Listening, is_over: &mut dyn FnMut(Duration) -> bool) -> Result<()> {
    let (tell, over) = watch::channel(false);
    let url = listening.url.clone();
    // On a thread of its own: it waits for those who name addresses, and the rings are emptied meanwhile.
    std::thread::spawn({
        let (reader, over) = (reader.clone(), over.clone());
        move || {
            while !*over.borrow() {
                if reader.region.header().is_begun() {
                    reader.look();
                }
                std::thread::sleep(LOOK);
            }
        }
    });
    let server = std::thread::spawn({
        let reader = reader.clone();
        move || server::serve(reader, listening, over)
    });
    eprintln!("listening on {url}");
    while !is_over(PAUSE) {
        if server.is_finished() {
            break;
        }
        if reader.region.header().is_begun() {
            reader.greet();
            drop(reader.rings());
        }
    }
    let _ = tell.send(true);
    let served = server.join();
    reader.leave();
    match served {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Error::with("the server has failed", error)),
        Err(_) => Err(Error::other("the server has failed; this is a bug, please report it")),
    }
}
