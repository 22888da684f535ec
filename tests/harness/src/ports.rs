//! Loopback ports that stay ours while nothing listens on them.

use socket2::{Domain, Socket, Type};
use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{LazyLock, Mutex};

static TAKEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// A free port on 127.0.0.1, never handed out twice in this process.
///
/// It lies below Linux's ephemeral range (32768 and up), so that no outgoing connection can take it while the
/// server that owns it is down. Another process may still bind it first: callers try again with another.
pub(crate) fn free_port() -> u16 {
    let mut taken = TAKEN.lock().expect("no test panics while choosing a port");
    for _ in 0..1000 {
        let random = u16::from_str_radix(&crate::random::hex(2), 16).expect("four hex digits");
        let port = 18_000 + random % 14_000;
        if !taken.contains(&port) && is_free(port).is_ok() {
            taken.insert(port);
            return port;
        }
    }
    panic!("no free port between 18000 and 32000 on 127.0.0.1");
}

/// Binds without listening: a process that another test is just starting has our sockets until its `exec`, and one
/// that listened would keep the port from its server.
fn is_free(port: u16) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())
}
