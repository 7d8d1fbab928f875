//! The system call itself.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, c_void, socklen_t};

/// Sets an option whose value is an `int`.
pub(crate) fn set(
    socket: BorrowedFd<'_>,
    level: c_int,
    option: c_int,
    value: c_int,
) -> io::Result<()> {
    const LENGTH: socklen_t = size_of::<c_int>() as socklen_t;
    let octets: *const c_void = (&raw const value).cast();
    // SAFETY: the kernel reads LENGTH octets from `octets` during the call and keeps no pointer; `value` is as
    // long and lives until this function returns. The descriptor is open while it is borrowed, and one that is
    // no socket is an error (ENOTSOCK), as is an option that the socket does not have (ENOPROTOOPT).
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, octets, LENGTH) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
