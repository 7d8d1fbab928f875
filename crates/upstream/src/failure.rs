//! Why there is no connection, or no longer one: from what the system and the libraries say to a [`Cause`].

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use rustix::io::Errno;
use wherefore_message::Cause;

/// Why no connection was made.
#[derive(Debug)]
pub struct ConnectError {
    /// Which of the causes it is.
    pub cause: Cause,
    /// What was said of it, for the log. Nothing of this is for clients.
    pub detail: String,
    /// The address at which it happened, where it came to one.
    pub address: Option<SocketAddr>,
}

impl ConnectError {
    pub(crate) fn new(cause: Cause, detail: impl fmt::Display) -> Self {
        Self { cause, detail: detail.to_string(), address: None }
    }

    pub(crate) const fn at(mut self, address: SocketAddr) -> Self {
        self.address = Some(address);
        self
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{}: {} ({address})", self.cause, self.detail),
            None => write!(f, "{}: {}", self.cause, self.detail),
        }
    }
}

impl Error for ConnectError {}

/// Why the system made no connection.
pub(crate) fn connect_cause(error: &io::Error) -> Cause {
    // What is lacking here is never the upstream's fault: ports to connect from are among it.
    if let Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::ADDRNOTAVAIL) =
        Errno::from_io_error(error)
    {
        return Cause::OwnLack;
    }
    match error.kind() {
        // Of a socket of this machine: one that is missing is as good as one that is closed.
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => Cause::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Cause::Reset
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Cause::ConnectLate,
        _ => Cause::Unroutable,
    }
}

/// Which of two failures at different addresses says more about the upstream: the greater one.
pub(crate) const fn weight(cause: Cause) -> u8 {
    match cause {
        Cause::OwnLack => 0,
        Cause::Unroutable => 1,
        Cause::ConnectLate => 2,
        _ => 3,
    }
}

/// Why a connection that was made broke, by the error of a read or a write. With TLS it may be that the peer
/// refuses our certificate only now.
#[must_use]
pub fn broken_by(error: &io::Error) -> Cause {
    if let Some(error) = tls_error(error) {
        return tls_cause(error);
    }
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::WriteZero => Cause::Closed,
        ErrorKind::OutOfMemory => Cause::OwnLack,
        _ => Cause::Reset,
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

fn tls_cause(error: &rustls::Error) -> Cause {
    match error {
        rustls::Error::AlertReceived(_) => Cause::TlsAlert,
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::UnsupportedNameType
        | rustls::Error::InvalidCertRevocationList(_) => Cause::TlsCertificate,
        _ => Cause::TlsProtocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_has_its_cause() {
        for (errno, cause) in [
            (Errno::CONNREFUSED, Cause::Refused),
            (Errno::NOENT, Cause::Refused),
            (Errno::CONNRESET, Cause::Reset),
            (Errno::TIMEDOUT, Cause::ConnectLate),
            (Errno::AGAIN, Cause::ConnectLate),
            (Errno::NETUNREACH, Cause::Unroutable),
            (Errno::HOSTUNREACH, Cause::Unroutable),
            (Errno::ACCESS, Cause::Unroutable),
            (Errno::MFILE, Cause::OwnLack),
            (Errno::NFILE, Cause::OwnLack),
            (Errno::NOMEM, Cause::OwnLack),
            (Errno::ADDRNOTAVAIL, Cause::OwnLack),
        ] {
            assert_eq!(connect_cause(&errno.into()), cause, "{errno:?}");
        }
    }

    #[test]
    fn what_breaks_a_connection_has_its_cause() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        for (error, cause) in [
            (io::Error::new(ErrorKind::InvalidData, alert), Cause::TlsAlert),
            (
                io::Error::new(ErrorKind::InvalidData, rustls::Error::DecryptError),
                Cause::TlsProtocol,
            ),
            (ErrorKind::UnexpectedEof.into(), Cause::Closed),
            (ErrorKind::WriteZero.into(), Cause::Closed),
            (Errno::CONNRESET.into(), Cause::Reset),
            (Errno::PIPE.into(), Cause::Reset),
        ] {
            assert_eq!(broken_by(&error), cause, "{error}");
        }
    }
}
