import Sealwire
import Testing

/// What sessions begin with.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct SessionsTests {
    let world: World

    init() throws {
        world = try World()
    }

    @Test("a session is PQXDH, whether or not the policy allows X3DH, and tells so", arguments: [SessionPolicy.requirePqxdh, .allowX3dh])
    func tellsItsProtocol(policy: SessionPolicy) async throws {
        let bob = try await world.device("bob")
        let device = try await bob.register(user: "bob")
        let alice = try await Client.open(relay: world.relay.url, store: .memory, sessionPolicy: policy)
        try await alice.register(user: "alice")
        let before = try await alice.sessionProtocol(user: "bob", device: device)
        #expect(before == nil)
        let thread = try await alice.directThread(user: "bob")
        let sent = try await alice.sendText(thread: thread, text: "Hello")
        _ = try await alice.waitUntilSent(localId: sent.localId)
        let after = try await alice.sessionProtocol(user: "bob", device: device)
        #expect(after == 4)
        try await alice.close()
    }
}
