//! The generator: one thread, one loop over every connection, so that it leaves the cores to the relay.

use crate::http::Answer;
use crate::prepared::Prepared;
use crate::socket::Socket;
use crate::trouble::{Done, Trouble, io};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Tokens below are lanes, from here on sockets.
const SOCKETS: usize = 1 << 20;
/// Frames wait so long for their acknowledgement, as the SDK has it.
const ACK_DELAY: Duration = Duration::from_millis(50);
/// In a run as fast as it goes the generator looks for answers no more often than this. Each answer that woke it would take the
/// core from the very thread of the relay that wrote it; senders elsewhere do not, and a network card gathers its interrupts too.
const GATHERED: Duration = Duration::from_micros(250);
/// Longer than this without anything means that something is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every connection of a run.
pub(crate) struct Load {
    relay: SocketAddr,
    poll: Poll,
    events: Events,
    lanes: Vec<Lane>,
    pub(crate) sockets: Vec<Socket>,
    /// Whether frames are acknowledged.
    pub(crate) acknowledges: bool,
    /// Sockets with frames to acknowledge, and when at the latest.
    to_acknowledge: VecDeque<(Instant, usize)>,
    /// Lanes without a request under way.
    free: Vec<usize>,
    chunk: Vec<u8>,
    pub(crate) counts: Counts,
}

/// What happened so far.
#[derive(Default)]
pub(crate) struct Counts {
    /// Requests written.
    pub(crate) sent: u64,
    /// 202s.
    pub(crate) accepted: u64,
    /// Frames with a message.
    pub(crate) received: u64,
    /// From when each was due, in microseconds.
    pub(crate) to_accepted: Vec<u64>,
    /// From when each was due, in microseconds.
    pub(crate) to_received: Vec<u64>,
}

/// A connection that sends one prepared request at a time.
struct Lane {
    stream: TcpStream,
    prepared: Prepared,
    /// The sockets that will get it.
    readers: Vec<usize>,
    due: Instant,
    unwritten: Vec<u8>,
    answer: Vec<u8>,
}

impl Load {
    pub(crate) fn new(relay: SocketAddr) -> Done<Self> {
        Ok(Self {
            relay,
            poll: Poll::new().map_err(io("epoll"))?,
            events: Events::with_capacity(1024),
            lanes: Vec::new(),
            sockets: Vec::new(),
            acknowledges: true,
            to_acknowledge: VecDeque::new(),
            free: Vec::new(),
            chunk: vec![0; 64 * 1024],
            counts: Counts::default(),
        })
    }

    /// A device's socket; its number.
    pub(crate) fn open_socket(&mut self, token: &str) -> Done<usize> {
        let mut socket = Socket::open(self.relay, token)?;
        let number = self.sockets.len();
        self.poll
            .registry()
            .register(
                &mut socket.stream,
                Token(SOCKETS + number),
                Interest::READABLE,
            )
            .map_err(io("epoll"))?;
        if self.acknowledges && socket.unacknowledged() > 0 {
            self.to_acknowledge
                .push_back((Instant::now() + ACK_DELAY, number));
        }
        self.sockets.push(socket);
        Ok(number)
    }

    /// A connection for these requests, whose frames come out of these sockets.
    pub(crate) fn open_lane(&mut self, prepared: Prepared, readers: Vec<usize>) -> Done<()> {
        let stream =
            std::net::TcpStream::connect(self.relay).map_err(io("a sender's connection"))?;
        stream.set_nodelay(true).map_err(io("TCP_NODELAY"))?;
        stream
            .set_nonblocking(true)
            .map_err(io("a sender's connection"))?;
        let mut stream = TcpStream::from_std(stream);
        let number = self.lanes.len();
        self.poll
            .registry()
            .register(
                &mut stream,
                Token(number),
                Interest::READABLE | Interest::WRITABLE,
            )
            .map_err(io("epoll"))?;
        self.lanes.push(Lane {
            stream,
            prepared,
            readers,
            due: Instant::now(),
            unwritten: Vec::new(),
            answer: Vec::new(),
        });
        self.free.push(number);
        Ok(())
    }

    /// Sends as fast as answers come, until `wanted` says that it is enough; one request a lane under way.
    pub(crate) fn closed(&mut self, mut wanted: impl FnMut(&Counts) -> bool) -> Done<()> {
        while wanted(&self.counts) {
            while let Some(lane) = self.free.pop() {
                self.send(lane, Instant::now())?;
            }
            std::thread::sleep(GATHERED);
            self.turn(PATIENCE)?;
        }
        Ok(())
    }

