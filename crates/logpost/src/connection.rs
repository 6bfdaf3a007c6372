//! How a connection is made: the name is looked up, the proxy and the peer's certificate are asked, and time-outs are set.
//! Names are looked up when a connection is made and only then, so an address is never older than its connection.
//!
//! A server that has had enough answers in the middle of a request and closes: what it said is read all the same.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use logline::ending::{Trouble, cause};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::{AlertDescription, CertificateError};
use ureq::config::Config;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport,
};
use ureq::{Agent, Proxy};

use crate::outcome::Failure;

/// How much of a request is written at once: each write wakes the reader, and a batch of the usual size goes in one.
const WRITE_SIZE: usize = 640 << 10;
/// A connection on which nothing moves for so long is given up.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);
/// Where systems keep the certificates that they trust.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What connections are made with.
#[derive(Clone, Debug)]
pub struct Connecting<'a> {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for a whole answer.
    pub max_time: Duration,
    /// The server speaks TLS.
    pub is_tls: bool,
    /// Trust these instead of the system's.
    pub cacert: Option<&'a Path>,
    /// What to show who asks for a certificate.
    pub cert: Option<&'a Path>,
    /// Its key; without it, the file of the certificate has both.
    pub key: Option<&'a Path>,
    /// Trust any.
    pub insecure: bool,
    /// What to connect through.
    pub proxy: Option<Proxy>,
}

/// Requests that share connections, and keep them open between them.
pub fn agent(connecting: &Connecting<'_>) -> Result<Agent, Trouble> {
    agent_with(connecting, DefaultResolver::default())
}

fn agent_with(connecting: &Connecting<'_>, resolver: impl Resolver) -> Result<Agent, Trouble> {
    let silence = LONGEST_SILENCE.min(connecting.max_time);
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(connecting.connect_timeout))
        .timeout_global(Some(connecting.max_time))
        .timeout_per_read(Some(silence))
        .timeout_per_write(Some(silence))
        .output_buffer_size(WRITE_SIZE)
        .proxy(connecting.proxy.clone())
        .user_agent(concat!("logpost/", env!("CARGO_PKG_VERSION")));
    if connecting.is_tls {
        config = config.tls_config(tls(connecting)?);
    }
    let connector =
        ().chain(ConnectProxyConnector::default())
            .chain(ByName { resolver, tcp: TcpConnector::default() })
            .chain(RustlsConnector::default())
            .chain(Attentive);
    Ok(Agent::with_parts(config.build(), connector, Later))
}

/// What `-x` or the environment says: `HTTPS_PROXY` where the server speaks TLS, none for the hosts of `NO_PROXY`.
pub fn proxy(option: Option<&str>, host: &str, is_tls: bool) -> Result<Option<Proxy>, Trouble> {
    let variable = |names: [&str; 2]| names.into_iter().find_map(|name| std::env::var(name).ok());
    let named =
        option.map(str::to_owned).or_else(|| is_tls.then(|| variable(["HTTPS_PROXY", "https_proxy"])).flatten());
    let Some(named) = named.filter(|named| !named.is_empty()) else { return Ok(None) };
    if variable(["NO_PROXY", "no_proxy"]).is_some_and(|list| is_listed(host, &list)) {
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

/// Whether a list as of `NO_PROXY` has the host: `*`, or its name, or that of a domain above it.
fn is_listed(host: &str, list: &str) -> bool {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let domain = entry.trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase();
        let above = host.to_ascii_lowercase();
        let above = above.strip_suffix(&domain);
        entry == "*" || above.is_some_and(|above| !domain.is_empty() && (above.is_empty() || above.ends_with('.')))
    })
}

