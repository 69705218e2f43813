//! A device's socket at the generator: frames are counted and acknowledged, not understood.

use crate::http::{Answer, find};
use crate::prepared::{acknowledge, upgrade};
use crate::trouble::{Done, Trouble, io};
use mio::net::TcpStream;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Instant;

/// Frames in one acknowledgement, as the SDK has it.
const ACK_FRAMES: u64 = 64;

/// A device's socket.
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    bytes: Vec<u8>,
    /// Frames that came; the relay numbers them alike.
    frames: u64,
    acknowledged: u64,
    /// Frames that carried a message.
    pub(crate) messages: u64,
    /// Whether the relay said that what was queued is replayed.
    pub(crate) caught_up: bool,
    /// When the messages that are still to come were due to be sent.
    pub(crate) expected: VecDeque<Instant>,
}

impl Socket {
    /// Opens it and waits for the upgrade alone.
    pub(crate) fn open(relay: SocketAddr, token: &str) -> Done<Self> {
        let mut stream =
            std::net::TcpStream::connect(relay).map_err(io("a socket's connection"))?;
        stream.set_nodelay(true).map_err(io("TCP_NODELAY"))?;
        stream
            .write_all(&upgrade(relay, token))
            .map_err(io("a socket's upgrade"))?;
        let mut bytes = Vec::new();
        while find(&bytes, b"\r\n\r\n").is_none() {
            let mut chunk = [0; 1024];
            let got = stream.read(&mut chunk).map_err(io("a socket's upgrade"))?;
            if got == 0 {
                return Err(Trouble::Said("the relay hung up on an upgrade".to_owned()));
            }
            bytes.extend_from_slice(&chunk[..got]);
        }
        match Answer::read(&bytes) {
            Some(answer) if answer.status == 101 => drop(bytes.drain(..answer.body.start)),
            _ => {
                let text = String::from_utf8_lossy(&bytes);
                return Err(Trouble::Said(format!("no upgrade: {text}")));
            }
        }
        stream
            .set_nonblocking(true)
            .map_err(io("a socket's connection"))?;
        let mut socket = Self {
            stream: TcpStream::from_std(stream),
            bytes,
            frames: 0,
            acknowledged: 0,
            messages: 0,
            caught_up: false,
            expected: VecDeque::new(),
        };
        socket.take_frames()?;
        Ok(socket)
    }

    /// Reads what came. How many messages were in it.
    pub(crate) fn read(&mut self, chunk: &mut [u8]) -> Done<u64> {
        let before = self.messages;
        loop {
            match self.stream.read(chunk) {
                Ok(0) => return Err(Trouble::Said("the relay closed a socket".to_owned())),
                Ok(got) => {
                    self.bytes.extend_from_slice(&chunk[..got]);
                    self.take_frames()?;
                    if got < chunk.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(io("a socket")(error)),
            }
        }
        Ok(self.messages - before)
    }

    /// Whether frames wait for their acknowledgement; at once when there are enough of them.
    pub(crate) fn unacknowledged(&self) -> u64 {
        self.frames - self.acknowledged
    }

    pub(crate) fn acknowledge_many(&mut self) -> Done<()> {
        if self.unacknowledged() >= ACK_FRAMES {
            self.acknowledge()
        } else {
            Ok(())
        }
    }

    /// Acknowledges every frame so far.
    pub(crate) fn acknowledge(&mut self) -> Done<()> {
        if self.unacknowledged() == 0 {
            return Ok(());
        }
        let mut frame = Vec::with_capacity(64);
        acknowledge(self.frames, &mut frame);
        // So few bytes fit the socket's buffer unless the relay has stopped to read: that ends the run.
        let wrote = self
            .stream
            .write(&frame)
            .map_err(io("an acknowledgement"))?;
        if wrote < frame.len() {
            let why = "the relay does not read its acknowledgements".to_owned();
            return Err(Trouble::Said(why));
        }
        self.acknowledged = self.frames;
        Ok(())
    }

    fn take_frames(&mut self) -> Done<()> {
        let mut at = 0;
        while let Some(frame) = Frame::read(&self.bytes[at..]) {
            let payload = &self.bytes[at..][frame.payload.clone()];
            match frame.opcode {
                1 => {
                    self.frames += 1;
                    let head = &payload[..payload.len().min(64)];
                    let kind = find(head, b"\"t\":\"").map(|at| &head[at + 5..]);
                    match kind {
                        Some(kind) if kind.starts_with(b"msg\"") => self.messages += 1,
                        Some(kind) if kind.starts_with(b"caught_up\"") => self.caught_up = true,
                        _ => {}
                    }
                }
                8 => {
                    let why = String::from_utf8_lossy(payload.get(2..).unwrap_or_default());
                    return Err(Trouble::Said(format!("the relay closed a socket: {why}")));
                }
                _ => {}
            }
            at += frame.payload.end;
        }
        self.bytes.drain(..at);
        Ok(())
    }
}

/// The first frame of a buffer, if all of it is there (RFC 6455, section 5.2; a server masks nothing).
struct Frame {
    opcode: u8,
    payload: std::ops::Range<usize>,
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [first, second, rest @ ..] = bytes else {
            return None;
        };
        let (length, head) = match second & 0x7f {
            126 => {
                let bytes = rest.first_chunk::<2>()?;
                (u64::from(u16::from_be_bytes(*bytes)), 4)
            }
            127 => (u64::from_be_bytes(*rest.first_chunk::<8>()?), 10),
            short => (u64::from(short), 2),
        };
        let payload = head..head + usize::try_from(length).ok()?;
        (bytes.len() >= payload.end).then_some(Self {
            opcode: first & 0x0f,
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_each_length_form_are_found_when_they_are_whole() {
        let frame = |length: usize| {
            let mut bytes = vec![0x81];
            match length {
                0..126 => bytes.push(length as u8),
                126..65_536 => {
                    bytes.push(126);
                    bytes.extend((length as u16).to_be_bytes());
                }
                _ => {
                    bytes.push(127);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            bytes.resize(bytes.len() + length, b'x');
            bytes
        };
        for length in [0, 125, 126, 65_535, 65_536] {
            let bytes = frame(length);
            let read = Frame::read(&bytes).unwrap();
            assert_eq!((read.opcode, read.payload.len()), (1, length));
            assert_eq!(read.payload.end, bytes.len());
            assert!(Frame::read(&bytes[..bytes.len() - 1]).is_none());
        }
    }
}
