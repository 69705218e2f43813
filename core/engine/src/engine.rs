//! The engine's state and the one loop: an input changes state, then everything that is due and not under way begins.

use crate::account::{Linking, Listing, Me, Removal};
use crate::company::Company;
use crate::connection::Connection;
use crate::control::ControlSends;
use crate::expiry::Lifetime;
use crate::fanout::Bundles;
use crate::outbox::Outbox;
use crate::prekeys::PrekeyUploads;
use crate::reading::Reading;
use crate::receive::{CatchUp, QueueFetch, Resync};
use crate::recovery::Recovery;
use crate::requests::Requests;
use crate::settings::SettingsAsked;
use crate::trust::Trust;
use crate::{
    Call, CallId, EngineError, Event, Input, MessageState, Output, Question, QuestionId, Reply,
};
use rand_core::CryptoRng;
use sealwire_crypto::ratchet::SessionPolicy;
use sealwire_store::Store;
use sealwire_wire::{DeviceId, ThreadId, Timestamp, UserId, limits};
use std::collections::{BTreeSet, VecDeque};

/// How often the store's generation rises, in milliseconds (an older copy of the store is known by it).
const GENERATION_INTERVAL_MS: u64 = 10 * 60 * 1000;

/// Randomness handed in.
pub(crate) type Random = Box<dyn CryptoRng + Send>;

/// What an engine is told once.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// `scheme://host[:port]` of the relay as this device reaches it: part of every proof of the device key.
    pub relay_origin: String,
    /// Whether to wait for [`Call::Connect`] before anything but a call's own requests leaves.
    pub start_offline: bool,
    /// For how long an unsent message is tried, in milliseconds (a day unless set).
    pub give_up_after_ms: u64,
    /// What new sessions must have: a post-quantum part unless set.
    pub session_policy: SessionPolicy,
    /// One-time prekeys of each kind that the relay holds of this device after an upload: a hundred unless set, 200 at most.
    /// With fewer a device is set up sooner, and more sessions begin without one.
    pub one_time_prekeys: u32,
}

impl EngineConfig {
    /// The usual settings for a relay.
    pub fn new(relay_origin: impl Into<String>) -> Self {
        Self {
            relay_origin: relay_origin.into(),
            start_offline: false,
            give_up_after_ms: 24 * 60 * 60 * 1000,
            session_policy: SessionPolicy::default(),
            one_time_prekeys: 100,
        }
    }

    /// The longest text that one message holds, in bytes of UTF-8.
    pub fn max_text_bytes() -> usize {
        // What a body needs beside its text: uid, target, previous message, thread and their field headers.
        const BODY_OVERHEAD: usize = 512;
        sealwire_crypto::content::MAX_BODY_BYTES - BODY_OVERHEAD
    }
}

/// One client: a device's whole logic over its store.
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) config: EngineConfig,
    pub(crate) rng: Random,
    pub(crate) now: Timestamp,
    /// By how much the clock was set back since the start.
    clock_behind_ms: u64,
    pub(crate) me: Option<Me>,
    pub(crate) online: bool,
    pub(crate) requests: Requests,
    pub(crate) connection: Connection,
    pub(crate) trust: Trust,
    pub(crate) bundles: Bundles,
    pub(crate) outbox: Outbox,
    pub(crate) prekey_uploads: PrekeyUploads,
    pub(crate) reading: Reading,
    pub(crate) catch_up: CatchUp,
    pub(crate) resync: Resync,
    /// Threads that show otherwise in the inbox than before this input.
    inbox_changed: BTreeSet<ThreadId>,
    pub(crate) control_sends: ControlSends,
    pub(crate) recovery: Recovery,
    pub(crate) linking: Option<Linking>,
    pub(crate) removal: Option<Removal>,
    pub(crate) listing: Listing,
    /// Linkings begun so far: an answer to an earlier one is for nobody.
    pub(crate) linkings: u64,
    pub(crate) settings_asked: SettingsAsked,
    pub(crate) lifetime: Lifetime,
    pub(crate) queue_fetch: QueueFetch,
    pub(crate) company: Company,
    generation: Generation,
    outputs: VecDeque<Output>,
    questions: u64,
}

