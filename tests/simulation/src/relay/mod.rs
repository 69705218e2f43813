//! The real relay without its network: service and storage, driven by a bare executor, with sockets and requests handed in.

mod blobs;
mod http;
mod seat;
mod socket;
mod tasks;

pub(crate) use seat::{Heard, Out, Seat};

use crate::Broken;
use crate::chance::Chance;
use crate::device::unusable;
use sealwire_engine::{HttpRequest, HttpResponse};
use sealwire_relay::newest::Newest;
use sealwire_relay::service::{Clock, NoRandomness, Random, Refusal, Rules, Service, Wake};
use sealwire_relay::storage::sqlite::{Sqlite, SqliteOptions, Threading};
use sealwire_relay::storage::{Accounts, Storage};
use sealwire_wire::contract::{BundlesQuery, CloseCode, DeviceName, ErrorCode, WantedBundles};
use sealwire_wire::limits::TOKEN_TTL_MS;
use sealwire_wire::{ClientSeq, DeviceId, MessageId, ThreadId, Timestamp, UserId};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tasks::{Tasks, alone};

/// The origin that devices sign challenges for.
pub(crate) const ORIGIN: &str = "https://relay.simulation";

/// Names a socket for the whole run.
pub(crate) type LinkId = u64;

/// Names a request that reached the relay, for the whole run.
pub(crate) type Ticket = u64;

/// The relay's machine: its folder and clock outlive every process on it.
pub(crate) struct Relay {
    folder: PathBuf,
    clock: Arc<SetClock>,
    chance: Chance,
    life: Option<Life>,
}

/// One process.
struct Life {
    storage: Arc<Sqlite>,
    inside: Rc<Inside>,
    tasks: Tasks,
}

/// What a process's tasks share.
pub(crate) struct Inside {
    service: Arc<Service>,
    clock: Arc<SetClock>,
    seats: RefCell<BTreeMap<LinkId, Rc<Seat>>>,
    by_device: RefCell<Newest<Rc<Seat>>>,
    answers: RefCell<Vec<(Ticket, HttpResponse)>>,
    seen: RefCell<Vec<Seen>>,
    /// What goes wrong with the next token, and with the next look at somebody's lists.
    wrong: Cell<Wrong>,
}

/// What goes wrong inside of the relay, once each.
#[derive(Debug, Clone, Copy, Default)]
struct Wrong {
    /// The next token ends so many milliseconds after it was given out.
    token_lasts_ms: Option<u64>,
    /// The next lists that are shown are older than the newest.
    shows_old_lists: bool,
}

/// What the relay did that the run keeps account of.
pub(crate) enum Seen {
    /// A message comes in.
    Comes {
        sender: DeviceName,
        thread: ThreadId,
        client_seq: ClientSeq,
    },
    /// A message has its place.
    Accepted {
        sender: DeviceName,
        thread: ThreadId,
        client_seq: ClientSeq,
        id: MessageId,
    },
    /// A device list was published, with these devices.
    Listed(UserId, Vec<DeviceId>),
    /// An older list of this user was shown than there is.
    ShowedOldLists(UserId),
}

/// A clock that is set from outside.
struct SetClock(AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

struct Drawn(Mutex<Chance>);

impl Random for Drawn {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        let mut chance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.fill_with(|| chance.number() as u8);
        Ok(())
    }
}

