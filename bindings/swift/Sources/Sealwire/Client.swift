import Foundation
import SealwireCore

/// One device of one user: registers or links itself, sends, receives, and finds what was said.
///
/// Every method may be called from any task or thread. They throw ``SealwireError``; those that wait throw
/// `CancellationError` in a cancelled task: **it stops waiting, the work goes on** (what only waits, and a download, ends with its
/// task). The client ends with ``close()``; one that is let go of is closed too, without anybody waiting for it.
public final class Client: Sendable {
    private let handle: ClientHandle

    private init(handle: ClientHandle) {
        self.handle = handle
    }

    /// Opens the store and starts the client. It connects by itself if the device belongs to an account.
    ///
    /// A store is made only where there never was one.
    ///
    /// - Parameters:
    ///   - relay: `https://relay.example`: scheme, host and port alone
    ///   - store: a file, whose folder must exist, or memory
    ///   - keyStore: keeps the store's key; needed with a file
    ///   - startOffline: connects to nothing until ``goOnline()``
    ///   - dangerAllowHttp: allows `http://` to other hosts than this one: tokens, and who writes to whom, can then be read
    ///     and used by anybody on the way
    ///   - giveUpAfterMs: for how long a message that cannot leave is tried before it fails; a day if it is not given
    ///   - sessionPolicy: what new sessions must have: a post-quantum part, unless it is said that devices without may be
    ///     written to as well
    /// - Throws: ``SealwireError`` with the codes `configuration`, `keyStore`, `keyMissing`, `storeMissing`, `storeInUse`, and
    ///   those of a store that does not open.
    public static func open(
        relay: String,
        store: StoreLocation,
        keyStore: (any KeyStore)? = nil,
        startOffline: Bool = false,
        dangerAllowHttp: Bool = false,
        giveUpAfterMs: Int64? = nil,
        sessionPolicy: SessionPolicy = .requirePqxdh
    ) async throws -> Client {
        let options = OpenOptions(
            relay: relay,
            store: store,
            startOffline: startOffline,
            dangerAllowHttp: dangerAllowHttp,
            giveUpAfterMs: giveUpAfterMs,
            sessionPolicy: sessionPolicy
        )
        let handle = try await call { try await ClientHandle.open(options: options, keyStore: keyStore) }
        return Client(handle: handle)
    }

    /// Ends the client: socket, store and locks are given back when this returns, events end, later calls give `closed`. It
    /// waits for that also in a cancelled task. May be called more than once.
    public func close() async throws {
        do {
            try await handle.end()
        } catch {
            throw SealwireError(error)
        }
    }

    /// Everything that happens from now on, until the client closes; to be read once.
    public func events() throws -> Events {
        Events(reader: try now { try handle.events() })
    }

    /// Where the connection stands now; the event `connection` tells of changes.
    public func connection() throws -> ConnectionState {
        try now { try handle.connection() }
    }

    /// Whether this process speaks for the device, or waits for another one to end.
    public func networkRole() throws -> NetworkRole {
        try now { try handle.networkRole() }
    }

    /// The longest text of one message, in bytes of UTF-8.
    public func maxTextBytes() throws -> Int64 {
        try now { try handle.maxTextBytes() }
    }

    /// Connects, and stays connected from now on.
    public func goOnline() async throws {
        try await call { [handle] in try await handle.goOnline() }
    }

    /// Disconnects, and stays offline from now on. Messages can be sent all the same: they wait.
    public func goOffline() async throws {
        try await call { [handle] in try await handle.goOffline() }
    }

    /// The system has another network than before: whatever waits for its next try is tried now.
    public func networkChanged() async throws {
        try await call { [handle] in try await handle.networkChanged() }
    }

    /// Lets go of everything that a phone's system may not find in use; other calls give `suspended` until ``resume()``.
    public func suspend() async throws {
        try await call { [handle] in try await handle.suspend() }
    }

    /// Opens everything again and catches up, as the app last wanted it.
    public func resume() async throws {
        try await call { [handle] in try await handle.resume() }
    }

    /// Waits until everything that was queued for this device is here: for ever, while it is offline or has no account.
    public func waitUntilCaughtUp() async throws {
        try await waiting { [handle] cancel in try await handle.waitUntilCaughtUp(cancel: cancel) }
    }
}

// The account and its devices.
extension Client {
    /// Makes the account of this user, with this device as its first. Only a relay in dev mode takes anybody's word.
    @discardableResult
    public func register(user: String) async throws -> Int64 {
        try await call { [handle] in try await handle.register(user: user) }
    }

    /// Makes the account of this user, whom the platform's token names.
    @discardableResult
    public func registerWithPlatformToken(user: String, token: String) async throws -> Int64 {
        try await call { [handle] in try await handle.registerWithPlatformToken(user: user, token: token) }
    }

    /// Whose device this is, once it is registered or linked.
    public func account() throws -> Account? {
        try now { try handle.account() }
    }

