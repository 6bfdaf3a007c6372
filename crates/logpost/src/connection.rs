//! How requests are made: over which proxy, with which time-outs, and what it means where no answer comes.
//!
//! A server that has had enough answers in the middle of a request and closes: what it said is read all the same.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use logline::ending::{Trouble, cause};
use rustls::{AlertDescription, CertificateError};
use ureq::unversioned::resolver::{DefaultResolver, Resolver};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _};
use ureq::{Agent, Proxy};

use crate::outcome::Failure;
use crate::tls::{Trust, is_authority_as_server};
use crate::transport::{Dialler, Encryption, Ended, NoResolver, Sending, Watch};

/// The longest wait for a whole answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaxTime {
    /// Twice the silence that is allowed.
    OfSilence,
    /// So long.
    Fixed(Duration),
    /// As long as something comes.
    Unlimited,
}

/// What connections are made with.
#[derive(Clone, Debug)]
pub struct Connecting {
    /// Longest wait for a connection; `None` for ever.
    pub connect_timeout: Option<Duration>,
    /// Longest wait for a whole answer.
    pub max_time: MaxTime,
    /// The greatest age of a connection; `None` for no limit.
    pub max_age: Option<Duration>,
    /// For https URLs.
    pub trust: Option<Arc<Trust>>,
}

/// Requests one after another, over a connection that stays open between them.
pub fn agent(connecting: &Connecting, sending: Sending) -> Agent {
    agent_with(connecting, sending, DefaultResolver::default())
}

fn agent_with(connecting: &Connecting, sending: Sending, resolver: impl Resolver) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(connecting.connect_timeout)
        .proxy(None)
        .user_agent(concat!("logpost/", env!("CARGO_PKG_VERSION")));
    let connector =
        ().chain(ConnectProxyConnector::default())
            .chain(Dialler::new(resolver, sending.clone()))
            .chain(Encryption { trust: connecting.trust.clone(), outbox: sending.outbox })
            .chain(Watch { written: sending.written, max_age: connecting.max_age });
    Agent::with_parts(config.build(), connector, NoResolver)
}

/// What `-x` or the environment says: `HTTPS_PROXY` where the server speaks TLS, none for the hosts of `NO_PROXY`.
pub fn proxy(option: Option<&str>, host: &str, port: u16, is_tls: bool) -> Result<Option<Proxy>, Trouble> {
    let variable = |names: [&str; 2]| names.into_iter().find_map(|name| std::env::var(name).ok());
    let named =
        option.map(str::to_owned).or_else(|| is_tls.then(|| variable(["HTTPS_PROXY", "https_proxy"])).flatten());
    let Some(named) = named.filter(|named| !named.is_empty()) else { return Ok(None) };
    if variable(["NO_PROXY", "no_proxy"]).is_some_and(|list| is_listed(host, port, &list)) {
        return Ok(None);
    }
    // The URL may hold a password and is not repeated.
    let unusable = || Trouble::new("proxy", "not a URL of one, expected http://host:port");
    // A mere name says neither what is spoken there nor where.
    let has_port = named.rsplit_once(':').is_some_and(|(_, port)| port.trim_end_matches('/').parse::<u16>().is_ok());
    if !(named.contains("://") || has_port) {
        return Err(unusable());
    }
    let proxy = Proxy::new(&named).map_err(|_| unusable())?;
    let is_http = matches!(proxy.protocol(), ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https);
    if is_http { Ok(Some(proxy)) } else { Err(unusable()) }
}

/// Whether a list as of `NO_PROXY` has the host. An entry is `*`, a host name, a domain above it, an address or a range of
/// addresses in CIDR form; all but the first may end in a port, which must be that of the URL. Entries are parted by commas
/// or blanks.
fn is_listed(host: &str, port: u16, list: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let (name, its_port) = host_and_port(entry);
        if its_port.is_some_and(|its_port| its_port != port) {
            return false;
        }
        if let Some(address) = address {
            return is_in_range(address, name);
        }
        let domain = name.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
        let above = host.strip_suffix(&domain);
        above.is_some_and(|above| !domain.is_empty() && (above.is_empty() || above.ends_with('.')))
    })
}

/// `host:80`, `[::1]:80`, and without a port `host`, `[::1]`, `::1`, `10.0.0.0/8`.
fn host_and_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((inner, behind)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (inner, behind.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, port.parse().ok()),
        _ => (entry, None),
    }
}

/// Whether the address is this one, or in this range.
fn is_in_range(address: IpAddr, range: &str) -> bool {
    let (network, length) = match range.split_once('/') {
        Some((network, length)) => (network, length.parse().ok()),
        None => (range, Some(128)),
    };
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let (Ok(network), Some(length)) = (network.parse::<IpAddr>(), length) else { return false };
    let ((network, width), (address, its_width)) = (bits(network), bits(address));
    let ignored: u32 = 128 - u32::min(width, length);
    width == its_width && (network ^ address).checked_shr(ignored).unwrap_or(0) == 0
}

