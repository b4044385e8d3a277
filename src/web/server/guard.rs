//! Decides which requests are allowed.
//!
//! A page of another site in the same browser can send requests to this machine too. It cannot read the answers,
//! unless its owner makes its own host name point here (DNS rebinding): so the Host header has to name this server.
//! And it must not change anything: so a request that says it comes from another page may only read. If other machines
//! can reach the port, a request also needs a token in the path.

use std::net::IpAddr;

/// The parts of a request that decide whether it is allowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    pub host: Option<&'a str>,
    pub origin: Option<&'a str>,
    pub referer: Option<&'a str>,
    /// `Sec-Fetch-Site`: the browser's own statement of the request's origin.
    pub site: Option<&'a str>,
}

#[derive(Clone, Debug)]
pub struct Guard {
    /// The host that the user named, in lower case.
    host: String,
    /// Only this machine can reach the port.
    loopback: bool,
    /// The first part of the path, if other machines can reach the port.
    token: Option<String>,
}

impl Guard {
    /// For a server that listens on `ip`, which the user called `host`.
    pub fn new(host: &str, ip: IpAddr) -> Result<Self, String> {
        let loopback = ip.is_loopback();
        let token = if loopback { None } else { Some(token()?) };
        Ok(Guard { host: host.to_lowercase(), loopback, token })
    }

    /// The prefix of all paths: empty, or a slash and the token.
    pub fn prefix(&self) -> String {
        self.token.as_ref().map(|token| format!("/{token}")).unwrap_or_default()
    }

    /// `path` after the prefix; `None` if the token is not there.
    pub fn inside<'a>(&self, path: &'a str) -> Option<&'a str> {
        let Some(token) = &self.token else { return Some(path) };
        let rest = path.strip_prefix('/')?;
        let (given, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // Constant time: a wrong first letter takes as long as a wrong last one.
        let same = given.len() == token.len()
            && given.bytes().zip(token.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0;
        same.then_some(rest)
    }

    /// Whether the request was sent to one of this server's own names.
    pub fn knows_host(&self, asked: &Asked<'_>) -> bool {
        let Some(host) = asked.host.and_then(host_name) else { return false };
        let by_number = host.parse::<IpAddr>();
        if host == self.host || host == "localhost" || host.ends_with(".localhost") {
            return true;
        }
        match by_number {
            // A port forwarded from elsewhere arrives under this machine's own address.
            Ok(ip) if self.loopback => ip.is_loopback(),
            // Nobody can make a number point elsewhere.
            Ok(_) => true,
            Err(_) => !self.loopback && is_this_machine(&host),
        }
    }

    /// Whether the request may change something: it does not come from another site's page.
    pub fn may_change(&self, asked: &Asked<'_>) -> bool {
        if asked.site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
            return false;
        }
        let same = |address: &str| {
            let rest = address.strip_prefix("http://");
            rest.and_then(|rest| rest.split('/').next()).is_some_and(|host| asked.host == Some(host))
        };
        asked.origin.is_none_or(same) && asked.referer.is_none_or(same)
    }
}

/// The Host header without its port, in lower case.
fn host_name(header: &str) -> Option<String> {
    let host = match header.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => header.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.trim_end_matches('.').to_lowercase())
}

/// Whether `host` is this machine's own name, with or without a domain.
fn is_this_machine(host: &str) -> bool {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_lowercase();
    let (first, own) = (host.split('.').next(), name.split('.').next());
    !name.is_empty() && (host == name || (first == own && host.ends_with(".local")))
}

/// 128 unguessable bits.
fn token() -> Result<String, String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers for the address: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(host: &str, ip: &str) -> Guard {
        Guard::new(host, ip.parse().unwrap()).unwrap()
    }

    fn host(name: &str) -> Asked<'_> {
        Asked { host: Some(name), ..Asked::default() }
    }

    #[test]
    fn on_this_machine_only_its_own_names_are_ours() {
        let guard = guard("localhost", "127.0.0.1");
        for name in ["localhost:8080", "127.0.0.1:1", "[::1]:80", "LOCALHOST", "localhost.:1", "127.1.2.3"] {
            assert!(guard.knows_host(&host(name)), "{name}");
        }
        for name in ["evil.example", "evil.example:8080", "localhost.evil.example", "192.168.1.2", "", ":80", "[::1"] {
            assert!(!guard.knows_host(&host(name)), "{name}");
        }
        assert!(!guard.knows_host(&Asked::default()));
        assert_eq!((guard.prefix(), guard.inside("/ui/top")), (String::new(), Some("/ui/top")));
    }

    #[test]
    fn others_need_the_token() {
        let open = guard("bench.example", "0.0.0.0");
        let prefix = open.prefix();
        assert_eq!(prefix.len(), 33);
        assert_eq!(open.inside(&format!("{prefix}/ui/top")), Some("/ui/top"));
        assert_eq!(open.inside(&prefix), Some(""));
        let zeros = format!("/{}/ui/top", "0".repeat(32));
        for path in ["/ui/top", "/", "", zeros.as_str()] {
            assert_eq!(open.inside(path), None, "{path}");
        }
        assert!(open.knows_host(&host("bench.example:80")) && open.knows_host(&host("10.0.0.7:80")));
        assert!(!open.knows_host(&host("evil.example")));
        assert_ne!(prefix, guard("bench.example", "0.0.0.0").prefix());
    }

    #[test]
    fn pages_of_others_change_nothing() {
        let guard = guard("localhost", "127.0.0.1");
        let own = Asked { origin: Some("http://localhost:8080"), site: Some("same-origin"), ..host("localhost:8080") };
        assert!(guard.may_change(&own) && guard.may_change(&host("localhost:8080")));
        for other in [
            Asked { origin: Some("http://evil.example"), ..host("localhost:8080") },
            Asked { origin: Some("null"), ..host("localhost:8080") },
            Asked { origin: Some("http://localhost:9090"), ..host("localhost:8080") },
            Asked { site: Some("cross-site"), ..host("localhost:8080") },
            Asked { site: Some("same-site"), ..host("localhost:8080") },
            Asked { referer: Some("http://evil.example/x"), ..host("localhost:8080") },
        ] {
            assert!(!guard.may_change(&other), "{other:?}");
        }
    }
}
