//! Reads the bodies of answers, whole or line by line, never more than there is reason for.

use bytes::{Bytes, BytesMut};
use futures::Stream;
use http_body_util::BodyExt;
use kube::client::Body;

use crate::lease::api::Fault;
use crate::server::cause;

/// The most that is read of an answer, after decompression.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// How many bytes.
    pub bytes: usize,
    /// What they should be, for messages.
    pub what: &'static str,
}

impl Most {
    /// etcd stores objects of up to 1.5 MiB (`--max-request-bytes`), and Go's JSON makes six bytes of a `<`.
    const OBJECT_BYTES: usize = 16 << 20;

    /// A Lease, alone or in a line of a watch.
    pub const LEASE: Self = Self {
        bytes: Self::OBJECT_BYTES,
        what: "a Lease",
    };

    /// Any other object.
    pub const OBJECT: Self = Self {
        bytes: Self::OBJECT_BYTES,
        what: "an object",
    };

    /// A page of a list: of the largest that is asked for, 6500 Leases with 20 KiB each. A usual one takes about 1 KiB.
    pub const PAGE: Self = Self {
        bytes: 128 << 20,
        what: "a page of Leases",
    };

    /// `/version`: ten short strings.
    pub const VERSION: Self = Self {
        bytes: 1 << 20,
        what: "a version",
    };

    /// The body of an error, of which the beginning is good enough.
    pub const ERROR: Self = Self {
        bytes: 1 << 20,
        what: "an error",
    };
}

/// A body up to its end or its limit; whether that was all of it.
///
/// # Errors
/// When it breaks off.
pub async fn read(body: Body, most: Most) -> Result<(Bytes, bool), Fault> {
    let mut body = body;
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Fault::Unknown(cause::words(&error)))?;
        if let Ok(data) = frame.into_data() {
            let room = most.bytes - all.len();
            all.extend_from_slice(data.get(..room).unwrap_or(&data));
            if data.len() > room {
                return Ok((all.freeze(), false));
            }
        }
    }
    Ok((all.freeze(), true))
}

/// The lines of a body as they come. A fault is the last; so is the end of the body.
pub fn lines<B: Pieces>(
    body: B,
    most: Most,
    server: String,
) -> impl Stream<Item = Result<Bytes, Fault>> {
    let reader = Reader {
        body: Some(body),
        buffer: BytesMut::new(),
        searched: 0,
    };
    futures::stream::unfold((reader, server), move |(mut reader, server)| async move {
        let line = reader.line(most, &server).await?;
        Some((line, (reader, server)))
    })
}

/// An answer that is longer than there is reason for: whoever gives it is no API server, or a broken one.
pub fn too_long(most: Most, server: &str) -> Fault {
    let (bytes, what) = (most.bytes, most.what);
    let size = match bytes >> 20 {
        0 => format!("{bytes} bytes"),
        mebibytes => format!("{mebibytes} MiB"),
    };
    Fault::Foreign {
        server: server.to_owned(),
        answer: format!("{what} of more than {size}"),
    }
}

/// A body as it comes: kube's, or one that a test cuts.
pub trait Pieces:
    hyper::body::Body<Data = Bytes, Error: std::error::Error + 'static> + Unpin
{
}

impl<B> Pieces for B
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
}

struct Reader<B> {
    /// `None` after its end.
    body: Option<B>,
    buffer: BytesMut,
    /// So much of the buffer has no newline.
    searched: usize,
}

impl<B: Pieces> Reader<B> {
    async fn line(&mut self, most: Most, server: &str) -> Option<Result<Bytes, Fault>> {
        loop {
            let newline = self.buffer[self.searched..]
                .iter()
                .position(|byte| *byte == b'\n');
            if let Some(at) = newline {
                let mut line = self.buffer.split_to(self.searched + at + 1);
                line.truncate(self.searched + at);
                self.searched = 0;
                return Some(Ok(line.freeze()));
            }
            self.searched = self.buffer.len();
            if self.searched > most.bytes {
                self.end();
                return Some(Err(too_long(most, server)));
            }
            match self.body.as_mut()?.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => {
                    self.end();
                    return Some(Err(Fault::Unknown(cause::words(&error))));
                }
                None => {
                    let rest = std::mem::take(&mut self.buffer).freeze();
                    self.end();
                    return (!rest.is_empty()).then_some(Ok(rest));
                }
            }
        }
    }

    fn end(&mut self) {
        self.body = None;
        self.buffer.clear();
        self.searched = 0;
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use http_body_util::BodyExt;

    use super::*;

    const FEW: Most = Most {
        bytes: 10,
        what: "a test",
    };

    const SERVER: &str = "http://server.example:6443";

    async fn all(text: &str) -> Vec<Result<Bytes, Fault>> {
        let body = Body::from(text.as_bytes().to_vec());
        lines(body, FEW, SERVER.to_owned()).collect().await
    }

    fn line(text: &'static str) -> Result<Bytes, Fault> {
        Ok(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_not_further() {
        for (length, whole) in [(0, true), (10, true), (11, false), (1000, false)] {
            let (read, all) = read(Body::from(vec![b'x'; length]), FEW)
                .await
                .expect("it does not break off");
            assert_eq!((read.len(), all), (length.min(10), whole));
        }
    }

    #[tokio::test]
    async fn lines_come_one_by_one_and_the_last_needs_no_newline() {
        assert_eq!(
            all("one\n\ntwo\n").await,
            [line("one"), line(""), line("two")]
        );
        assert_eq!(all("one\ntwo").await, [line("one"), line("two")]);
        assert_eq!(all("").await, []);
    }

    #[tokio::test]
    async fn a_line_without_end_names_the_server_and_the_limit() {
        let fault = Fault::Foreign {
            server: SERVER.to_owned(),
            answer: "a test of more than 10 bytes".to_owned(),
        };
        let text = format!("one\n{}", "x".repeat(100));
        assert_eq!(all(&text).await, [line("one"), Err(fault)]);
    }

    #[tokio::test]
    async fn a_frame_at_a_time_is_as_good_as_all_at_once() {
        let body = Body::from(b"one\ntwo\n".to_vec());
        let frames = body.collect().await.expect("it is there").to_bytes();
        let bytes = frames.into_iter().map(|byte| Bytes::from(vec![byte]));
        let mut reader = Reader::<Body> {
            body: None,
            buffer: BytesMut::new(),
            searched: 0,
        };
        let mut found = Vec::new();
        for byte in bytes {
            reader.buffer.extend_from_slice(&byte);
            found.extend(reader.line(FEW, SERVER).await);
        }
        assert_eq!(found, [line("one"), line("two")]);
    }
}
