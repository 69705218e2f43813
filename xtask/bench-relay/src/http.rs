//! Requests one after the other over one connection: for what is prepared before a clock starts.

use crate::trouble::{Done, Trouble, io};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use tokio::net::TcpSocket;

/// A connection that is kept open.
pub(crate) struct Http {
    stream: TcpStream,
    relay: SocketAddr,
    read: Vec<u8>,
}

/// What stands in a request's head beside its path.
#[derive(Default, Clone, Copy)]
pub(crate) struct Head<'a> {
    /// Of the header Authorization.
    pub(crate) token: Option<&'a str>,
    /// Of the header Idempotency-Key.
    pub(crate) key: Option<&'a str>,
}

impl Http {
    /// From an address of this machine of one's own, so that each client has its own rate at the relay.
    pub(crate) fn connect(relay: SocketAddr, from: Ipv4Addr) -> Done<Self> {
        let failed = || io("a connection to the relay");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(failed())?;
        let stream = runtime.block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((from, 0)))?;
            socket.connect(relay).await?.into_std()
        });
        let stream = stream.map_err(failed())?;
        stream.set_nonblocking(false).map_err(failed())?;
        stream.set_nodelay(true).map_err(failed())?;
        Ok(Self {
            stream,
            relay,
            read: Vec::new(),
        })
    }

    /// Sends a body, expects a success, reads its body.
    pub(crate) fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        path: &str,
        head: Head<'_>,
        body: &impl Serialize,
    ) -> Done<T> {
        let answer = self.exchange(method, path, head, &serde_json::to_vec(body)?)?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// As [`Http::call`], where the answer's body is empty or of no interest.
    pub(crate) fn tell(
        &mut self,
        method: &str,
        path: &str,
        head: Head<'_>,
        body: &impl Serialize,
    ) -> Done<()> {
        self.exchange(method, path, head, &serde_json::to_vec(body)?)
            .map(drop)
    }

    fn exchange(&mut self, method: &str, path: &str, head: Head<'_>, body: &[u8]) -> Done<Vec<u8>> {
        let request = request(self.relay, method, path, head, body);
        self.stream
            .write_all(&request)
            .map_err(io("a request to the relay"))?;
        loop {
            if let Some(answer) = Answer::read(&self.read) {
                let bytes = self.read[answer.body.clone()].to_vec();
                self.read.drain(..answer.body.end);
                if answer.status / 100 == 2 {
                    return Ok(bytes);
                }
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let why = format!("{method} {path}: {} {text}", answer.status);
                return Err(Trouble::Said(why));
            }
            let mut chunk = [0; 16 * 1024];
            let got = self
                .stream
                .read(&mut chunk)
                .map_err(io("an answer of the relay"))?;
            if got == 0 {
                return Err(Trouble::Said(format!(
                    "{method} {path}: the relay hung up without an answer"
                )));
            }
            self.read.extend_from_slice(&chunk[..got]);
        }
    }
}

/// A whole request as it goes over the wire.
pub(crate) fn request(
    relay: SocketAddr,
    method: &str,
    path: &str,
    head: Head<'_>,
    body: &[u8],
) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {relay}\r\n");
    for (name, value) in [
        ("idempotency-key", head.key.map(str::to_owned)),
        (
            "authorization",
            head.token.map(|token| format!("Bearer {token}")),
        ),
    ] {
        if let Some(value) = value {
            text += &format!("{name}: {value}\r\n");
        }
    }
    text += &format!(
        "content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut request = text.into_bytes();
    request.extend_from_slice(body);
    request
}

/// Where the first answer of a buffer stands.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: std::ops::Range<usize>,
}

impl Answer {
    /// The first answer, if all of it is there. One without a length has no body: the relay streams none of what is asked here.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let head = find(bytes, b"\r\n\r\n")?;
        let status = bytes
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())?;
        let length = find(&bytes[..head], b"content-length: ").map_or(0, |at| {
            bytes[at + 16..head]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'))
        });
        let body = head + 4..head + 4 + length;
        (bytes.len() >= body.end).then_some(Self { status, body })
    }
}

pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_all_of_it_is_there() {
        let whole = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\nx: y\r\n\r\n{}HTTP";
        let answer = Answer::read(whole).unwrap();
        assert_eq!((answer.status, &whole[answer.body]), (202, &b"{}"[..]));
        assert!(Answer::read(&whole[..whole.len() - 5]).is_none());
        let empty = Answer::read(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        assert_eq!((empty.status, empty.body.len()), (204, 0));
    }
}