impl Relay {
    pub(crate) fn new(folder: &Path, now: u64, chance: Chance) -> Self {
        Self {
            folder: folder.to_owned(),
            clock: Arc::new(SetClock(AtomicU64::new(now))),
            chance,
            life: None,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn set_clock(&self, now: u64) {
        self.clock.0.store(now, Ordering::Relaxed);
    }

    pub(crate) fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// A process over what the folder holds.
    pub(crate) fn start(&mut self) -> Result<(), Broken> {
        let options = SqliteOptions {
            threading: Threading::Stepwise,
            ..SqliteOptions::default()
        };
        let storage = Sqlite::open_with(&self.folder, options)
            .map_err(|error| Broken::new("the relay starts again", error))?;
        let storage = Arc::new(storage);
        let random = Arc::new(Drawn(Mutex::new(self.chance.apart())));
        let clock = Arc::clone(&self.clock);
        let service = alone(Service::start(
            Arc::clone(&storage) as Arc<dyn Storage>,
            clock,
            random,
            Rules::default(),
        ));
        let service = service.map_err(|error| Broken::new("the relay starts again", error))?;
        let inside = Inside {
            service: Arc::new(service),
            clock: Arc::clone(&self.clock),
            seats: RefCell::default(),
            by_device: RefCell::default(),
            answers: RefCell::default(),
            seen: RefCell::default(),
            wrong: Cell::default(),
        };
        self.life = Some(Life {
            storage,
            inside: Rc::new(inside),
            tasks: Tasks::default(),
        });
        Ok(())
    }

    /// The devices in the list that this user has by now: a process that ended may have published it and told nobody.
    pub(crate) fn listed(&self, user: &UserId) -> Result<Option<Vec<DeviceId>>, Broken> {
        let Some(life) = &self.life else {
            return Ok(None);
        };
        let lists = alone(life.storage.lists_after(user.clone(), 0, u32::MAX));
        let lists = lists.map_err(|error| Broken::new("the relay can be read", error))?;
        Ok(lists.last().map(|list| http::listed(&list.signed)))
    }

    /// The process ends between two steps: what was committed stands, all else is gone. `torn` is what a write that was cut in two
    /// by a power loss left behind it.
    pub(crate) fn crash(&mut self, torn: &[u8]) -> Result<(), Broken> {
        self.life = None;
        let log = self.folder.join("relay.db-wal");
        if torn.is_empty() || !log.exists() {
            return Ok(());
        }
        let file = OpenOptions::new().append(true).open(log);
        let written = file.and_then(|mut file| file.write_all(torn));
        written.map_err(unusable)
    }

    /// The disk takes nothing more, or has room again.
    pub(crate) fn fill_disk(&mut self, is_full: bool) -> Result<(), Broken> {
        let Some(life) = &self.life else {
            return Ok(());
        };
        let pages = is_full.then_some(1);
        let limited = life.storage.limit_pages(pages);
        limited.map_err(|error| Broken::new("a disk can become full", error))
    }

    /// The next token ends so soon, whatever its device is told.
    pub(crate) fn next_token_lasts(&self, ms: u64) {
        self.goes_wrong(|wrong| wrong.token_lasts_ms = Some(ms));
    }

    /// Whoever asks for lists next is shown older ones.
    pub(crate) fn next_lists_are_old(&self) {
        self.goes_wrong(|wrong| wrong.shows_old_lists = true);
    }

    fn goes_wrong(&self, how: impl FnOnce(&mut Wrong)) {
        if let Some(Life { inside, .. }) = &self.life {
            let mut wrong = inside.wrong.get();
            how(&mut wrong);
            inside.wrong.set(wrong);
        }
    }

    /// Somebody takes every one-time prekey of a device.
    pub(crate) fn take_all_prekeys(&mut self, by: &DeviceName, of: &DeviceName) {
        let Some(Life { inside, .. }) = &self.life else {
            return;
        };
        let query = BundlesQuery {
            users: vec![WantedBundles {
                user_id: of.user_id.clone(),
                device_ids: vec![of.device_id],
            }],
        };
        let left =
            || alone(inside.service.prekey_count(of)).map_or(0, |count| count.one_time_prekeys);
        while left() > 0 && alone(inside.service.query_bundles(by, &query)).is_ok() {}
        inside.prekeys_taken([of.clone()]);
    }

    /// A request comes in.
    pub(crate) fn ask(&mut self, ticket: Ticket, request: HttpRequest) {
        if let Some(Life { inside, tasks, .. }) = &mut self.life {
            let inside = Rc::clone(inside);
            tasks.spawn(async move {
                let answer = http::answer(&inside, request).await;
                inside.answers.borrow_mut().push((ticket, answer));
            });
        }
    }

    /// A socket is asked for; its status if it is refused.
    pub(crate) fn open_socket(
        &mut self,
        link: LinkId,
        path: &str,
        bearer: &str,
    ) -> Result<(), u16> {
        let Some(Life { inside, tasks, .. }) = &mut self.life else {
            return Err(503);
        };
        let (device, token_ends) = inside
            .read_token(bearer)
            .map_err(|refusal| refusal.problem().status)?;
        let since = http::query(path, "marks_since");
        let marks_since = inside
            .service
            .marks_cursor(&device.user_id, since)
            .map_err(|refusal| refusal.problem().status)?;
        let seat = Rc::new(Seat::new(device.clone(), token_ends, inside.now().0));
        inside.seats.borrow_mut().insert(link, Rc::clone(&seat));
        let (generation, older) = inside
            .by_device
            .borrow_mut()
            .enter(&device, Rc::clone(&seat));
        let older = older.map(|(_, older)| older);
        if let Some(older) = &older {
            older.close(CloseCode::Replaced);
        }
        let inside = Rc::clone(inside);
        tasks.spawn(socket::serve(inside, seat, generation, older, marks_since));
        Ok(())
    }

    pub(crate) fn seat(&self, link: LinkId) -> Option<Rc<Seat>> {
        let life = self.life.as_ref()?;
        life.inside.seats.borrow().get(&link).map(Rc::clone)
    }

    /// What sockets say since the last look, by socket.
    pub(crate) fn said(&self) -> Vec<(LinkId, Out)> {
        let Some(life) = &self.life else {
            return Vec::new();
        };
        let mut said = Vec::new();
        life.inside.seats.borrow_mut().retain(|link, seat| {
            said.extend(seat.out.take().into_iter().map(|out| (*link, out)));
            !seat.ended.get()
        });
        said
    }

    pub(crate) fn answers(&self) -> Vec<(Ticket, HttpResponse)> {
        let life = self.life.as_ref();
        life.map(|life| life.inside.answers.take())
            .unwrap_or_default()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        let life = self.life.as_ref();
        life.map(|life| life.inside.seen.take()).unwrap_or_default()
    }

    pub(crate) fn has_work(&self) -> bool {
        self.life
            .as_ref()
            .is_some_and(|life| !life.tasks.runnable().is_empty())
    }

    /// One task goes on by a step, or by several.
    pub(crate) fn turn(&mut self, chance: &mut Chance) {
        let Some(life) = &mut self.life else { return };
        let runnable = life.tasks.runnable();
        if runnable.is_empty() {
            return;
        }
        let id = runnable[chance.index(runnable.len())];
        loop {
            life.tasks.poll(id);
            if !life.tasks.is_runnable(id) || !chance.happens(7_000) {
                return;
            }
        }
    }

    /// What time asks of the relay: here all at once, and nothing comes between.
    pub(crate) fn sweep(&mut self) -> Result<(), Broken> {
        let Some(life) = &mut self.life else {
            return Ok(());
        };
        let broken = |refusal: Refusal| Broken::new("the relay sweeps", refusal);
        let wake = alone(life.inside.service.expire_messages()).map_err(broken)?;
        life.inside.wake(&wake);
        let swept = alone(life.inside.service.sweep()).map_err(broken)?;
        life.inside.wake(&swept.wake);
        self.delete_blobs(&swept.answer.attachments);
        Ok(())
    }

    /// How many entries wait for a device.
    pub(crate) fn queue_length(&self, device: &DeviceName) -> Option<u64> {
        let life = self.life.as_ref()?;
        alone(life.inside.service.queue_length(device)).ok()
    }
}

impl Inside {
    fn service(&self) -> Arc<Service> {
        Arc::clone(&self.service)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn saw(&self, seen: Seen) {
        self.seen.borrow_mut().push(seen);
    }

    /// Lets the sockets of these devices look again, or closes them.
    fn wake(&self, wake: &Wake) {
        let by_device = self.by_device.borrow();
        let seat = |device: &DeviceName| by_device.get(device).filter(|seat| !seat.ended.get());
        match &wake.pushed {
            Some(pushed) => {
                for (device, place) in &pushed.places {
                    if let Some(seat) = seat(device) {
                        seat.push(pushed.push(*place));
                    }
                }
            }
            None => {
                for seat in wake.queues.iter().filter_map(seat) {
                    seat.push(None);
                }
            }
        }
        for seat in wake.revoked.iter().filter_map(seat) {
            seat.close(CloseCode::DeviceRevoked);
        }
        for told in &wake.live {
            for (device, seat) in by_device.iter() {
                let is_meant = told.to.contains(&device.user_id);
                if is_meant && Some(device) != told.except.as_ref() && !seat.ended.get() {
                    seat.tell(told.event.clone());
                }
            }
        }
    }

    fn prekeys_taken(&self, devices: impl IntoIterator<Item = DeviceName>) {
        let by_device = self.by_device.borrow();
        for device in devices {
            if let Some(seat) = by_device.get(&device) {
                seat.prekey_taken.set(true);
                seat.ring();
            }
        }
    }

    /// A token of this relay, and when it is said to end: its device and its end stand in it, since nobody here forges one.
    fn make_token(&self, device: &DeviceName) -> (String, u64) {
        let mut wrong = self.wrong.get();
        let lasts = wrong.token_lasts_ms.take().unwrap_or(TOKEN_TTL_MS);
        self.wrong.set(wrong);
        let now = self.now().0;
        let ends = now + lasts;
        let token = format!("{}/{}/{ends}", device.user_id, device.device_id);
        (token, now + TOKEN_TTL_MS)
    }

    /// Whether what is shown of lists now is to be old.
    fn shows_old_lists(&self) -> bool {
        let mut wrong = self.wrong.get();
        let old = std::mem::take(&mut wrong.shows_old_lists);
        self.wrong.set(wrong);
        old
    }

    fn read_token(&self, token: &str) -> Result<(DeviceName, u64), Refusal> {
        let mut parts = token.split('/');
        let mut next = || parts.next().unwrap_or_default();
        let (user, device, ends) = (next().parse(), next().parse(), next().parse::<u64>());
        let (Ok(user_id), Ok(device_id), Ok(ends)) = (user, device, ends) else {
            return Err(Refusal::new(ErrorCode::Unauthorized, "no such token"));
        };
        if self.now().0 >= ends {
            return Err(Refusal::new(ErrorCode::TokenExpired, "the token has ended"));
        }
        Ok((DeviceName { user_id, device_id }, ends))
    }
}

/// Once more, when others had a turn.
async fn later() {
    let mut been = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut been, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