/// Whether an open connection had been closed by the peer meanwhile, which says nothing about the request.
pub fn is_stale(error: &ureq::Error) -> bool {
    ended(error).is_some_and(|ended| !ended.is_fresh)
}

fn ended(error: &ureq::Error) -> Option<Ended> {
    match error {
        ureq::Error::Other(error) => error.downcast_ref().copied(),
        _ => None,
    }
}

/// What it means that no answer came.
pub fn failure(error: &ureq::Error) -> Failure {
    if let Some(ended) = ended(error) {
        let text = ended.to_string();
        return if ended.is_cut && ended.is_fresh { Failure::Cut(text) } else { Failure::Lost(text) };
    }
    match error {
        ureq::Error::Rustls(error) => of_tls(error),
        ureq::Error::Tls(text) => Failure::Hold((*text).to_owned()),
        ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => of_tls(error),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                Failure::Lost("the connection was closed in the middle of an answer".to_owned())
            }
            None if error.to_string().contains("lookup address") => Failure::Lost(of_lookup(error)),
            None => Failure::Lost(cause(error)),
        },
        ureq::Error::HostNotFound => Failure::Lost("the host name cannot be resolved: there is none".to_owned()),
        ureq::Error::Timeout(ureq::Timeout::Resolve) => {
            Failure::Lost("the host name cannot be resolved: no answer from the name server in time".to_owned())
        }
        ureq::Error::Timeout(ureq::Timeout::Connect) => Failure::Lost("no connection in time".to_owned()),
        ureq::Error::Timeout(_) => Failure::Late("no answer in time".to_owned()),
        ureq::Error::LargeResponseHeader(..) | ureq::Error::Protocol(ureq_proto::Error::HttpParseTooManyHeaders) => {
            Failure::Lost("the head of the answer is too long".to_owned())
        }
        ureq::Error::Protocol(_) => Failure::Lost("the answer is not HTTP".to_owned()),
        ureq::Error::BodyExceedsLimit(limit) => Failure::Long(format!("an answer of more than {} MiB", limit >> 20)),
        ureq::Error::ConnectProxyFailed(cause) => of_proxy(cause),
        other => Failure::Lost(other.to_string().to_lowercase()),
    }
}

/// What a proxy answered in place of a connection, as ureq says it: `proxy server responded 407/…`.
fn of_proxy(cause: &str) -> Failure {
    let code = cause.rsplit_once("responded ").and_then(|(_, rest)| rest.split('/').next()).unwrap_or(cause);
    let said = format!("the proxy answers {code}");
    if matches!(code, "401" | "403" | "405" | "407") { Failure::Hold(said) } else { Failure::Lost(said) }
}

/// Whether no connection could be made, which with a proxy is one to the proxy.
pub fn is_of_dialling(error: &ureq::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    match error {
        ureq::Error::HostNotFound | ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => true,
        ureq::Error::Io(error) => {
            matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
                || error.to_string().contains("lookup address")
        }
        _ => false,
    }
}

/// Whether it is about certificates or encryption.
pub fn is_of_tls(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Rustls(_) => true,
        ureq::Error::Io(error) => {
            error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
        }
        _ => false,
    }
}

/// The resolver's own words are long, and the same for every system only in part.
fn of_lookup(error: &io::Error) -> String {
    let text = error.to_string();
    let why = if text.contains("Temporary failure") {
        "the name server cannot be asked now"
    } else if text.contains("not known") || text.contains("No address") {
        "there is none"
    } else {
        text.rsplit(": ").next().unwrap_or(&text)
    };
    format!("the host name cannot be resolved: {why}")
}

