//! The browser's side: the data of each view, the documents made of them, and the server that answers with them.
//!
//! `views` and `pages` do no I/O but reading sources; `server` knows sockets. `report -o` writes what `pages` makes.

pub mod pages;
pub mod server;
pub mod views;
