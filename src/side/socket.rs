//! The control socket of a process of our own, which is passed to it by its number.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// The number that an argument is.
pub fn number(argument: &OsStr) -> Option<RawFd> {
    let number: u32 = argument.to_str()?.parse().ok()?;
    number.try_into().ok()
}

/// The socket of that number, once in a process. What it starts does not inherit it: that would keep the socket open after us.
///
/// # Errors
/// When it is not open: somebody who tries this by hand names something else.
#[expect(
    unsafe_code,
    reason = "whoever starts this process passes it by its number"
)]
pub fn passed(number: RawFd) -> io::Result<UnixStream> {
    // SAFETY: only asked whether it is open.
    fcntl(unsafe { BorrowedFd::borrow_raw(number) }, FcntlArg::F_GETFD)?;
    // SAFETY: it is open, whoever starts us says which one it is, and nothing else in this process uses it.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl(&socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(socket.into())
}