fn of_tls(error: &rustls::Error) -> Failure {
    let mistake = match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet, or the clock is wrong"
            }
            CertificateError::UnknownIssuer => "its certificate is signed by nobody that is trusted, see --cacert",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another host name"
            }
            _ if is_authority_as_server(error) => {
                "its certificate is that of an authority, which no server may show unless --cacert names it"
            }
            fault => return Failure::Hold(format!("its certificate is not accepted: {fault}").to_lowercase()),
        },
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate | AlertDescription::AccessDenied,
        ) => "it asks for a client certificate and does not accept ours, see --cert",
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate,
        ) => "it does not know who signed our certificate, see --cert",
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired | AlertDescription::CertificateRevoked) => {
            "our certificate has expired or was revoked, see --cert"
        }
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity) => {
            "no cipher in common, or it wants a client certificate, see --cert"
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) | rustls::Error::PeerIncompatible(_) => {
            "no version of TLS or cipher in common, expected TLS 1.2 or 1.3 with forward secrecy"
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => "it has no certificate for this host name",
        rustls::Error::InvalidMessage(_) => "it does not speak TLS, see http://",
        other => return Failure::Lost(format!("TLS: {other}")),
    };
    Failure::Hold(mistake.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::Mutex;
    use ureq::config::Config;
    use ureq::unversioned::resolver::ResolvedSocketAddrs;
    use ureq::unversioned::transport::NextTimeout;

    /// Gives these answers, the last first, and then no more.
    #[derive(Debug)]
    struct Scripted(Arc<Mutex<Vec<Option<SocketAddr>>>>);

    impl Resolver for Scripted {
        fn resolve(&self, _: &ureq::http::Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let address = self.0.lock().unwrap().pop().flatten().ok_or_else(|| {
                io::Error::other("failed to lookup address information: Temporary failure in name resolution")
            })?;
            let mut addresses = self.empty();
            addresses.push(address);
            Ok(addresses)
        }
    }

    /// Connections that last for so long.
    fn connecting(max_age: Option<Duration>) -> Connecting {
        Connecting {
            connect_timeout: Some(Duration::from_secs(10)),
            max_time: MaxTime::OfSilence,
            max_age,
            trust: None,
        }
    }

    #[test]
    fn g11_a_name_that_failed_is_looked_up_again_and_then_once_for_each_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let script = Arc::new(Mutex::new(vec![None, Some(listener.local_addr().unwrap()), None]));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for _ in 0..2 {
                // A request without a body comes in one piece.
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            }
        });
        let agent = agent_with(&connecting(None), Sending::default(), Scripted(Arc::clone(&script)));
        let ask = || agent.get("http://es:9200/").call().map(|answer| answer.status().as_u16());
        let failed = ask().map_err(|error| failure(&error));
        let cause = "the host name cannot be resolved: the name server cannot be asked now".to_owned();
        assert_eq!(failed, Err(Failure::Lost(cause)));
        assert_eq!((ask().unwrap(), ask().unwrap()), (200, 200));
        assert_eq!(script.lock().unwrap().len(), 1, "the second went over the same connection");
        server.join().unwrap();
    }

    #[test]
    fn a_connection_that_is_too_old_is_not_used_again_so_that_a_moved_name_is_seen() {
        let listeners = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
        let [first, second] = [&listeners[0], &listeners[1]].map(|listener| listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(vec![Some(second), Some(first)]));
        let servers = listeners.map(|listener| {
            std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            })
        });
        let agent = agent_with(&connecting(Some(Duration::ZERO)), Sending::default(), Scripted(script));
        for _ in 0..2 {
            assert_eq!(agent.get("http://es:9200/").call().unwrap().status().as_u16(), 200);
        }
        for server in servers {
            server.join().unwrap();
        }
    }

    #[test]
    fn a_request_in_which_its_connection_gets_too_old_is_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let script = Arc::new(Mutex::new(vec![Some(listener.local_addr().unwrap())]));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"the end") {
                let mut piece = [0; 1024];
                let count = stream.read(&mut piece).unwrap();
                assert!(count > 0, "closed in the middle of a request");
                request.extend_from_slice(&piece[..count]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        });
        let sending = Sending::default();
        let agent = agent_with(&connecting(Some(Duration::ZERO)), sending.clone(), Scripted(script));
        sending.written.begin();
        // Head and body are written one after the other.
        assert_eq!(agent.post("http://es:9200/").send("a body, the end").unwrap().status().as_u16(), 200);
        assert!(sending.written.is_whole());
        server.join().unwrap();
    }

    #[test]
    fn no_proxy_lists_hosts_domains_addresses_and_ranges() {
        for (host, list, is_in) in [
            ("es.example.com", "example.com", true),
            ("es.example.com", "localhost, .example.com", true),
            ("es.example.com", "localhost .example.com", true),
            ("es.example.com.", "es.example.com", true),
            ("es.example.com", "*.example.com", true),
            ("es.example.com", "example.com.", true),
            ("es.example.com", "ES.example.com", true),
            ("es.example.com", "example.com:9200", true),
            ("es.example.com", "example.com:9201", false),
            ("es.example.com", "*", true),
            ("badexample.com", "example.com", false),
            ("es", "", false),
            ("es", ",.", false),
            ("10.1.2.3", "10.0.0.0/8", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.3:9200", true),
            ("10.1.2.3", "10.1.2.3:1", false),
            ("10.1.2.3", "10.1.2.0/30", true),
            ("10.1.2.4", "10.1.2.0/30", false),
            ("10.1.2.3", "0.0.0.0/0", true),
            ("10.1.2.3", "::/0", false),
            ("10.1.2.3", "2.3", false),
            ("10.1.2.3", "3", false),
            ("10.1.2.3", "10.1.2.0/x", false),
            ("[::1]", "::1", true),
            ("[::1]", "[::1]", true),
            ("[::1]", "[::1]:9200", true),
            ("[::1]", "[::1]:9201", false),
            ("[fd00::7]", "fd00::/8", true),
            ("[fe00::7]", "fd00::/8", false),
        ] {
            assert_eq!(is_listed(host, 9200, list), is_in, "{host} {list}");
        }
    }

    #[test]
    fn a_proxy_that_is_none_is_named_without_its_secret() {
        for text in ["http://", "socks5://me:secret@h:1", "::secret", "secret"] {
            let said = proxy(Some(text), "h", 80, false).map(|_| ()).map_err(|trouble| trouble.to_string());
            assert_eq!(said, Err("proxy: not a URL of one, expected http://host:port".to_owned()));
        }
    }
}
