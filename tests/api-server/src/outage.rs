//! Outages on request: a server that is gone and comes back at the same address, and one whose storage does not answer.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
};

/// Between two attempts to listen: a process that is just being started has the old listener until its `exec`.
const RETRY: Duration = Duration::from_millis(2);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// What is wrong at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outage {
    /// Nobody listens, and no connection lives.
    pub down: bool,
    /// Requests are read, and wait.
    pub paused: bool,
    /// How often it went down: a connection of an earlier life ends.
    pub lives: u64,
}

/// The outage of one server, and who waits for its changes.
#[derive(Debug)]
pub(crate) struct Outages {
    wanted: watch::Sender<Outage>,
    listening: watch::Sender<bool>,
    waiting: AtomicUsize,
}

impl Outages {
    pub fn new() -> Self {
        Self {
            wanted: watch::Sender::default(),
            listening: watch::Sender::new(false),
            waiting: AtomicUsize::new(0),
        }
    }

    pub fn now(&self) -> Outage {
        *self.wanted.borrow()
    }

    pub fn change(&self, change: impl FnOnce(&mut Outage)) {
        self.wanted.send_modify(change);
    }

    /// Waits until the storage answers, counted as one that waits.
    pub async fn until_resumed(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.until(|outage| !outage.paused).await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    pub async fn until(&self, wanted: impl FnMut(&Outage) -> bool) {
        // The sender lives as long as whoever asks.
        let mut now = self.wanted.subscribe();
        let _closed = now.wait_for(wanted).await;
    }

    pub fn set_listening(&self, listening: bool) {
        self.listening.send_replace(listening);
    }

    pub async fn until_listening(&self, wanted: bool) {
        let mut listening = self.listening.subscribe();
        let _closed = listening.wait_for(|now| *now == wanted).await;
    }
}

/// A port of loopback that stays the server's own while nothing listens on it: a socket that is bound to it and does not
/// listen keeps outgoing connections from getting it, and who connects to it is refused.
#[derive(Debug)]
pub(crate) struct Port {
    pub address: SocketAddr,
    _keeper: TcpSocket,
}

impl Port {
    pub fn take() -> io::Result<Self> {
        let keeper = TcpSocket::new_v4()?;
        keeper.set_reuseaddr(true)?;
        keeper.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self {
            address: keeper.local_addr()?,
            _keeper: keeper,
        })
    }

    pub async fn listen(&self) -> TcpListener {
        loop {
            match self.try_listen() {
                Ok(listener) => return listener,
                Err(_taken) => tokio::time::sleep(RETRY).await,
            }
        }
    }

    fn try_listen(&self) -> io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        socket.listen(BACKLOG)
    }
}
