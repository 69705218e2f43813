//! Load on a relay that is killed: senders with one request under way each, who ask again with the same bytes when the connection
//! breaks, as clients do, and remember what was acknowledged.

use crate::http::Answer;
use crate::people::register;
use crate::prepared::Prepared;
use crate::relay::database;
use sealwire_tests::{PATIENCE, soon};
use sealwire_wire::contract::SentMessage;
use sealwire_wire::{ThreadId, UserId};
use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A relay that is gone is asked for again after this.
const AGAIN: Duration = Duration::from_millis(10);
/// By so much a sender may be late and catch up.
const MOMENT: Duration = Duration::from_millis(200);

/// Senders at work.
pub struct Load {
    lanes: Vec<JoinHandle<Lane>>,
    ends: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
}

/// One sender.
struct Lane {
    relay: SocketAddr,
    stream: Option<TcpStream>,
    prepared: Prepared,
    thread: ThreadId,
    to: UserId,
    sent: Vec<SentMessage>,
    again: u64,
}

/// What senders were told, in the end.
pub struct Acknowledged {
    lanes: Vec<Lane>,
}

impl Load {
    /// So many senders, each with a thread of its own, who send so many messages a second in all.
    pub fn start(relay: SocketAddr, senders: usize, rate: u32) -> Self {
        let names = |role: &str| -> Vec<String> {
            let numbers = 0..senders;
            numbers.map(|number| format!("{role}-{number}")).collect()
        };
        let from = register(relay, &names("sender"), 1, false).unwrap();
        let to = register(relay, &names("reader"), 1, false).unwrap();
        let (ends, acknowledged) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let between = Duration::from_secs(1) * senders as u32 / rate;
        let lanes = from.iter().zip(&to).map(|(from, to)| {
            let thread = ThreadId::direct(&from.user, &to.user);
            let mut lane = Lane {
                relay,
                stream: None,
                prepared: Prepared::send(relay, thread, from, &[to]).unwrap(),
                thread,
                to: to.user.clone(),
                sent: Vec::new(),
                again: 0,
            };
            let (ends, acknowledged) = (Arc::clone(&ends), Arc::clone(&acknowledged));
            std::thread::spawn(move || {
                let mut due = Instant::now();
                while !ends.load(Ordering::Relaxed) {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    // What could not be sent while the relay was away is not made up for, but a moment is.
                    due = (due + between).max(Instant::now() - MOMENT);
                    lane.send();
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                lane
            })
        });
        Self {
            lanes: lanes.collect(),
            ends,
            acknowledged,
        }
    }

    /// How many messages were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Every sender stops once its last message is acknowledged.
    pub fn end(self) -> Acknowledged {
        self.ends.store(true, Ordering::Relaxed);
        let lanes = self.lanes.into_iter().map(|lane| lane.join().unwrap());
        Acknowledged {
            lanes: lanes.collect(),
        }
    }
}

impl Lane {
    /// The next message, until it is acknowledged.
    fn send(&mut self) {
        let request = self.prepared.next().to_vec();
        let begun = Instant::now();
        loop {
            match self.exchange(&request) {
                Ok(sent) => return self.sent.push(sent),
                Err(error) => {
                    assert!(begun.elapsed() < PATIENCE, "{error}");
                    self.stream = None;
                    self.again += 1;
                    std::thread::sleep(AGAIN);
                }
            }
        }
    }

    fn exchange(&mut self, request: &[u8]) -> io::Result<SentMessage> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.relay)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream
            }
        };
        stream.write_all(request)?;
        let mut read = Vec::new();
        loop {
            if let Some(answer) = Answer::read(&read) {
                let body = &read[answer.body];
                assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(body));
                self.stream = Some(stream);
                return Ok(serde_json::from_slice(body)?);
            }
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                got => read.extend_from_slice(&chunk[..got]),
            }
        }
    }
}

impl Acknowledged {
    /// How many messages.
    pub fn count(&self) -> usize {
        self.lanes.iter().map(|lane| lane.sent.len()).sum()
    }

    /// How often a request was made again.
    pub fn again(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.again).sum()
    }

    /// What was acknowledged is in the database under the id that was said, once, in the order in which it was sent, and waits
    /// once for its reader; and nothing else is there.
    pub async fn check(&self, folder: &Path) {
        let relay = database(folder);
        // Queues are filled beside the answers, soon after a start as well.
        let to_queue = "SELECT count(*) FROM message WHERE queued = 0";
        let until_queued = async {
            while relay
                .query_row(to_queue, [], |row| row.get::<_, i64>(0))
                .unwrap()
                > 0
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        soon("every message is queued", until_queued).await;
        let whole: String = relay
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");
        let mut ids = BTreeSet::new();
        for lane in &self.lanes {
            let rows = |sql: &str, of: &dyn rusqlite::ToSql| -> Vec<[u8; 16]> {
                let mut asked = relay.prepare(sql).unwrap();
                let rows = asked.query_map([of], |row| row.get(0)).unwrap();
                rows.map(Result::unwrap).collect()
            };
            let sent: Vec<_> = lane.sent.iter().map(|sent| sent.id.to_bytes()).collect();
            assert!(sent.is_sorted());
            let in_thread = "SELECT id FROM message WHERE thread_id = ?1 ORDER BY client_seq";
            assert_eq!(rows(in_thread, &lane.thread.as_bytes()), sent);
            let queued = "SELECT message_id FROM queue_entry WHERE user_id = ?1 AND kind = 0 ORDER BY position";
            assert_eq!(rows(queued, &lane.to.as_str()), sent);
            ids.extend(sent);
        }
        assert_eq!(ids.len(), self.count());
    }
}
