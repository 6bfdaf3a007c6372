//! logpost and TLS: whom it trusts, what it shows, and what it says when the two do not fit. Certificates are made here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use logpipe_tests::front::Front;
use logpipe_tests::receiver::Receiver;
use logpipe_tests::running::Running;
use logpipe_tests::tools::Scratch;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// One who signs, and what it has signed, in files too.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
    scratch: Scratch,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate, scratch: Scratch::new(name) }
    }

    fn sign(&self, host: &str, years: (i32, i32)) -> (Certificate, KeyPair) {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.scratch.path().join(name);
        fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    /// The file that trusts it.
    fn roots(&self) -> String {
        self.file("ca.pem", &self.certificate.pem())
    }

    /// A server with a certificate of this kind; `clients` signs those of its clients, if it asks for any.
    fn server(&self, host: &str, years: (i32, i32), clients: Option<&Authority>) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.certificate.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let (certificate, key) = self.sign(host, years);
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        builder.with_single_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap()
    }
}

const NOW: (i32, i32) = (2020, 2100);

/// Sends one record to `https://localhost` and hears these words; whether it has arrived.
#[track_caller]
fn arrives(server: ServerConfig, arguments: &[&str], variables: &[(&str, &str)], words: &str) -> bool {
    let receiver = Receiver::start();
    let front = Front::with_tls(receiver.address(), server);
    let url = format!("https://localhost:{}/in", front.address().port());
    let mut logpost = Running::start(&[&["--linger=0", "--drain=0s"], arguments, &[&url]].concat(), variables);
    logpost.write(b"{\"a\":1}\n");
    logpost.hear(words);
    let ended = logpost.end();
    let has_arrived = receiver.documents().len() == 1;
    assert_eq!(ended.status, if has_arrived { 0 } else { 2 }, "{:?}", ended.said);
    has_arrived
}

#[test]
fn a_certificate_of_somebody_trusted_is_accepted_by_option_and_by_variable() {
    let authority = Authority::new("trusted");
    let roots = authority.roots();
    let server = || authority.server("localhost", NOW, None);
    assert!(arrives(server(), &["--cacert", &roots], &[], "delivered the first batch"));
    assert!(arrives(server(), &[], &[("SSL_CERT_FILE", &roots)], "delivered the first batch"));
    assert!(arrives(server(), &["--cacert", &roots, "--compress=gzip"], &[], "delivered the first batch"));
}

#[test]
fn a_certificate_that_is_not_in_order_has_one_clear_line_and_nothing_is_sent() {
    let (authority, other) = (Authority::new("clear"), Authority::new("clear-other"));
    let (roots, others) = (authority.roots(), other.roots());
    for (host, years, roots, words) in [
        ("localhost", NOW, &others, "its certificate is signed by nobody that is trusted, see --cacert, trying again"),
        ("localhost", (2020, 2021), &roots, "its certificate has expired, trying again"),
        ("localhost", (2090, 2100), &roots, "its certificate is not valid yet, or the clock is wrong, trying again"),
        ("elsewhere", NOW, &roots, "its certificate is for another host name, trying again"),
    ] {
        assert!(!arrives(authority.server(host, years, None), &["--cacert", roots], &[], words), "{words}");
    }
}

#[test]
fn insecure_believes_anybody_and_says_so() {
    let authority = Authority::new("insecure");
    let receiver = Receiver::start();
    let front = Front::with_tls(receiver.address(), authority.server("elsewhere", (2020, 2021), None));
    let mut logpost = Running::start(&["-k", &format!("https://localhost:{}/in", front.address().port())], &[]);
    logpost.write(b"{\"a\":1}\n");
    logpost.hear("--insecure: whoever answers is believed, and gets the records");
    assert_eq!((logpost.end().status, receiver.documents().len()), (0, 1));
}

