//! TLS: who is trusted, under which name, and what is told of who is not.

use std::fs;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection};
use tempfile::TempDir;
use wherefore_message::Cause;
use wherefore_upstream::{
    ConnectError, Endpoint, Identity, Quiet, Stream, Target, Times, TlsClient, TlsSettings, Trust,
    broken_by,
};

use crate::peers::{LONG, connector, read, read_all, server, when_no_longer_quiet, write_all};

/// An authority, whose certificate is in a file, and what it signs.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A certificate and its key.
struct Signed {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn authority() -> Authority {
    authority_called("ours")
}

fn authority_called(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
    let der = certificate.der().clone();
    Authority { folder, issuer: Issuer::new(params, key), certificate: der }
}

impl Authority {
    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Signed { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }

    fn signs(&self, name: &str) -> Signed {
        self.sign(name, |_| {})
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client that trusts this authority alone.
    fn client(&self, change: impl FnOnce(&mut TlsSettings)) -> Arc<TlsClient> {
        let trust = Trust::Files(vec![self.file("ca.pem")]);
        let mut settings = TlsSettings { trust, ..TlsSettings::default() };
        change(&mut settings);
        Arc::new(TlsClient::new(&settings).unwrap())
    }

    fn trusted(&self) -> Arc<TlsClient> {
        self.client(|_| {})
    }
}

impl Signed {
    fn config(&self) -> Arc<ServerConfig> {
        let config = ServerConfig::builder().with_no_client_auth();
        Arc::new(config.with_single_cert(self.chain(), self.key()).unwrap())
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.der().clone()]
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }
}

type Served = rustls::StreamOwned<ServerConnection, TcpStream>;

fn tls_server<T: Send + 'static>(
    config: Arc<ServerConfig>,
    serve: impl FnOnce(Served) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    server(move |peer| serve(Served::new(ServerConnection::new(config).unwrap(), peer)))
}

/// Says back what is said first, and ends as it should.
fn echo(mut served: Served) -> io::Result<Served> {
    let mut room = [0; 64];
    let count = served.read(&mut room)?;
    served.write_all(&room[..count])?;
    served.conn.send_close_notify();
    served.flush()?;
    Ok(served)
}

async fn connect(address: SocketAddr, tls: Arc<TlsClient>) -> Result<Stream, ConnectError> {
    let target = Target { endpoint: Endpoint::Ip(address), tls: Some(tls) };
    connector().connect(&target, &LONG).await
}

/// Why a connection to a server with this certificate fails.
async fn failure(config: Arc<ServerConfig>, client: Arc<TlsClient>) -> ConnectError {
    let (address, served) = tls_server(config, echo);
    let error = connect(address, client).await.unwrap_err();
    assert_eq!(error.address, Some(address));
    drop(served.join().unwrap());
    error
}

#[tokio::test]
async fn who_is_trusted_is_spoken_with() {
    let ours = authority();
    // By its address, and by the name that is set.
    let by_name = ours.client(|settings| settings.name = Some("a.test".into()));
    for (name, client) in [("127.0.0.1", ours.trusted()), ("a.test", by_name)] {
        let (address, served) = tls_server(ours.signs(name).config(), echo);
        let mut stream = connect(address, client).await.unwrap();
        write_all(&mut stream, b"there and back").await.unwrap();
        assert_eq!(read_all(&mut stream).await.unwrap(), b"there and back");
        let served = served.join().unwrap().unwrap();
        assert_eq!(served.conn.alpn_protocol(), None, "it has nothing to choose by");
    }
}

