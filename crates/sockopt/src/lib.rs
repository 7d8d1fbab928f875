//! Socket options that no safe crate has. Once one has them, this crate goes.
#![deny(unsafe_code, missing_docs)]

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod call;

#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;
#[cfg(target_os = "linux")]
use std::time::Duration;

/// Keeps clients of `listener` from being accepted until they have sent something, or have sent nothing for about
/// `silence_max` (in whole seconds, begun ones included; the kernel has steps of its own). An HTTP client speaks
/// first, so that who is accepted can be answered at once, without a wait between.
///
/// # Errors
/// What setsockopt(2) says: that the descriptor is no socket of TCP, for one.
///
/// See `TCP_DEFER_ACCEPT` in tcp(7).
#[cfg(target_os = "linux")]
pub fn set_tcp_defer_accept(
    listener: BorrowedFd<'_>,
    silence_max: Duration,
) -> std::io::Result<()> {
    let begun = u64::from(silence_max.subsec_nanos() > 0);
    let seconds = silence_max.as_secs().saturating_add(begun);
    let seconds = libc::c_int::try_from(seconds).unwrap_or(libc::c_int::MAX);
    call::set(listener, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    #[test]
    fn who_says_nothing_is_not_accepted_and_who_speaks_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Long enough that no machine is so slow as to see it pass.
        set_tcp_defer_accept(listener.as_fd(), Duration::from_secs(600)).unwrap();
        let address = listener.local_addr().unwrap();
        let _silent = TcpStream::connect(address).unwrap();
        let mut speaker = TcpStream::connect(address).unwrap();
        speaker.write_all(b"G").unwrap();
        let (_, accepted) = listener.accept().unwrap();
        assert_eq!(accepted, speaker.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn who_says_nothing_for_long_enough_is_accepted_after_all() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        set_tcp_defer_accept(listener.as_fd(), Duration::from_millis(1)).unwrap();
        let silent = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_, accepted) = listener.accept().unwrap();
        assert_eq!(accepted, silent.local_addr().unwrap());
    }

    #[test]
    fn what_is_no_socket_of_tcp_is_refused() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let error = set_tcp_defer_accept(file.as_fd(), Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
    }
}
