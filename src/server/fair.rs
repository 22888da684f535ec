//! A connection that lets others have their turn: a server that never stops talking must not stop our timers.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// So many reads in a row, of at most [`BUFFER`] bytes each, until it is another task's turn. hyper reads on until an
/// answer's head is complete, and of interim answers (1xx) there may be any number before it.
const READS: u8 = 2;

/// The most that hyper buffers of a connection, and the longest head of an answer: an API server's is below 4 KiB.
pub const BUFFER: usize = 64 << 10;

/// The connection.
pub struct Fair<T> {
    inner: T,
    reads: u8,
}

impl<T> Fair<T> {
    /// `inner`, with pauses.
    pub fn new(inner: T) -> Self {
        Self { inner, reads: 0 }
    }
}

impl<T: Read + Unpin> Read for Fair<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reads >= READS {
            self.reads = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(context, buffer) else {
            self.reads = 0;
            return Poll::Pending;
        };
        self.reads += 1;
        Poll::Ready(read)
    }
}

impl<T: Write + Unpin> Write for Fair<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, parts)
    }
}

impl<T: Connection> Connection for Fair<T> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}