#[tokio::test]
async fn http_1_1_is_what_is_spoken() {
    let ours = authority();
    let mut config = Arc::unwrap_or_clone(ours.signs("127.0.0.1").config());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (address, served) = tls_server(Arc::new(config.clone()), echo);
    let mut stream = connect(address, ours.trusted()).await.unwrap();
    write_all(&mut stream, b"hello").await.unwrap();
    assert_eq!(read_all(&mut stream).await.unwrap(), b"hello");
    assert_eq!(served.join().unwrap().unwrap().conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    // Who speaks nothing else says so with an alert.
    config.alpn_protocols = vec![b"h2".to_vec()];
    let error = failure(Arc::new(config), ours.trusted()).await;
    assert_eq!(error.cause, Cause::TlsAlert, "{error}");
}

#[tokio::test]
async fn who_is_not_trusted_is_not() {
    let (ours, theirs) = (authority(), authority_called("theirs"));
    let expired = ours.sign("127.0.0.1", |params| params.not_after = date_time_ymd(2020, 1, 1));
    let early = ours.sign("127.0.0.1", |params| params.not_before = date_time_ymd(4000, 1, 1));
    for (signed, says) in [
        (theirs.signs("127.0.0.1"), "UnknownIssuer"),
        (ours.signs("127.0.0.2"), "not valid for"),
        (ours.signs("a.test"), "not valid for"),
        (expired, "expired"),
        (early, "not valid yet"),
    ] {
        let error = failure(signed.config(), ours.trusted()).await;
        assert_eq!(error.cause, Cause::TlsCertificate, "{error}");
        assert!(error.detail.contains(says), "{error}");
        // Whoever asks for it is spoken with.
        let insecure = TlsSettings { trust: Trust::AnyCertificateInsecurely, ..Default::default() };
        let (address, served) = tls_server(signed.config(), echo);
        let client = Arc::new(TlsClient::new(&insecure).unwrap());
        let mut stream = connect(address, client).await.unwrap();
        write_all(&mut stream, b"all the same").await.unwrap();
        assert_eq!(read_all(&mut stream).await.unwrap(), b"all the same");
        served.join().unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_system_trusts_others_than_us() {
    // There are machines that trust nobody.
    let client = match TlsClient::new(&TlsSettings::default()) {
        Ok(client) => Arc::new(client),
        Err(error) => return assert!(error.to_string().starts_with("no certificates"), "{error}"),
    };
    let error = failure(authority().signs("127.0.0.1").config(), client).await;
    assert_eq!(error.cause, Cause::TlsCertificate, "{error}");
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told() {
    let ours = authority();
    let (address, served) = server(|mut peer| {
        peer.peek(&mut [0]).unwrap();
        peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        peer.read_to_end(&mut Vec::new())
    });
    let error = connect(address, ours.trusted()).await.unwrap_err();
    assert_eq!(error.cause, Cause::TlsProtocol, "{error}");
    drop(served.join().unwrap());

    // One that closes, having read all or nothing.
    let (address, served) = server(|mut peer| peer.read(&mut [0; 4096]).unwrap());
    let error = connect(address, ours.trusted()).await.unwrap_err();
    assert_eq!(error.cause, Cause::Closed, "{error}");
    assert!(served.join().unwrap() > 0);
    let (address, served) = server(|peer| peer.peek(&mut [0]).unwrap());
    let error = connect(address, ours.trusted()).await.unwrap_err();
    assert_eq!(error.cause, Cause::Reset, "{error}");
    served.join().unwrap();
}

#[tokio::test]
async fn a_handshake_that_stalls_is_late() {
    let (address, served) = server(|mut peer| peer.read_to_end(&mut Vec::new()));
    let tls = Some(authority().trusted());
    let target = Target { endpoint: Endpoint::Ip(address), tls };
    // The clock stands, and goes on only where nothing else is to be done.
    let connector = connector();
    tokio::time::pause();
    let error = connector.connect(&target, &Times::default()).await.unwrap_err();
    assert_eq!(error.cause, Cause::ConnectLate, "{error}");
    assert!(error.detail.contains("handshake"), "{error}");
    served.join().unwrap().unwrap();
}

#[tokio::test]
async fn who_we_are_is_shown_to_who_asks() {
    let ours = authority();
    let us = ours.signs("us.test");
    fs::write(ours.file("us.pem"), us.certificate.pem()).unwrap();
    fs::write(ours.file("us.key"), us.key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(ours.certificate.clone()).unwrap();
    let signed = ours.signs("127.0.0.1");
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let config = ServerConfig::builder().with_client_cert_verifier(verifier);
    let config = Arc::new(config.with_single_cert(signed.chain(), signed.key()).unwrap());

    let (address, served) = tls_server(Arc::clone(&config), echo);
    let identity = Identity { certificates: ours.file("us.pem"), key: ours.file("us.key") };
    let client = ours.client(|settings| settings.identity = Some(identity));
    let mut stream = connect(address, client).await.unwrap();
    write_all(&mut stream, b"it is us").await.unwrap();
    assert_eq!(read_all(&mut stream).await.unwrap(), b"it is us");
    let served = served.join().unwrap().unwrap();
    assert_eq!(served.conn.peer_certificates().unwrap(), us.chain());

    // Without, it is only the first read that tells.
    let (address, served) = tls_server(config, echo);
    let mut stream = connect(address, ours.trusted()).await.unwrap();
    assert_eq!(broken_by(&read(&mut stream).await.unwrap_err()), Cause::TlsAlert);
    assert!(served.join().unwrap().is_err());
}

#[tokio::test]
async fn sessions_are_resumed() {
    let ours = authority();
    let (config, client) = (ours.signs("127.0.0.1").config(), ours.trusted());
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let (address, served) = tls_server(Arc::clone(&config), echo);
        let mut stream = connect(address, Arc::clone(&client)).await.unwrap();
        write_all(&mut stream, b"hello").await.unwrap();
        read_all(&mut stream).await.unwrap();
        kinds.push(served.join().unwrap().unwrap().conn.handshake_kind());
    }
    assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);
}

#[tokio::test]
async fn an_idle_connection_tells_content_from_tickets() {
    let ours = authority();
    let (tell, told) = mpsc::channel::<&[u8]>();
    let (says, said) = mpsc::channel();
    let (address, served) = tls_server(ours.signs("127.0.0.1").config(), move |mut served| {
        while served.conn.is_handshaking() {
            served.conn.complete_io(&mut served.sock).unwrap();
        }
        // The tickets have left by now.
        says.send(()).unwrap();
        for octets in told {
            served.write_all(octets).unwrap();
        }
        served.conn.send_close_notify();
        served.flush().unwrap();
        served
    });
    let mut stream = connect(address, ours.trusted()).await.unwrap();
    said.recv().unwrap();
    assert_eq!(stream.is_quiet(), Quiet::Quiet);
    tell.send(b"answer").unwrap();
    assert_eq!(when_no_longer_quiet(&mut stream).await, Quiet::Octets);
    assert_eq!(read(&mut stream).await.unwrap(), b"answer", "nothing was taken");
    assert_eq!(stream.is_quiet(), Quiet::Quiet);
    drop(tell);
    assert_eq!(when_no_longer_quiet(&mut stream).await, Quiet::Closed);
    drop(served.join().unwrap());
}

#[tokio::test]
async fn an_end_that_is_not_said_is_no_end() {
    let ours = authority();
    let (address, served) = tls_server(ours.signs("127.0.0.1").config(), |mut served| {
        served.write_all(b"half").unwrap();
        // The socket is closed, and TLS says nothing.
        drop(served);
    });
    let mut stream = connect(address, ours.trusted()).await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), b"half");
    assert_eq!(broken_by(&read(&mut stream).await.unwrap_err()), Cause::Closed);
    served.join().unwrap();
}

#[tokio::test]
async fn our_own_end_is_said() {
    let ours = authority();
    let (address, served) = tls_server(ours.signs("127.0.0.1").config(), |mut served| {
        let mut all = Vec::new();
        served.read_to_end(&mut all).unwrap();
        served.write_all(b"and back").unwrap();
        served.conn.send_close_notify();
        served.flush().unwrap();
        all
    });
    let mut stream = connect(address, ours.trusted()).await.unwrap();
    let slices = [io::IoSlice::new(b"there "), io::IoSlice::new(b"at once")];
    assert_eq!(poll_fn(|cx| stream.poll_write_vectored(cx, &slices)).await.unwrap(), 13);
    poll_fn(|cx| stream.poll_shutdown_write(cx)).await.unwrap();
    assert_eq!(read_all(&mut stream).await.unwrap(), b"and back");
    assert_eq!(served.join().unwrap(), b"there at once");
}

#[tokio::test]
async fn a_unix_socket_has_no_name_but_the_one_that_is_set() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let ours = authority();
    let config = ours.signs("a.test").config();
    let target = |tls| Target { endpoint: Endpoint::Unix(path.clone()), tls: Some(tls) };
    let nameless = connector().connect(&target(ours.trusted()), &LONG).await.unwrap_err();
    assert_eq!(nameless.cause, Cause::TlsCertificate, "{nameless}");
    drop(listener.accept().unwrap());

    let served = std::thread::spawn(move || {
        let (peer, _) = listener.accept().unwrap();
        let mut served = rustls::StreamOwned::new(ServerConnection::new(config).unwrap(), peer);
        served.write_all(b"hello").unwrap();
    });
    let client = ours.client(|settings| settings.name = Some("a.test".into()));
    let mut stream = connector().connect(&target(client), &LONG).await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), b"hello");
    served.join().unwrap();
}

