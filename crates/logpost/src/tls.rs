//! Whom a TLS connection trusts and what it shows: certificates and keys from files, which are read again when they change
//! and after a failed handshake, for they are renewed while a Pod runs.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use logline::ending::{Trouble, say};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::PROG;

/// Where systems keep the certificates that they trust.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The files that decide about TLS connections.
#[derive(Clone, Default, Debug)]
pub struct Files {
    /// Certificates to trust instead of the system's.
    pub cacert: Option<PathBuf>,
    /// What to show to a server that asks for a certificate.
    pub cert: Option<PathBuf>,
    /// Its key; without it, the file of the certificate has both.
    pub key: Option<PathBuf>,
    /// Trust any server.
    pub insecure: bool,
}

/// What TLS connections are made with, as the files say now.
pub struct Trust {
    files: Files,
    provider: Arc<CryptoProvider>,
    state: Mutex<State>,
}

struct State {
    config: Arc<ClientConfig>,
    /// What the files looked like when they were read. `None` asks to read them in any case.
    seen: Option<Vec<Option<Stamp>>>,
    /// The fault that was said last.
    said: String,
}

/// What tells that a file has changed: inode, size, time of its last change in seconds and nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp(u64, u64, i64, i64);

impl Stamp {
    /// Of a file, if it is there.
    pub fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self(found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
    }
}

impl Trust {
    /// By what these files say, which must be right at the start.
    pub fn new(files: Files) -> Result<Self, Trouble> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let seen = Some(stamps(&files));
        let config = Arc::new(config(&files, &provider)?);
        Ok(Self { files, provider, state: Mutex::new(State { config, seen, said: String::new() }) })
    }

    /// What the next connection is made with. Files that have changed are read; if something is wrong with them, which may
    /// be because they are just being written, that is said once and what was read before is used.
    pub fn config(&self) -> Arc<ClientConfig> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Some(stamps(&self.files));
        if state.seen != now {
            match config(&self.files, &self.provider) {
                Ok(config) => {
                    state.config = Arc::new(config);
                    state.seen = now;
                    state.said.clear();
                }
                Err(trouble) => {
                    let text = trouble.to_string();
                    if state.said != text {
                        say(PROG, format_args!("{text}; going on with what was read before"));
                        state.said = text;
                    }
                }
            }
        }
        Arc::clone(&state.config)
    }

    /// A handshake has failed: the files are read before the next one, whether they have changed or not.
    pub fn read_again(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).seen = None;
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("files", &self.files).finish_non_exhaustive()
    }
}

fn stamps(files: &Files) -> Vec<Option<Stamp>> {
    let roots = if files.insecure { None } else { roots(files).ok() };
    let paths = [roots, files.cert.clone(), files.key.clone()];
    paths.iter().map(|path| path.as_deref().and_then(Stamp::of)).collect()
}

fn config(files: &Files, provider: &Arc<CryptoProvider>) -> Result<ClientConfig, Trouble> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| Trouble::new("TLS", error))?;
    let verifier: Arc<dyn ServerCertVerifier> = if files.insecure {
        Arc::new(Anyone(Arc::clone(provider)))
    } else {
        let path = roots(files)?;
        let trusted = certificates(&path)?;
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(trusted.iter().cloned());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
        let verifier = verifier.map_err(|error| Trouble::new(path.display(), error))?;
        // A list of the system's has a hundred authorities and no server.
        let named = if trusted.len() <= 16 { trusted } else { Vec::new() };
        Arc::new(Named { verifier, named })
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let Some(cert) = &files.cert else { return Ok(builder.with_no_client_auth()) };
    let (chain, key) = identity(cert, files.key.as_ref().unwrap_or(cert), provider)?;
    builder.with_client_auth_cert(chain, key).map_err(|error| Trouble::new(cert.display(), error))
}

/// The file with the certificates to trust.
fn roots(files: &Files) -> Result<PathBuf, Trouble> {
    let from_environment = || std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let of_system = || SYSTEM_ROOTS.iter().map(PathBuf::from).find(|path| path.exists());
    files.cacert.clone().or_else(from_environment).or_else(of_system).ok_or_else(|| {
        let expected = "this system has no list of whom to trust, expected --cacert FILE or $SSL_CERT_FILE";
        Trouble::new("certificates", expected)
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let text = std::fs::read(path).map_err(|error| Trouble::io(path.display(), &error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(Trouble::new(path.display(), "no certificate in it, expected PEM")),
        Err(_) => Err(Trouble::new(path.display(), "a certificate in it is broken off or no PEM")),
    }
}

/// The certificate with those that signed it, and its key, which must fit.
fn identity(
    cert: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Trouble> {
    let chain = certificates(cert)?;
    let text = std::fs::read(key).map_err(|error| Trouble::io(key.display(), &error))?;
    let found = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| Trouble::new(key.display(), "no private key in it, expected PEM without a password"))?;
    rustls::sign::CertifiedKey::from_der(chain.clone(), found.clone_key(), provider)
        .map_err(|_| Trouble::new(key.display(), format_args!("not the key of {}", cert.display())))?;
    Ok((chain, found))
}

/// Trusts whom the file names: the authorities in it, and servers that show a certificate of the file itself, as curl does
/// where such a certificate has signed itself and calls itself an authority.
#[derive(Debug)]
struct Named {
    verifier: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // Its dates have been checked before this was found.
            Err(error) if is_authority_as_server(&error) && self.named.iter().any(|named| named == end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Whether the server shows a certificate of an authority as its own. rustls gives this error no name of its own.
pub fn is_authority_as_server(error: &rustls::Error) -> bool {
    match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) => {
            format!("{other:?}").contains("CaUsedAsEndEntity")
        }
        _ => false,
    }
}

/// Trusts whoever answers.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