    /// Begins to make this device one of an existing account; show ``Linking/code`` there, then ``Linking/finish(confirm:)``.
    public func startLinking() async throws -> Linking {
        Linking(handle: try await call { [handle] in try await handle.startLinking() })
    }

    /// Lets the device that shows this code into the account, if `confirm` says yes; gives its number.
    public func linkDevice(
        code: String,
        confirm: @escaping @Sendable (AddDevice) async -> Bool
    ) async throws -> Int64 {
        try await call { [handle] in try await handle.linkDevice(code: code, confirm: AddQuestion(confirm)) }
    }

    /// Gives up the linking that is under way, on either side.
    public func cancelLinking() async throws {
        try await call { [handle] in try await handle.cancelLinking() }
    }

    /// The registered devices of this account, as the relay knows them.
    public func ownDevices() async throws -> [OwnDevice] {
        try await call { [handle] in try await handle.ownDevices() }
    }

    /// The protocol version of the session that messages for a device go in: 4 is PQXDH, 3 X3DH; none where there is no
    /// session yet. Of this account's other devices too.
    public func sessionProtocol(user: String, device: Int64) async throws -> Int64? {
        try await call { [handle] in try await handle.sessionProtocol(user: user, device: device) }
    }

    /// Lets one of the account's devices do nothing any more at the relay, at once and for ever.
    public func disableDevice(device: Int64) async throws {
        try await call { [handle] in try await handle.disableDevice(device: device) }
    }

    /// Takes a device out of the account's signed list, and disables it.
    public func removeDevice(device: Int64) async throws {
        try await call { [handle] in try await handle.removeDevice(device: device) }
    }

    /// Believes the changed account key of a user, by the `listHash` of the event that the person was asked about, over another way.
    /// `.listNotOffered` if another list is offered by now; the event comes again.
    public func acceptAccountKey(user: String, listHash: String) async throws {
        try await call { [handle] in try await handle.acceptAccountKey(user: user, listHash: listHash) }
    }

    /// The settings of the account, as the relay last told this device.
    public func settings() async throws -> AccountSettings {
        try await call { [handle] in try await handle.settings() }
    }

    /// Sets them all; gives what holds now.
    public func setSettings(settings: AccountSettings) async throws -> AccountSettings {
        try await call { [handle] in try await handle.setSettings(settings: settings) }
    }

    /// Takes no more 1:1 messages from a user; they are told no reason. Nobody blocks themselves: `own_user`.
    public func block(user: String) async throws {
        try await call { [handle] in try await handle.block(user: user) }
    }

    /// Takes messages from a user again.
    public func unblock(user: String) async throws {
        try await call { [handle] in try await handle.unblock(user: user) }
    }

    /// Whom this account blocks.
    public func blockedUsers() async throws -> [String] {
        try await call { [handle] in try await handle.blockedUsers() }
    }

    /// Whether and of what a thread notifies, on all devices of the account; gives what holds now.
    public func setThreadPreferences(
        thread: String,
        preferences: ThreadPreferences
    ) async throws -> ThreadPreferences {
        try await call { [handle] in
            try await handle.setThreadPreferences(thread: thread, preferences: preferences)
        }
    }

    /// Tells of typing and presence in these threads, and in no others any more.
    public func watchThreads(threads: [String]) async throws {
        try await call { [handle] in try await handle.watchThreads(threads: threads) }
    }

    /// Says that this user types; call it with every keystroke.
    public func setTyping(thread: String, typing: Bool) async throws {
        try await call { [handle] in try await handle.setTyping(thread: thread, typing: typing) }
    }

    /// Says whether the app is in use on this device, as the account's settings let others know.
    public func setPresence(online: Bool) async throws {
        try await call { [handle] in try await handle.setPresence(online: online) }
    }
}

// Sending.
extension Client {
    /// The thread of this user with another one, or with themselves. It needs no network.
    public func directThread(user: String) async throws -> String {
        try await call { [handle] in try await handle.directThread(user: user) }
    }

    /// Sends words: durable here when this returns, on their way from then on, also across restarts.
    ///
    /// - Throws: ``SealwireError`` with the codes `emptyText`, `textTooLong`, `unknownThread`, `notRegistered`, `ttlInvalid`,
    ///   `invalidId` (a key that has not 16 bytes), `sendKeyReused` (one that named another message).
    @discardableResult
    public func sendText(
        thread: String,
        text: String,
        options: SendOptions = SendOptions()
    ) async throws -> Message {
        try await call { [handle] in try await handle.sendText(thread: thread, text: text, options: options) }
    }

    /// Encrypts and uploads a file, then sends a message that points to it: durable here when this returns.
    ///
    /// - Parameter progress: is told how far the upload is, on a thread of the library's; it should return soon
    /// - Throws: ``SealwireError`` with the codes `attachmentTooLarge`, `attachmentSource`, `attachmentTransfer`, `network`, and
    ///   those of ``sendText(thread:text:options:)``.
    @discardableResult
    public func sendAttachment(
        thread: String,
        source: AttachmentSource,
        options: AttachmentOptions = AttachmentOptions(),
        progress: (@Sendable (Progress) -> Void)? = nil
    ) async throws -> Message {
        let listener = progress.map { ProgressTaker($0) }
        return try await call { [handle] in
            try await handle.sendAttachment(thread: thread, source: source, options: options, progress: listener)
        }
    }

