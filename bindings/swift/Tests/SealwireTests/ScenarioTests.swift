import Foundation
import Sealwire
import Testing

/// docs/scenario.md, step by step, against the real relay.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ScenarioTests {
    let world: World

    init() throws {
        world = try World()
    }

    private func pair() async throws -> (alice: Client, bob: Client) {
        (try await world.registered("alice"), try await world.registered("bob"))
    }

    @Test("1 and 2: an account is made, and a second device linked")
    func accountAndSecondDevice() async throws {
        let alice = try await world.device("alice")
        let nobody = try alice.account()
        #expect(nobody == nil)
        let first = try await alice.register(user: "alice")
        #expect(first == 1)
        let again = try await failure { try await alice.register(user: "alice") }
        #expect(again.code == .alreadyRegistered)

        let tablet = try await world.device("tablet")
        let linking = try await tablet.startLinking()
        let code = linking.code
        #expect(code.hasPrefix("sealwire://link?"))
        async let added = alice.linkDevice(code: code) { device in device.identityKey.count == 33 }
        let joined = try await linking.finish { account in account.user == "alice" }
        let number = try await added
        #expect(joined == Account(user: "alice", device: number))
        let account = try tablet.account()
        #expect(account == joined)
        let devices = try await alice.ownDevices().map { $0.device }
        #expect(devices == [1, number])
    }

    @Test("2: a person says no, and nothing is linked")
    func refusedDevice() async throws {
        let alice = try await world.registered("alice")
        let tablet = try await world.device("tablet")
        let linking = try await tablet.startLinking()
        let code = linking.code
        let refused = Task { try await failure { try await alice.linkDevice(code: code) { _ in true } } }
        let declined = try await failure { try await linking.finish { _ in false } }
        #expect(declined.code == .linkDeclined)
        let answer = try await refused.value
        #expect(answer.code == .linkDeclined)
        let account = try tablet.account()
        #expect(account == nil)
    }

    @Test("3: text in eight languages goes both ways, with states up to read")
    func textBothWays() async throws {
        let (alice, bob) = try await pair()
        let thread = try await alice.directThread(user: "bob")
        for line in lines {
            try await alice.sendText(thread: thread, text: line)
        }
        let received = try await bob.holds(8, in: thread)
        #expect(words(received) == lines)
        #expect(received.allSatisfy { $0.sender == "alice" && $0.state == .received })
        let last = try await alice.newest(in: thread)
        try await alice.waits(for: last, toBe: .delivered)
        let unread = try await bob.countUnread()
        #expect(unread == 8)

        try await bob.markRead(thread: thread)
        try await alice.waits(for: last, toBe: .read)
        let unreadAfter = try await bob.countUnread()
        #expect(unreadAfter == 0)
        try await bob.sendText(thread: thread, text: "Danke, gelesen: ✅")
        let answered = try await alice.holds(9, in: thread)
        #expect(words(answered).last == "Danke, gelesen: ✅")
        let inbox = try await alice.inbox()
        #expect(inbox.threads.map { $0.id } == [thread])
        let receipts = try await alice.receipts(localId: last.localId)
        #expect(receipts.map { $0.user } == ["bob"])
    }

    @Test("4: a picture of 300 KB arrives byte by byte, and tells its progress")
    func picture() async throws {
        let (alice, bob) = try await pair()
        let picture = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 * 31 + $0 / 251) })
        let thread = try await alice.directThread(user: "bob")
        let sending = LastProgress()
        try await alice.sendAttachment(
            thread: thread,
            source: .bytes(bytes: picture),
            options: AttachmentOptions(mime: "image/png", name: "Strand ☀.png", caption: "Am Strand"),
            progress: { sending.keep($0.done, $0.total) }
        )
        let sent = sending.last
        #expect(sent.done == sent.total && sent.total >= 300_000)

        let messages = try await bob.holds(1, in: thread)
        let message = try #require(messages.first)
        guard case .attachment(let file, let caption) = message.content else {
            throw Unexpected(what: "no attachment")
        }
        #expect([file.mime, file.name, caption] == ["image/png", "Strand ☀.png", "Am Strand"])
        #expect(file.size == 300_000)
        let fetching = LastProgress()
        let fetched = try await bob.downloadAttachment(localId: message.localId) { fetching.keep($0.done, $0.total) }
        #expect(fetched == picture)
        #expect(fetching.last.done == fetching.last.total)
        let copy = world.path("copy.png")
        try await bob.downloadAttachmentToFile(localId: message.localId, path: copy)
        let copied = try Data(contentsOf: URL(fileURLWithPath: copy))
        #expect(copied == picture)
        let text = try await alice.sendText(thread: thread, text: "none")
        let none = try await failure { try await alice.downloadAttachment(localId: text.localId) }
        #expect(none.code == .noAttachment)
    }

    @Test("5: a device that was offline catches up in order")
    func catchUp() async throws {
        let (alice, bob) = try await pair()
        let thread = try await alice.directThread(user: "bob")
        try await bob.waitUntilCaughtUp()
        try await bob.goOffline()
        let connection = try bob.connection()
        #expect(connection == .offline(nextTryAtMs: nil))
        let sent = (1...30).map { "offline \($0)" }
        for line in sent {
            try await alice.sendText(thread: thread, text: line)
        }
        let last = try await alice.newest(in: thread)
        try await alice.waitUntilSent(localId: last.localId)
        let before = try await bob.countMessages()
        #expect(before == 0)
        try await bob.goOnline()
        try await bob.waitUntilCaughtUp()
        let received = try await bob.holds(30, in: thread)
        #expect(words(received) == sent)
    }

    @Test("6: what was said is found by word, prefix, CJK and without accents")
    func search() async throws {
        let (alice, _) = try await pair()
        let thread = try await alice.directThread(user: "bob")
        for line in lines {
            try await alice.sendText(thread: thread, text: line)
        }
        let queries = [("köln", 0), ("koln", 0), ("Straß", 0), ("gare", 1), ("東京", 2), ("好", 3), ("서울", 4)]
        for (query, line) in queries {
            let found = try await alice.search(text: query)
            #expect(words(found) == [lines[line]])
        }
        let nothing = try await alice.search(text: "nirgends")
        #expect(nothing.isEmpty)
    }

    @Test("7: each error has its code and its values")
    func errors() async throws {
        let (alice, _) = try await pair()
        let thread = try await alice.directThread(user: "bob")
        let most = try alice.maxTextBytes()
        let long = String(repeating: "x", count: Int(most) + 1)
        let tooLong = try await failure { try await alice.sendText(thread: thread, text: long) }
        #expect(tooLong.code == .textTooLong && !tooLong.retryable)
        #expect(tooLong.fields.bytes == most + 1)
        #expect(tooLong.fields.maxBytes == most)
        let empty = try await failure { try await alice.sendText(thread: thread, text: "") }
        #expect(empty.code == .emptyText)
        let invalid = try await failure { try await alice.directThread(user: "not a name") }
        #expect(invalid.code == .invalidId)

        try await alice.close()
        let closed = try await failure { try await alice.directThread(user: "bob") }
        #expect(closed.code == .closed)
        let otherKey = memoryKeyStore()
        try otherKey.put(name: "store-salt", secret: Data(repeating: 2, count: 16))
        try otherKey.put(name: "store-key", secret: Data(repeating: 1, count: 32))
        let wrong = try await failure { try await world.device("alice", keys: otherKey) }
        #expect(wrong.code == .storeWrongKey && wrong.group == .store)
        let missing = try await failure { try await world.device("alice", keys: memoryKeyStore()) }
        #expect(missing.code == .keyMissing)

        world.relay.end()
        let carol = try await world.device("carol")
        let down = try await failure { try await carol.register(user: "carol") }
        #expect(down.code == .network && down.retryable)
    }

    @Test("7: what the app hands in may fail, and no more")
    func failingKeyStore() async throws {
        let error = try await failure { try await world.device("alice", keys: FailingKeyStore()) }
        #expect(error.code == .keyStore)
        #expect(error.fields.reason?.contains("the app's own fault") == true)
    }

    @Test("8: a message whose call was cancelled arrives once")
    func cancelledCall() async throws {
        let (alice, bob) = try await pair()
        let thread = try await alice.directThread(user: "bob")
        try await alice.goOffline()
        let waiting = Task {
            let message = try await alice.sendText(thread: thread, text: "cancelled")
            try await alice.waitUntilSent(localId: message.localId)
        }
        _ = try await alice.holds(1, in: thread)
        waiting.cancel()
        let ended = await waiting.result
        switch ended {
        case .success:
            Issue.record("it was sent while offline")
        case .failure(let error):
            #expect(error is CancellationError)
        }
        try await alice.goOnline()
        let one = try await bob.holds(1, in: thread)
        #expect(words(one) == ["cancelled"])
        try await alice.sendText(thread: thread, text: "after it")
        let two = try await bob.holds(2, in: thread)
        #expect(words(two) == ["cancelled", "after it"])
    }

    @Test("9: a client that closes ends its events, and nothing hangs")
    func closeWhileReading() async throws {
        let alice = try await world.registered("alice")
        let live = SealwireLibrary.liveClients
        let events = try alice.events()
        let reading = Task {
            var seen = 0
            for try await _ in events {
                seen += 1
            }
            return seen
        }
        let thread = try await alice.directThread(user: "alice")
        try await alice.waitUntilCaughtUp()
        try await alice.goOffline()
        let message = try await alice.sendText(thread: thread, text: "x")
        let waiting = Task { try await failure { try await alice.waitUntilSent(localId: message.localId) } }
        try await alice.close()
        let seen = try await reading.value
        #expect(seen > 0)
        _ = await waiting.result
        let closed = try await failure { try alice.events() }
        #expect(closed.code == .closed)
        #expect(SealwireLibrary.liveClients < live)
    }

    @Test("9: a task that is cancelled ends its events")
    func cancelledReader() async throws {
        let alice = try await world.registered("alice")
        let events = try alice.events()
        let reading = Task {
            for try await _ in events {}
            return "ended"
        }
        reading.cancel()
        let ended = try await reading.value
        #expect(ended == "ended")
        try await alice.close()
    }

    @Test("8: a wait that is cancelled holds its client no longer")
    func cancelledWait() async throws {
        let live = SealwireLibrary.liveClients
        try await waitInVain()
        while SealwireLibrary.liveClients > live {
            try await shortly()
        }
    }

    private func waitInVain() async throws {
        let client = try await Client.open(relay: world.relay.url, store: .memory, startOffline: true)
        let waiting = Task { try await client.waitUntilCaughtUp() }
        try await shortly()
        waiting.cancel()
        _ = await waiting.result
    }

    @Test("10: opened again, the history is the same")
    func reopened() async throws {
        let (alice, bob) = try await pair()
        let thread = try await alice.directThread(user: "bob")
        for line in lines {
            try await alice.sendText(thread: thread, text: line)
        }
        _ = try await bob.holds(8, in: thread)
        let last = try await alice.newest(in: thread)
        try await alice.waits(for: last, toBe: .delivered)
        let before = [try await alice.messages(thread: thread), try await bob.messages(thread: thread)]
        try await alice.close()
        try await bob.close()

        let aliceAgain = try await world.device("alice")
        let bobAgain = try await world.device("bob")
        let after = [try await aliceAgain.messages(thread: thread), try await bobAgain.messages(thread: thread)]
        #expect(after == before)
        let account = try aliceAgain.account()
        #expect(account?.user == "alice")
    }

    @Test("11: of a thousand messages none is lost to a slow reader")
    func burst() async throws {
        let (alice, bob) = try await pair()
        let thread = try await alice.directThread(user: "bob")
        let events = try bob.events()
        let reading = Task { try await slowly(read: events, of: bob, in: thread) }
        let sent = (1...1000).map { "burst \($0)" }
        for line in sent {
            try await alice.sendText(thread: thread, text: line)
        }
        let received = try await bob.holds(1000, in: thread)
        #expect(words(received) == sent)
        let (known, toldTwice) = try await reading.value
        #expect(words(known) == sent)
        #expect(!toldTwice)
        try await bob.close()
    }
}