fn tls(connecting: &Connecting<'_>) -> Result<TlsConfig, Trouble> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = if connecting.insecure { Vec::new() } else { roots(connecting.cacert)? };
    let identity = connecting.cert.map(|cert| identity(cert, connecting.key.unwrap_or(cert), &provider)).transpose()?;
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(identity)
        .disable_verification(connecting.insecure)
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

fn roots(cacert: Option<&Path>) -> Result<Vec<Certificate<'static>>, Trouble> {
    let from_environment = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let of_system = || SYSTEM_ROOTS.iter().map(Path::new).find(|path| path.exists());
    let path = cacert.or(from_environment.as_deref()).or_else(of_system).ok_or_else(|| {
        Trouble::new(
            "certificates",
            "this system has no list of whom to trust, expected --cacert FILE or $SSL_CERT_FILE",
        )
    })?;
    certificates(path).map(|found| found.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let text = std::fs::read(path).map_err(|error| Trouble::io(path.display(), &error))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
    if found.is_empty() {
        return Err(Trouble::new(path.display(), "no certificate in it, expected PEM"));
    }
    Ok(found)
}

/// The certificate with those that signed it, and its key, which must fit.
fn identity(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<ClientCert, Trouble> {
    let chain = certificates(cert)?;
    let text = std::fs::read(key).map_err(|error| Trouble::io(key.display(), &error))?;
    let found = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| Trouble::new(key.display(), "no private key in it, expected PEM without a password"))?;
    rustls::sign::CertifiedKey::from_der(chain.clone(), found, provider)
        .map_err(|_| Trouble::new(key.display(), format_args!("not the key of {}", cert.display())))?;
    let key = PrivateKey::from_pem(&text).map_err(|_| Trouble::new(key.display(), "no private key in it"))?;
    let chain: Vec<_> = chain.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(ClientCert::new_with_certs(&chain, key))
}

/// Leaves the look-up of names to [`ByName`].
#[derive(Debug)]
struct Later;

impl Resolver for Later {
    fn resolve(&self, _: &ureq::http::Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(addresses)
    }
}

/// Looks the name up, and connects.
#[derive(Debug)]
struct ByName<R> {
    resolver: R,
    tcp: TcpConnector,
}

impl<In: Transport, R: Resolver> Connector<In> for ByName<R> {
    type Out = <TcpConnector as Connector<In>>::Out;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        if chained.is_some() {
            // The way through the proxy stands.
            return self.tcp.connect(details, chained);
        }
        let found = self.resolver.resolve(details.uri, details.config, details.timeout);
        let addrs = found.map_err(|error| match error {
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        })?;
        let details = ConnectionDetails {
            uri: details.uri,
            addrs,
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        self.tcp.connect(&details, None)
    }
}

/// Makes connections [`Heard`].
#[derive(Debug)]
struct Attentive;

impl<In: Transport> Connector<In> for Attentive {
    type Out = Heard<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|inner| Heard { inner, is_cut: false, is_fresh: true, is_waiting: false }))
    }
}

/// A connection on which an answer is read also where it came before the request was written.
#[derive(Debug)]
struct Heard<T> {
    inner: T,
    /// The peer has closed its side: what is still written goes nowhere.
    is_cut: bool,
    /// No answer has come yet on this connection.
    is_fresh: bool,
    /// A request was written, and nothing of its answer has come.
    is_waiting: bool,
}

/// The connection ended before an answer began.
#[derive(Clone, Copy, Debug)]
struct Ended {
    is_fresh: bool,
    is_cut: bool,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_cut {
            "the connection was closed while the request was written"
        } else {
            "the connection was closed without an answer"
        })
    }
}

impl std::error::Error for Ended {}

