//! Everything for the browser: the data of each view, the documents made of it, and the server that sends them.
//!
//! `views` and `pages` do no I/O except reading sources; only `server` uses sockets. `report -o` writes the output of
//! `pages`.

pub mod pages;
pub mod server;
pub mod views;
