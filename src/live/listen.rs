//! Where to listen: this machine alone, a Unix socket that only its user can open, or an address with a key in it.

use std::path::{Path, PathBuf};

use crate::web::server::Address;
use crate::web::server::guard::Guard;
use crate::{Error, Result, os};

/// The value of `--http`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Tcp(Address),
    Unix(PathBuf),
}

impl Place {
    /// Reads `HOST:PORT`, `:PORT` or `unix:PATH`.
    ///
    /// # Errors
    /// It is none of them.
    pub fn parse(text: &str) -> Result<Place> {
        match text.strip_prefix("unix:") {
            Some("") => Err(Error::usage("--http unix: takes a path, as in unix:/run/user/1000/server.sock")),
            Some(path) => Ok(Place::Unix(path.into())),
            None => Address::parse(text).map(Place::Tcp).map_err(|line| Error::usage(format!("-{line}"))),
        }
    }
}

/// A socket that is bound.
pub enum Bound {
    Tcp(std::net::TcpListener),
    Unix(os::UnixListener),
}

pub struct Listening {
    pub bound: Bound,
    /// None for a Unix socket: only the same user can open it.
    pub guard: Option<Guard>,
    /// For people: `http://…` or `unix:…`.
    pub url: String,
    /// Removed at the end.
    socket: Option<PathBuf>,
}

impl Listening {
    /// # Errors
    /// The port or the path is taken, or not for this user.
    pub fn on(place: &Place) -> Result<Listening> {
        match place {
            Place::Tcp(address) => {
                let bound = crate::web::server::Listening::on(address.clone());
                let (listener, at) = bound.map_err(|line| Error::other(format!("-{line}")))?.into_parts();
                let guard = Guard::new(&address.host, at.ip()).map_err(Error::other)?;
                let url = format!("http://{}:{}{}", address.url_host(), at.port(), guard.prefix());
                Ok(Listening { bound: Bound::Tcp(listener), guard: Some(guard), url, socket: None })
            }
            Place::Unix(path) => {
                let listener = os::private_socket(path).map_err(|e| cannot_listen(path, e))?;
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let url = format!("unix:{}", path.display());
                Ok(Listening { bound: Bound::Unix(listener), guard: None, url, socket: Some(path) })
            }
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(path) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn cannot_listen(path: &Path, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            Error::other(format!("--http: {} is taken; choose another path", path.display()))
        }
        _ => Error::with(format!("--http: cannot listen on {}", path.display()), error),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_path_or_an_address() {
        assert_eq!(Place::parse("unix:/a b").unwrap(), Place::Unix("/a b".into()));
        assert!(matches!(Place::parse(":0").unwrap(), Place::Tcp(address) if address.host == "localhost"));
        for wrong in ["unix:", "6060", "x:y", ""] {
            let error = Place::parse(wrong).unwrap_err();
            assert!(error.line().contains("--http"), "{wrong}: {}", error.line());
        }
    }

    #[test]
    fn a_socket_is_its_user_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listening = Listening::on(&Place::Unix(path.clone())).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Listening::on(&Place::Unix(path.clone())).is_err(), "taken");
        drop(listening);
        assert!(!path.exists());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(Listening::on(&Place::Unix(path.clone())).is_ok(), "left by a killed server");
        std::fs::write(&path, "a file").unwrap();
        assert!(Listening::on(&Place::Unix(path.clone())).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
    }
}