/// The store's generation and what the app's KeyStore holds of it.
struct Generation {
    raised_at: Timestamp,
    committed: u64,
    kept: Option<u64>,
}

impl Engine {
    /// The engine of this store. Raises the store's generation, so the first output is [`Output::KeepAnchor`].
    pub fn new(
        mut store: Store,
        config: EngineConfig,
        rng: Random,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let committed = store.raise_generation()?;
        #[cfg(feature = "planted")]
        crate::planted::begin(&mut store)?;
        let me = Me::restore(&store, config.session_policy)?;
        let lifetime = Lifetime::restore(&store, now)?;
        let mut engine = Self {
            online: !config.start_offline,
            store,
            config,
            rng,
            now,
            clock_behind_ms: 0,
            me,
            requests: Requests::default(),
            connection: Connection::default(),
            trust: Trust::default(),
            bundles: Bundles::default(),
            outbox: Outbox::default(),
            prekey_uploads: PrekeyUploads::default(),
            reading: Reading::default(),
            catch_up: CatchUp::default(),
            resync: Resync::default(),
            inbox_changed: BTreeSet::new(),
            control_sends: ControlSends::default(),
            recovery: Recovery::default(),
            linking: None,
            removal: None,
            listing: Listing::default(),
            linkings: 0,
            settings_asked: SettingsAsked::default(),
            lifetime,
            queue_fetch: QueueFetch::default(),
            company: Company::default(),
            generation: Generation {
                raised_at: now,
                committed,
                kept: None,
            },
            outputs: VecDeque::new(),
            questions: 0,
        };
        engine.output(Output::KeepAnchor {
            generation: committed,
        });
        engine.resume_parked_users()?;
        engine.restore_changed_lists()?;
        engine.restore_resync()?;
        engine.look_at_own_list()?;
        engine.time_goes_on();
        engine.expire_due();
        Ok(engine)
    }