    /// Sends at this rate, whatever comes back; what is late counts from when it was due.
    pub(crate) fn open_loop(&mut self, per_second: u32, lasting: Duration) -> Done<()> {
        let gap = Duration::from_secs(1) / per_second;
        let begun = Instant::now();
        let mut due = begun;
        while due < begun + lasting {
            let now = Instant::now();
            if now < due {
                self.turn(due - now)?;
                continue;
            }
            // Oldest first, so that lanes take turns. With none free the message waits, and its wait counts.
            if self.free.is_empty() {
                self.turn(Duration::from_millis(1))?;
                continue;
            }
            let lane = self.free.remove(0);
            self.send(lane, due)?;
            due += gap;
            if !self.free.is_empty() && due <= now {
                continue;
            }
            self.turn(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Waits until every send is answered and every frame is here, and acknowledged.
    pub(crate) fn settle(&mut self) -> Done<()> {
        let expected: u64 = self.counts.expected(&self.lanes);
        self.until(|load| {
            load.counts.accepted == load.counts.sent && load.counts.received >= expected
        })?;
        if self.acknowledges {
            for socket in &mut self.sockets {
                socket.acknowledge()?;
            }
        }
        Ok(())
    }

    /// Waits until something holds.
    pub(crate) fn until(&mut self, holds: impl Fn(&Self) -> bool) -> Done<()> {
        let begun = Instant::now();
        while !holds(self) {
            if begun.elapsed() > PATIENCE {
                let Counts {
                    sent,
                    accepted,
                    received,
                    ..
                } = self.counts;
                return Err(Trouble::Said(format!(
                    "what was waited for did not come: {sent} sent, {accepted} accepted, {received} received"
                )));
            }
            self.turn(Duration::from_millis(100))?;
        }
        Ok(())
    }

    /// Reads and writes what is ready, waiting for it at most this long.
    pub(crate) fn turn(&mut self, wait: Duration) -> Done<()> {
        let due = self.to_acknowledge.front().map(|(due, _)| *due);
        let wait = due.map_or(wait, |due| {
            wait.min(due.saturating_duration_since(Instant::now()))
        });
        match self.poll.poll(&mut self.events, Some(wait)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(io("epoll")(error)),
        }
        let now = Instant::now();
        for event in &self.events {
            let Token(token) = event.token();
            if let Some(number) = token.checked_sub(SOCKETS) {
                let Some(socket) = self.sockets.get_mut(number) else {
                    continue;
                };
                let before = socket.unacknowledged();
                let messages = socket.read(&mut self.chunk)?;
                self.counts.received += messages;
                for due in socket
                    .expected
                    .drain(..(messages as usize).min(socket.expected.len()))
                {
                    self.counts.to_received.push(micros(now, due));
                }
                if self.acknowledges {
                    if before == 0 && socket.unacknowledged() > 0 {
                        self.to_acknowledge.push_back((now + ACK_DELAY, number));
                    }
                    socket.acknowledge_many()?;
                }
            } else if let Some(lane) = self.lanes.get_mut(token) {
                if event.is_writable() && !lane.unwritten.is_empty() {
                    lane.write()?;
                }
                if event.is_readable() && lane.answered(&mut self.chunk)? {
                    self.counts.accepted += 1;
                    self.counts.to_accepted.push(micros(now, lane.due));
                    self.free.push(token);
                }
            }
        }
        while let Some((due, number)) = self.to_acknowledge.front().copied()
            && due <= now
        {
            self.to_acknowledge.pop_front();
            if let Some(socket) = self.sockets.get_mut(number) {
                socket.acknowledge()?;
            }
        }
        Ok(())
    }

    fn send(&mut self, number: usize, due: Instant) -> Done<()> {
        let Some(lane) = self.lanes.get_mut(number) else {
            return Ok(());
        };
        lane.due = due;
        self.counts.sent += 1;
        for reader in &lane.readers {
            if let Some(socket) = self.sockets.get_mut(*reader) {
                socket.expected.push_back(due);
            }
        }
        let bytes = lane.prepared.next();
        match lane.stream.write(bytes) {
            Ok(wrote) if wrote == bytes.len() => Ok(()),
            Ok(wrote) => {
                lane.unwritten.extend_from_slice(&bytes[wrote..]);
                lane.write()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                lane.unwritten.extend_from_slice(bytes);
                Ok(())
            }
            Err(error) => Err(io("a send")(error)),
        }
    }
}

impl Lane {
    fn write(&mut self) -> Done<()> {
        while !self.unwritten.is_empty() {
            match self.stream.write(&self.unwritten) {
                Ok(wrote) => drop(self.unwritten.drain(..wrote)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(io("a send")(error)),
            }
        }
        Ok(())
    }

    /// Whether the request under way was answered; anything but a 202 ends the run.
    fn answered(&mut self, chunk: &mut [u8]) -> Done<bool> {
        match self.stream.read(chunk) {
            Ok(0) => return Err(Trouble::Said("the relay hung up on a sender".to_owned())),
            Ok(got) => self.answer.extend_from_slice(&chunk[..got]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(io("an answer")(error)),
        }
        let Some(answer) = Answer::read(&self.answer) else {
            return Ok(false);
        };
        if answer.status != 202 {
            let text = String::from_utf8_lossy(&self.answer[answer.body]);
            return Err(Trouble::Said(format!(
                "no 202 but {}: {text}",
                answer.status
            )));
        }
        self.answer.drain(..answer.body.end);
        Ok(true)
    }
}

impl Counts {
    /// Frames that all sends so far lead to, when each lane has as many readers.
    fn expected(&self, lanes: &[Lane]) -> u64 {
        let readers = lanes.first().map_or(0, |lane| lane.readers.len());
        self.sent * readers as u64
    }
}

fn micros(now: Instant, due: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(due).as_micros()).unwrap_or(u64::MAX)
}
