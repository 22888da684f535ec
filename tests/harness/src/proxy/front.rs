//! The proxy's client side: accepts connections, and can reset them.

use super::{Shared, serve, tls};
use hyper::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Serves connections until the task is aborted; the connections live on by themselves.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let task = tokio::spawn(connection(
            stream,
            shared.clone(),
            shared.switches.borrow().resets,
        ));
        let mut connections = shared.connections();
        connections.retain(|connection| !connection.is_finished());
        connections.push(task);
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, resets: u64) {
    let _ = stream.set_nodelay(true);
    let reset = Reset::default();
    let front = Front {
        stream,
        reset: reset.clone(),
    };
    let served = async {
        // The first byte of a TLS handshake (RFC 8446, section 5.1), and of no HTTP request.
        let mut first = [0];
        match front.stream.peek(&mut first).await {
            Ok(1) if first == [0x16] => {
                let stream = tls::tls().acceptor.accept(front).await;
                serve(stream.ok()?, &shared, &reset).await
            }
            _ => serve(front, &shared, &reset).await,
        }
    };
    let ordered = async {
        shared.until(|switches| switches.resets != resets).await;
        // Here and not in the branch below: select! drops the connection before it runs a branch.
        reset.set();
    };
    tokio::select! {
        _ = served => {}
        () = ordered => {}
    }
}

async fn serve<S>(stream: S, shared: &Arc<Shared>, reset: &Reset) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let number = ConnectionNumber(shared.accepted.fetch_add(1, Ordering::Relaxed) + 1);
    let service = service_fn(|mut request: Request<_>| {
        request.extensions_mut().insert(number);
        serve::answer(request, shared.clone(), reset.clone())
    });
    let mut server = http1::Builder::new();
    // The server's own Date is evidence to clients: neither added nor changed here.
    let served = server
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    served.await.ok()
}

/// Counts from 1 over the proxy's life; among the extensions of each request that came over it.
#[derive(Clone, Copy)]
pub(super) struct ConnectionNumber(pub u64);

/// Says that a connection is to end in a reset instead of an orderly close.
#[derive(Clone, Default)]
pub(super) struct Reset(Arc<AtomicBool>);

impl Reset {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A client's socket. Closing a socket that lingers for zero seconds sends RST and drops what was not yet sent
/// (socket(7), SO_LINGER).
struct Front {
    stream: TcpStream,
    reset: Reset,
}

impl Drop for Front {
    fn drop(&mut self) {
        if crate::process::is_wine() {
            // Its server can keep a socket open that is closed here, while somebody waited for it: the other end would wait for good.
            let _ = SockRef::from(&self.stream).shutdown(Shutdown::Both);
        } else if self.reset.is_set() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Front {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Front {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        if self.reset.is_set() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