impl<T: Transport> Transport for Heard<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.is_waiting = true;
        if self.is_cut {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(ureq::Error::Io(error)) if is_closed(&error) => {
                self.is_cut = true;
                Ok(())
            }
            other => other,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let read = self.inner.await_input(timeout);
        if matches!(read, Ok(true)) {
            self.is_fresh = false;
            self.is_waiting = false;
        }
        let ended = |is_cut| Err(ureq::Error::Other(Box::new(Ended { is_fresh: self.is_fresh, is_cut })));
        match read {
            Ok(false) if self.is_waiting => ended(self.is_cut),
            Err(ureq::Error::Io(error)) if self.is_waiting && is_closed(&error) => {
                // A peer that closes without having read all resets the connection.
                ended(self.is_cut || error.kind() != io::ErrorKind::UnexpectedEof)
            }
            other => other,
        }
    }

    fn is_open(&mut self) -> bool {
        !self.is_cut && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
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
        ureq::Error::Tls(_) => Failure::Hold("no certificate can be for this host name".to_owned()),
        ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => of_tls(error),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                Failure::Lost("the connection was closed in the middle of an answer".to_owned())
            }
            None => Failure::Lost(cause(error)),
        },
        ureq::Error::HostNotFound => Failure::Lost("the host name cannot be resolved".to_owned()),
        ureq::Error::Timeout(ureq::Timeout::Connect) => Failure::Lost("no connection in time".to_owned()),
        ureq::Error::Timeout(_) => Failure::Lost("no answer in time".to_owned()),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
            Failure::Lost("the answer is not HTTP".to_owned())
        }
        ureq::Error::BodyExceedsLimit(_) => Failure::Lost("an answer of more than 64 MiB".to_owned()),
        ureq::Error::ConnectProxyFailed(cause) => Failure::Lost(format!("proxy: {cause}")),
        other => Failure::Lost(other.to_string().to_lowercase()),
    }
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
            fault => return Failure::Hold(format!("its certificate is not accepted: {fault}").to_lowercase()),
        },
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate,
        ) => "it asks for a client certificate and does not accept ours, see --cert",
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
    use std::net::TcpListener;
    use std::sync::Mutex;

    /// Gives these answers, the last first, and then no more.
    #[derive(Debug)]
    struct Scripted(Arc<Mutex<Vec<Option<SocketAddr>>>>);

    impl Resolver for Scripted {
        fn resolve(&self, _: &ureq::http::Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let address = self.0.lock().unwrap().pop().flatten().ok_or_else(|| io::Error::other("try again"))?;
            let mut addresses = self.empty();
            addresses.push(address);
            Ok(addresses)
        }
    }

    #[test]
    fn g11_a_name_that_failed_is_looked_up_again_and_then_once_for_each_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let script = Arc::new(Mutex::new(vec![None, Some(listener.local_addr().unwrap()), None]));
        let connecting = Connecting {
            connect_timeout: Duration::from_secs(10),
            max_time: Duration::from_secs(10),
            is_tls: false,
            cacert: None,
            cert: None,
            key: None,
            insecure: false,
            proxy: None,
        };
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for _ in 0..2 {
                // A request without a body comes in one piece.
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            }
        });
        let agent = agent_with(&connecting, Scripted(Arc::clone(&script))).unwrap();
        let ask = || agent.get("http://es:9200/").call().map(|answer| answer.status().as_u16());
        let failed = ask().map_err(|error| failure(&error));
        assert_eq!(failed, Err(Failure::Lost("the host name cannot be resolved".to_owned())));
        assert_eq!((ask().unwrap(), ask().unwrap()), (200, 200));
        assert_eq!(script.lock().unwrap().len(), 1, "the second went over the same connection");
        server.join().unwrap();
    }

    #[test]
    fn no_proxy_lists_hosts_and_the_domains_above_them() {
        for (host, list, is_in) in [
            ("es.example.com", "example.com", true),
            ("es.example.com", "localhost, .example.com", true),
            ("es.example.com", "*.example.com", true),
            ("es.example.com", "ES.example.com", true),
            ("es.example.com", "*", true),
            ("badexample.com", "example.com", false),
            ("es", "", false),
            ("es", ",.", false),
        ] {
            assert_eq!(is_listed(host, list), is_in, "{host} {list}");
        }
    }

    #[test]
    fn a_proxy_that_is_none_is_named_without_its_secret() {
        for text in ["http://", "socks5://me:secret@h:1", "::secret", "secret"] {
            let said = proxy(Some(text), "h", false).map(|_| ()).map_err(|trouble| trouble.to_string());
            assert_eq!(said, Err("proxy: not a URL of one, expected http://host:port".to_owned()));
        }
    }
}