#[test]
fn who_asks_for_a_certificate_is_shown_ours() {
    let authority = Authority::new("ours");
    let roots = authority.roots();
    let (certificate, key) = authority.sign("client", NOW);
    let cert = authority.file("cert.pem", &certificate.pem());
    let key_file = authority.file("key.pem", &key.serialize_pem());
    let both = authority.file("both.pem", &(certificate.pem() + &key.serialize_pem()));
    let server = || authority.server("localhost", NOW, Some(&authority));
    for shown in [&["--cert", &cert, "--key", &key_file][..], &["--cert", &both]] {
        let arguments = [&["--cacert", &roots], shown].concat();
        assert!(arrives(server(), &arguments, &[], "delivered the first batch"));
    }
    let words = "it asks for a client certificate and does not accept ours, see --cert, trying again";
    assert!(!arrives(server(), &["--cacert", &roots], &[], words));
    let (certificate, _) = authority.sign("client", NOW);
    let cert = authority.file("other.pem", &certificate.pem());
    let ended =
        Running::start(&["--cacert", &roots, "--cert", &cert, "--key", &key_file, "https://localhost/"], &[]).end();
    assert_eq!((ended.status, ended.said), (2, vec![format!("logpost: {key_file}: not the key of {cert}")]));
}

#[test]
fn a_server_that_speaks_no_tls_is_told_apart() {
    let authority = Authority::new("plain");
    let roots = authority.roots();
    let front = Front::start(SocketAddr::from(([127, 0, 0, 1], 9)), |_, stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").map(|()| false)
    });
    let url = format!("https://localhost:{}/", front.address().port());
    let mut logpost = Running::start(&["--linger=0", "--drain=0s", "--cacert", &roots, &url], &[]);
    logpost.write(b"{\"a\":1}\n");
    logpost.hear(": it does not speak TLS, see http://, trying again");
    assert_eq!(logpost.end().status, 2);
}

#[test]
fn tls_goes_through_the_proxy_of_the_environment() {
    let authority = Authority::new("proxy");
    let roots = authority.roots();
    // Nobody listens there, which shows that it was asked.
    let variables = [("HTTPS_PROXY", "http://me:s3cret@127.0.0.1:1")];
    let server = authority.server("localhost", NOW, None);
    assert!(!arrives(server, &["--cacert", &roots], &variables, "proxy: connection refused"));
    let variables = [variables[0], ("NO_PROXY", "localhost")];
    let server = authority.server("localhost", NOW, None);
    assert!(arrives(server, &["--cacert", &roots], &variables, "delivered the first batch"));
}

#[test]
fn a_certificate_that_signed_itself_is_trusted_where_it_is_named() {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let server = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        builder.with_no_client_auth().with_single_cert(chain, key).unwrap()
    };
    let other = Authority::new("self-signed");
    let own = other.file("own.pem", &certificate.pem());
    assert!(arrives(server(), &["--cacert", &own], &[], "delivered the first batch"));
    let words = "its certificate is that of an authority, which no server may show unless --cacert names it";
    assert!(!arrives(server(), &["--cacert", &other.roots()], &[], words));
}

#[test]
fn certificates_are_read_again_when_they_change_and_a_half_of_one_changes_nothing() {
    let (authority, other) = (Authority::new("renewed"), Authority::new("renewed-other"));
    let receiver = Receiver::start();
    let front = Front::with_tls(receiver.address(), authority.server("localhost", NOW, Some(&authority)));
    let roots = other.file("ca-in-use.pem", &other.certificate.pem());
    let (certificate, key) = other.sign("client", NOW);
    let both = other.file("client-in-use.pem", &(certificate.pem() + &key.serialize_pem()));
    let url = format!("https://localhost:{}/in", front.address().port());
    let mut logpost = Running::start(&["--linger=0", "--cacert", &roots, "--cert", &both, &url], &[]);
    logpost.write(b"{\"a\":1}\n");
    logpost.hear("its certificate is signed by nobody that is trusted");
    let pem = authority.certificate.pem();
    fs::write(&roots, &pem[..pem.len() / 2]).unwrap();
    logpost.hear("ca-in-use.pem: a certificate in it is broken off or no PEM; going on with what was read before");
    fs::write(&roots, &pem).unwrap();
    // The server is trusted now, and does not trust us.
    logpost.hear("it does not know who signed our certificate, see --cert");
    let (certificate, key) = authority.sign("client", NOW);
    fs::write(&both, certificate.pem() + &key.serialize_pem()).unwrap();
    logpost.hear("delivered the first batch");
    assert_eq!((logpost.end().status, receiver.documents().len()), (0, 1));
}
