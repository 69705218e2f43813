import Foundation
import Sealwire
import Testing

/// What is said of a send beside its words.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct SendingTests {
    let world: World

    init() throws {
        world = try World()
    }

    @Test("asked again under its key, a message is sent once")
    func sentOnce() async throws {
        let alice = try await world.registered("alice")
        let thread = try await alice.directThread(user: "alice")
        let once = SendOptions(key: Data(repeating: 7, count: 16))
        let first = try await alice.sendText(thread: thread, text: "once", options: once)
        let again = try await alice.sendText(thread: thread, text: "once", options: once)
        #expect(again.localId == first.localId)
        let count = try await alice.countMessages(thread: thread)
        #expect(count == 1)
    }

    @Test("a key of another length is an error, and nothing is sent")
    func otherLength() async throws {
        let alice = try await world.registered("alice")
        let thread = try await alice.directThread(user: "alice")
        let short = SendOptions(key: Data(repeating: 7, count: 15))
        let refused = try await failure { try await alice.sendText(thread: thread, text: "never", options: short) }
        #expect(refused.code == .invalidId)
        let count = try await alice.countMessages(thread: thread)
        #expect(count == 0)
    }

    @Test("a key that was used for other words is an error, and nothing is sent")
    func otherWords() async throws {
        let alice = try await world.registered("alice")
        let thread = try await alice.directThread(user: "alice")
        let key = SendOptions(key: Data(repeating: 7, count: 16))
        _ = try await alice.sendText(thread: thread, text: "first", options: key)
        let refused = try await failure { try await alice.sendText(thread: thread, text: "second", options: key) }
        #expect(refused.code == .sendKeyReused)
        let count = try await alice.countMessages(thread: thread)
        #expect(count == 1)
    }
}
