//! `[host]:[port]`, the address to serve the page at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// A host and a port; port 0 picks a free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl Address {
    /// Reads `host:port`, `:port`, `host:`, `[::1]:port`. The default host is this machine alone; the default port is
    /// a free one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |what: &str| Err(format!("-http {text}: {what}; write HOST:PORT, :PORT, or : for a free port"));
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((host, port)) if port.starts_with(':') => (host, &port[1..]),
                _ => return bad("the port is missing"),
            },
            None => match text.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => return bad("an IPv6 address needs brackets"),
                Some(parts) => parts,
                None => return bad("the port is missing"),
            },
        };
        let port = match port {
            "" => 0,
            port => match port.parse() {
                Ok(port) => port,
                Err(_) => return bad("that is no port"),
            },
        };
        Ok(Address { host: if host.is_empty() { "localhost".into() } else { host.into() }, port })
    }

    /// The addresses to listen on, the most likely first.
    pub fn candidates(&self) -> Result<Vec<SocketAddr>, String> {
        if self.host == "localhost" {
            // Ignore the resolver: listen on this machine alone.
            return Ok(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)]);
        }
        let mut found: Vec<SocketAddr> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|_| format!("-http: no address is known for the host {}", self.host))?
            .collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(found)
    }

    /// The host as it stands in a URL.
    pub fn url_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        let parsed = |text: &str| Address::parse(text).map(|address| (address.host, address.port));
        assert_eq!(parsed(":"), Ok(("localhost".into(), 0)));
        assert_eq!(parsed(":8080"), Ok(("localhost".into(), 8080)));
        assert_eq!(parsed("[::1]:80"), Ok(("::1".into(), 80)));
        assert_eq!(parsed("0.0.0.0:"), Ok(("0.0.0.0".into(), 0)));
        for wrong in ["", "8080", "localhost", "::1:80", "[::1]", "x:http", "x:70000", "x:-1"] {
            assert!(parsed(wrong).is_err_and(|error| error.starts_with(&format!("-http {wrong}: "))), "{wrong}");
        }
    }

    #[test]
    fn no_host_is_this_machine_alone() {
        let all = Address::parse(":0").unwrap().candidates().unwrap();
        assert!(all.iter().all(|address| address.ip().is_loopback()));
    }
}
