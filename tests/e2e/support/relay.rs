//! A proxy server for connections, HTTP CONNECT or SOCKS5, that sends every one to the server under test.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the relay speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP CONNECT (RFC 9110, section 9.3.6).
    Http,
    /// SOCKS version 5 without authentication (RFC 1928).
    Socks5,
}

/// A running relay on loopback; its threads end with the test process.
pub struct Relay {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// A relay whose connections all end at `upstream` (`host:port`), whatever they ask for.
    pub fn to(protocol: Protocol, upstream: &str) -> Relay {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
        let port = listener
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (record, upstream) = (asked.clone(), upstream.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (record, upstream) = (record.clone(), upstream.clone());
                thread::spawn(move || drop(serve(client, protocol, &upstream, &record)));
            }
        });
        Relay { port, asked }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The `host:port` of each connection asked for, in order; with the credentials of HTTP CONNECT, if any.
    pub fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .expect("nothing panics while recording")
            .clone()
    }
}

fn serve(
    mut client: TcpStream,
    protocol: Protocol,
    upstream: &str,
    record: &Mutex<Vec<String>>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let target = match protocol {
        Protocol::Http => http_target(&mut client)?,
        Protocol::Socks5 => socks_target(&mut client)?,
    };
    record
        .lock()
        .expect("nothing panics while recording")
        .push(target);
    let server = TcpStream::connect(upstream)?;
    server.set_nodelay(true)?;
    client.write_all(match protocol {
        Protocol::Http => b"HTTP/1.1 200 Connection established\r\n\r\n",
        Protocol::Socks5 => &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    })?;
    let (client_too, server_too) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || copy(client_too, server_too));
    copy(server, client);
    let _ = up.join();
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// Reads `CONNECT host:port HTTP/1.1` and its headers.
fn http_target(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(byte(client)?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .ok_or_else(|| io::Error::other("not a CONNECT"))?;
    let credentials = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .starts_with("proxy-authorization: ")
            .then(|| line["proxy-authorization: ".len()..].to_owned())
    });
    Ok(match credentials {
        Some(credentials) => format!("{target} {credentials}"),
        None => target.to_owned(),
    })
}

/// Reads a greeting, answers that no authentication is needed, and reads the request.
fn socks_target(client: &mut TcpStream) -> io::Result<String> {
    let (_version, methods) = (byte(client)?, byte(client)?);
    bytes(client, usize::from(methods))?;
    client.write_all(&[5, 0])?;
    let request = bytes(client, 4)?;
    let host = match request[3] {
        1 => {
            let address: [u8; 4] = bytes(client, 4)?.try_into().unwrap_or_default();
            Ipv4Addr::from(address).to_string()
        }
        3 => {
            let length = byte(client)?;
            String::from_utf8_lossy(&bytes(client, usize::from(length))?).into_owned()
        }
        _ => {
            return Err(io::Error::other(
                "an address of a kind the tests do not use",
            ));
        }
    };
    let port = bytes(client, 2)?;
    Ok(format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])))
}

fn byte(client: &mut TcpStream) -> io::Result<u8> {
    Ok(bytes(client, 1)?[0])
}

fn bytes(client: &mut TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}
