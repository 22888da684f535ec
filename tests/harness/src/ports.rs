//! Loopback ports that stay ours while nothing listens on them.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
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
        if !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            taken.insert(port);
            return port;
        }
    }
    panic!("no free port between 18000 and 32000 on 127.0.0.1");
}