    /// Takes in what happened, at this time.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.now = self.on_our_time(now);
        let socket_is_gone = self.time_goes_on();
        match input {
            Input::Call { id, call } => self.on_call(id, call),
            Input::Response { id, result } => self.on_response(id, result),
            // It was said to this socket. Frames come again: they are not acknowledged.
            Input::Socket(_) if socket_is_gone => {}
            Input::Socket(input) => self.on_socket(input),
            Input::Decided { id, accepted } => self.on_link_decided(id, accepted),
            Input::AnchorKept { generation } => {
                self.generation.kept = self.generation.kept.max(Some(generation));
            }
            Input::Tick => {}
        }
        self.begin_what_is_due();
        for thread in std::mem::take(&mut self.inbox_changed) {
            self.output(Output::Event(Event::InboxChanged { thread }));
        }
    }

    /// The next thing to do, in order; none until there is another input.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Tick`] at the latest.
    pub fn wake_at(&self) -> Option<Timestamp> {
        [
            Some(self.generation.raised_at.plus_ms(GENERATION_INTERVAL_MS)),
            self.connection_wakes_at(),
            self.outbox_wakes_at(),
            self.trust_wakes_at(),
            self.bundles_wake_at(),
            self.prekeys_wake_at(),
            self.listing_wakes_at(),
            self.reads_wake_at(),
            self.resync_wakes_at(),
            self.controls_wake_at(),
            self.recovery_wakes_at(),
            self.linking_wakes_at(),
            self.expiry_wakes_at(),
            self.company_wakes_at(),
        ]
        .into_iter()
        .flatten()
        .min()
        .map(|at| Timestamp(at.0.saturating_sub(self.clock_behind_ms)))
    }

    /// A clock that is set back would make every wait longer: here time goes on from where it stood.
    fn on_our_time(&mut self, clock: Timestamp) -> Timestamp {
        let at = clock.plus_ms(self.clock_behind_ms);
        self.clock_behind_ms += self.now.since_ms(at);
        at.max(self.now)
    }

    /// Whose device this is, once it is registered.
    pub fn account(&self) -> Option<(UserId, DeviceId)> {
        let me = self.me.as_ref().filter(|me| me.is_registered())?;
        Some((me.user.clone(), me.device))
    }

    /// The store, to read.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Ends the engine; what was under way is in the store.
    pub fn into_store(self) -> Store {
        self.store
    }

    fn on_call(&mut self, id: CallId, call: Call) {
        let refused = match call {
            Call::Register {
                user_id,
                platform_token,
            } => self.register(id, user_id, platform_token),
            Call::StartLinking => self.start_linking(id),
            Call::FinishLinking => self.finish_linking(id),
            Call::LinkDevice { code } => self.link_device(id, &code),
            Call::CancelLinking => self
                .cancel_linking()
                .map(|()| self.done(id, Ok(Reply::Nothing))),
            Call::DirectThread { user_id } => self
                .direct_thread(&user_id)
                .map(|reply| self.done(id, Ok(reply))),
            Call::SendText {
                thread,
                text,
                ttl_seconds,
                key,
            } => self
                .send_text(thread, text, ttl_seconds, key)
                .map(|reply| self.done(id, Ok(reply))),
            Call::SendAttachment { thread, attachment } => self
                .send_attachment(thread, attachment)
                .map(|reply| self.done(id, Ok(reply))),
            Call::CreateAttachment { encrypted_size } => self.create_attachment(id, encrypted_size),
            Call::LocateAttachment { id: attachment } => self.locate_attachment(id, &attachment),
            Call::SyncThread { thread } => self.sync_thread(id, thread),
            Call::MarkRead { thread, up_to } => self
                .mark_read(thread, up_to)
                .map(|reply| self.done(id, Ok(reply))),
            Call::SetThreadPreferences {
                thread,
                preferences,
            } => self.set_thread_preferences(id, thread, &preferences),
            Call::SetSettings(settings) => self.set_settings(id, &settings),
            Call::SetBlock { user_id, blocked } => self.set_block(id, &user_id, blocked),
            Call::BlockedUsers => self.blocked_users(id),
            Call::OwnDevices => self.own_devices(id),
            Call::DisableDevice { device_id } => self.disable_device(id, device_id),
            Call::RemoveDevice { device_id } => self.remove_device(id, device_id),
            Call::Retry { local_id } => self.retry(local_id).map(|reply| self.done(id, Ok(reply))),
            Call::Cancel { local_id } => {
                self.cancel(local_id).map(|reply| self.done(id, Ok(reply)))
            }
            Call::AcceptAccountKey { user_id, list_hash } => self
                .accept_account_key(&user_id, &list_hash)
                .map(|()| self.done(id, Ok(Reply::Nothing))),
            Call::Connect => {
                self.connect();
                self.done(id, Ok(Reply::Nothing));
                Ok(())
            }
            Call::Disconnect => {
                self.disconnect();
                self.done(id, Ok(Reply::Nothing));
                Ok(())
            }
            Call::FetchQueue => self.fetch_queue(id),
            Call::WatchThreads { threads } => self
                .watch_threads(threads)
                .map(|()| self.done(id, Ok(Reply::Nothing))),
            Call::SetTyping { thread, typing } => self
                .set_typing(thread, typing)
                .map(|()| self.done(id, Ok(Reply::Nothing))),
            Call::SetPresence { online } => {
                self.set_presence(online);
                self.done(id, Ok(Reply::Nothing));
                Ok(())
            }
            Call::NetworkReturned => {
                self.network_returned();
                self.done(id, Ok(Reply::Nothing));
                Ok(())
            }
        };
        if let Err(error) = refused {
            self.done(id, Err(error));
        }
    }

    fn begin_what_is_due(&mut self) {
        self.expire_due();
        self.raise_generation_when_due();
        self.poll_linking();
        if self.may_send() {
            self.drive_connection();
            self.fetch_lists_due();
            self.dispatch_due();
            self.tell_reads_due();
            self.resync_due();
            self.upload_prekeys_due();
            self.list_versions_due();
            self.ask_due();
            self.send_controls_due();
            if self.requests_wait_for_token() {
                self.drive_token();
            }
        }
        self.drive_queue_fetch();
        // Last: nothing of it goes before a message.
        self.company_due();
    }

    /// Nothing of the conversations leaves before the KeyStore holds the generation, or when the app wants to be offline.
    pub(crate) fn may_send(&self) -> bool {
        self.online && self.anchor_is_kept() && self.account().is_some()
    }

    pub(crate) fn anchor_is_kept(&self) -> bool {
        self.generation
            .kept
            .is_some_and(|kept| kept >= self.generation.committed)
    }

    fn raise_generation_when_due(&mut self) {
        if self.now.since_ms(self.generation.raised_at) < GENERATION_INTERVAL_MS {
            return;
        }
        self.generation.raised_at = self.now;
        self.clear_what_is_over();
        // Not raised is not fatal: the anchor stays where it is, and the next turn tries again.
        if let Ok(generation) = self.store.raise_generation() {
            self.generation.committed = generation;
            self.output(Output::KeepAnchor { generation });
        }
    }

    /// Sealed sends and the send log, once nobody can ask for them any more: not because a clock was set.
    fn clear_what_is_over(&mut self) {
        let passed = self.lifetime.clock.now();
        let ago = |at: Timestamp, ms: u64| Timestamp(at.0.saturating_sub(ms));
        let repeats_end = ago(passed, limits::IDEMPOTENCY_TTL_MS);
        // These were noted by the device's clock.
        let resends_end = ago(passed.min(self.now), limits::QUEUE_TTL_MS);
        // What was not cleared now is cleared the next time.
        let _ = self.store.transaction(|tx| -> Result<(), EngineError> {
            tx.clear_sealed_before(repeats_end)?;
            tx.prune_send_log(resends_end)?;
            tx.prune_unread_rows(resends_end)?;
            tx.prune_kept_back_prekeys(resends_end)?;
            tx.prune_control_limits(resends_end)?;
            Ok(())
        });
    }

    pub(crate) fn me(&self) -> Result<&Me, EngineError> {
        match &self.me {
            Some(me) if me.is_registered() => Ok(me),
            Some(me) if me.is_revoked() => Err(EngineError::DeviceRevoked),
            _ => Err(EngineError::NotRegistered),
        }
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.inbox_changed.extend(event.changes_inbox());
        // Marks may be quicker than the 202 of what they cover.
        let further = match &event {
            Event::MessageSent(message) => match message.state {
                MessageState::Delivered => Some(Event::MessageDelivered(message.clone())),
                MessageState::Read => Some(Event::MessageRead(message.clone())),
                MessageState::Failed { .. } => Some(Event::MessageFailed(message.clone())),
                _ => None,
            },
            _ => None,
        };
        self.output(Output::Event(event));
        if let Some(further) = further {
            self.output(Output::Event(further));
        }
    }

    /// The thread shows otherwise in the inbox: told once an input, when it is through.
    pub(crate) fn inbox_changes(&mut self, thread: ThreadId) {
        self.inbox_changed.insert(thread);
    }

    pub(crate) fn done(&mut self, id: CallId, result: Result<Reply, EngineError>) {
        self.output(Output::Done { id, result });
    }

    pub(crate) fn ask(&mut self, question: Question) -> QuestionId {
        self.questions += 1;
        let id = QuestionId(self.questions);
        self.output(Output::Ask { id, question });
        id
    }
}
