//! TLS with an upstream: whose certificates are trusted, what name they have to have, and who we are.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature,
    verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    WantsVerifier,
};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wherefore_message::Cause;

use crate::failure::{ConnectError, broken_by};
use crate::socket::Socket;
use crate::target::Endpoint;

/// No file of certificates is larger.
const PEM_BYTES_MAX: u64 = 16 << 20;

/// How TLS is spoken with an upstream.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// The name that the certificate has to have, where it is not the one that is connected to. A unix socket
    /// has no other.
    pub name: Option<String>,
    /// What we show an upstream that asks who we are.
    pub identity: Option<Identity>,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those in these files of PEM, and no others.
    Files(Vec<PathBuf>),
    /// Anybody's: whoever can reach the wire can read and change everything that goes over it.
    AnyCertificateInsecurely,
}

/// A certificate of ours, and its key, in files of PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate, followed by those that lead from it to one that upstreams trust.
    pub certificates: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why settings of TLS can't be carried out. It names the file, where it is a file's fault.
#[derive(Debug)]
pub struct TlsError(String);

impl TlsError {
    fn of(file: &Path, wrong: impl fmt::Display) -> Self {
        Self(format!("{}: {wrong}", file.display()))
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for TlsError {}

/// TLS as it is spoken with one upstream, with what is remembered of its sessions. All cores share it.
#[derive(Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
}

impl TlsClient {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// If one can't be read or does not hold what it should, or if the system trusts nobody.
    pub fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError(error.to_string()))?;
        let builder = trusting(builder, &settings.trust, &provider)?;
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = certificates(&identity.certificates)?;
                let text = read(&identity.key)?;
                let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
                    TlsError::of(&identity.key, format!("no private key: {error}"))
                })?;
                let built = builder.with_client_auth_cert(chain, key);
                built.map_err(|error| TlsError::of(&identity.key, error))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = settings.name.as_deref().map(server_name).transpose()?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// The name that the certificate has to have.
    pub(crate) fn name_of(&self, endpoint: &Endpoint) -> Result<ServerName<'static>, ConnectError> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        match endpoint {
            Endpoint::Ip(address) => Ok(ServerName::from(address.ip())),
            Endpoint::Name { host, .. } => {
                server_name(host).map_err(|error| ConnectError::new(Cause::TlsCertificate, error))
            }
            Endpoint::Unix(_) => {
                let said = "no name is set that the certificate could have";
                Err(ConnectError::new(Cause::TlsCertificate, said))
            }
        }
    }

    pub(crate) async fn shake_hands(
        &self,
        name: ServerName<'static>,
        socket: Socket,
        tls_time: Duration,
    ) -> Result<TlsStream<Socket>, ConnectError> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        match timeout(tls_time, connector.connect(name, socket)).await {
            Ok(shaken) => shaken.map_err(|error| ConnectError::new(broken_by(&error), error)),
            Err(_) => Err(ConnectError::new(
                Cause::ConnectLate,
                format_args!("the TLS handshake was not done within {tls_time:?}"),
            )),
        }
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    // Who resolves it may want the dot at its end; no certificate has it.
    let name = name.strip_suffix('.').unwrap_or(name).to_owned();
    let wrong = format!("{name:?} is no name that a certificate could have");
    ServerName::try_from(name).map_err(|_| TlsError(wrong))
}

fn trusting(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    trust: &Trust,
    provider: &CryptoProvider,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            // One that can't be used is no reason to do without the others.
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
                let why = if errors.is_empty() { "none found".into() } else { errors.join("; ") };
                return Err(TlsError(format!("no certificates that the system trusts: {why}")));
            }
        }
        Trust::Files(files) => {
            for file in files {
                for certificate in certificates(file)? {
                    roots.add(certificate).map_err(|error| TlsError::of(file, error))?;
                }
            }
            if roots.is_empty() {
                return Err(TlsError("no file of trusted certificates is named".into()));
            }
        }
        Trust::AnyCertificateInsecurely => {
            let anybody = Anybody(provider.signature_verification_algorithms);
            return Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(anybody)));
        }
    }
    Ok(builder.with_root_certificates(roots))
}

/// All certificates of a file; at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| TlsError::of(file, error))?;
    if found.is_empty() {
        return Err(TlsError::of(file, "no certificate in it"));
    }
    Ok(found)
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let mut text = Vec::new();
    let read = File::open(file).and_then(|opened| {
        opened.take(PEM_BYTES_MAX + 1).read_to_end(&mut text)?;
        if text.len() as u64 > PEM_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(text)
    });
    read.map_err(|error| TlsError::of(file, error))
}

/// Trusts whoever answers, as long as it has the key of the certificate that it shows.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