#[test]
fn settings_that_can_not_be_carried_out_say_why() {
    let ours = authority();
    let us = ours.signs("us.test");
    fs::write(ours.file("us.pem"), us.certificate.pem()).unwrap();
    fs::write(ours.file("empty.pem"), "no certificate\n").unwrap();
    let other = KeyPair::generate().unwrap();
    fs::write(ours.file("other.key"), other.serialize_pem()).unwrap();
    fs::write(
        ours.file("broken.pem"),
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let trusting =
        |file| TlsSettings { trust: Trust::Files(vec![ours.file(file)]), ..TlsSettings::default() };
    let being = |certificates, key| TlsSettings {
        identity: Some(Identity { certificates: ours.file(certificates), key: ours.file(key) }),
        ..trusting("ca.pem")
    };
    for (settings, file, says) in [
        (trusting("missing.pem"), "missing.pem", "No such file"),
        (trusting("empty.pem"), "empty.pem", "no certificate in it"),
        (trusting("broken.pem"), "broken.pem", ""),
        (being("missing.pem", "other.key"), "missing.pem", "No such file"),
        (being("us.pem", "missing.key"), "missing.key", "No such file"),
        (being("us.pem", "us.pem"), "us.pem", "no private key"),
        (being("us.pem", "other.key"), "other.key", ""),
    ] {
        let error = TlsClient::new(&settings).unwrap_err().to_string();
        let file = ours.file(file).display().to_string();
        assert!(error.starts_with(&file) && error.contains(says), "{error}");
        assert!(error.len() > file.len() + 2, "{error}");
    }
    let name = Some("no name".into());
    let error = TlsClient::new(&TlsSettings { name, ..trusting("ca.pem") }).unwrap_err();
    assert!(error.to_string().contains("no name"), "{error}");
    let nobody = TlsSettings { trust: Trust::Files(Vec::new()), ..TlsSettings::default() };
    assert!(TlsClient::new(&nobody).is_err());
}