    /// The bytes of a message's attachment: all of them, as they were sent.
    public func downloadAttachment(
        localId: Int64,
        progress: (@Sendable (Progress) -> Void)? = nil
    ) async throws -> Data {
        let listener = progress.map { ProgressTaker($0) }
        return try await waiting { [handle] cancel in
            try await handle.downloadAttachment(localId: localId, progress: listener, cancel: cancel)
        }
    }

    /// Writes a message's attachment to a file, in constant memory: whole, or not at all.
    public func downloadAttachmentToFile(
        localId: Int64,
        path: String,
        progress: (@Sendable (Progress) -> Void)? = nil
    ) async throws {
        let listener = progress.map { ProgressTaker($0) }
        try await waiting { [handle] cancel in
            try await handle.downloadAttachmentToFile(
                localId: localId,
                path: path,
                progress: listener,
                cancel: cancel
            )
        }
    }

    /// Tries a message that failed once more.
    @discardableResult
    public func retry(localId: Int64) async throws -> Message {
        try await call { [handle] in try await handle.retry(localId: localId) }
    }

    /// Does not send a message after all; of what may have reached the relay it is asked.
    @discardableResult
    public func cancel(localId: Int64) async throws -> Message {
        try await call { [handle] in try await handle.cancel(localId: localId) }
    }

    /// Waits until the relay has a message of this device, and gives it as it stands then.
    @discardableResult
    public func waitUntilSent(localId: Int64) async throws -> Message {
        try await waiting { [handle] cancel in try await handle.waitUntilSent(localId: localId, cancel: cancel) }
    }

    /// Everything in a thread up to this message is read, or up to its newest.
    public func markRead(thread: String, upTo: String? = nil) async throws {
        try await call { [handle] in try await handle.markRead(thread: thread, upTo: upTo) }
    }

    /// Takes in everything that waits at the relay, without a socket: for a background fetch. How many events that were.
    @discardableResult
    public func fetchQueue() async throws -> Int64 {
        try await call { [handle] in try await handle.fetchQueue() }
    }

    /// Goes through a thread's history at the relay from where this device left off; how many messages were new.
    @discardableResult
    public func syncThread(thread: String) async throws -> Int64 {
        try await call { [handle] in try await handle.syncThread(thread: thread) }
    }
}

// Reading what the store holds. Nothing here needs the network.
extension Client {
    /// A page of a thread, newest first: the newest, or those before the message with this local id.
    public func messages(thread: String, before: Int64? = nil, limit: Int64 = 50) async throws -> [Message] {
        try await call { [handle] in try await handle.messages(thread: thread, before: before, limit: limit) }
    }

    /// One message by its local id.
    public func message(localId: Int64) async throws -> Message? {
        try await call { [handle] in try await handle.message(localId: localId) }
    }

    /// The threads, the one with the newest message first: from the top, or those after the thread with this id.
    public func threads(after: String? = nil, limit: Int64 = 50) async throws -> [Thread] {
        try await call { [handle] in try await handle.threads(after: after, limit: limit) }
    }

    /// The messages that hold every word of `text`, newest first; in one thread or in all.
    public func search(
        text: String,
        thread: String? = nil,
        before: Int64? = nil,
        limit: Int64 = 50
    ) async throws -> [Message] {
        try await call { [handle] in
            try await handle.search(text: text, thread: thread, before: before, limit: limit)
        }
    }

    /// How many messages this device holds, in one thread or in all.
    public func countMessages(thread: String? = nil) async throws -> Int64 {
        try await call { [handle] in try await handle.countMessages(thread: thread) }
    }

    /// A page of the inbox: the threads with the newest messages, or those that come after a page's `next`.
    public func inbox(limit: Int64 = 50, after: String? = nil) async throws -> InboxPage {
        try await call { [handle] in try await handle.inbox(limit: limit, after: after) }
    }

    /// One thread as the inbox shows it.
    public func inboxThread(thread: String) async throws -> InboxThread? {
        try await call { [handle] in try await handle.inboxThread(thread: thread) }
    }

    /// Messages of others that no device of this account has read, in all threads.
    public func countUnread() async throws -> Int64 {
        try await call { [handle] in try await handle.countUnread() }
    }

    /// How far a message of this account is with each recipient.
    public func receipts(localId: Int64) async throws -> [Receipt] {
        try await call { [handle] in try await handle.receipts(localId: localId) }
    }
}

private final class ProgressTaker: ProgressListener {
    private let take: @Sendable (Progress) -> Void

    init(_ take: @escaping @Sendable (Progress) -> Void) {
        self.take = take
    }

    func onProgress(progress: Progress) throws {
        take(progress)
    }
}