/// What a reader has who is told of each message, and asks for what it was not told: a thousand, oldest first.
private func slowly(
    read events: Events,
    of client: Client,
    in thread: String
) async throws -> (known: [Message], toldTwice: Bool) {
    var known: [Int64: Message] = [:]
    var told = Set<Int64>()
    var toldTwice = false
    for try await event in events {
        switch event {
        case .messageReceived(let message):
            toldTwice = toldTwice || told.contains(message.localId)
            told.insert(message.localId)
            known[message.localId] = message
            try await Task.sleep(nanoseconds: 2_000_000)
        case .lagged:
            for message in try await client.messages(thread: thread, limit: 1010) {
                known[message.localId] = message
            }
        default:
            break
        }
        if known.count == 1000 {
            break
        }
    }
    return (known.values.sorted { $0.localId < $1.localId }, toldTwice)
}

/// An app whose key store does not work.
private final class FailingKeyStore: KeyStore {
    struct Fault: Error, CustomStringConvertible {
        let description = "the app's own fault"
    }

    func get(name: String) throws -> Data? {
        throw Fault()
    }

    func put(name: String, secret: Data) throws {
        throw Fault()
    }
}

/// The newest word of a transfer, which comes on another thread. Unchecked: the lock guards what it holds.
private final class LastProgress: @unchecked Sendable {
    private let lock = NSLock()
    private var newest: (done: Int64, total: Int64) = (0, 0)

    func keep(_ done: Int64, _ total: Int64) {
        lock.lock()
        defer { lock.unlock() }
        newest = (done, total)
    }

    var last: (done: Int64, total: Int64) {
        lock.lock()
        defer { lock.unlock() }
        return newest
    }
}
