import Sealwire
import Testing

// Figures to print; nothing is held by them. In the suite of the scenario, so that nothing runs beside them.
extension ScenarioTests {
    @Test("what a call costs, and how long a message takes between two clients")
    func figures() async throws {
        let alice = try await world.registered("alice")
        let bob = try await world.registered("bob")
        let thread = try await alice.directThread(user: "bob")
        let clock = ContinuousClock()

        var begun = clock.now
        for _ in 0..<1000 {
            _ = try alice.maxTextBytes()
        }
        print("swift: a sync call: \(begun.duration(to: clock.now) / 1000)")

        begun = clock.now
        for _ in 0..<1000 {
            _ = try await alice.countMessages()
        }
        print("swift: an async call that reads the store: \(begun.duration(to: clock.now) / 1000)")

        try await bob.waitUntilCaughtUp()
        let events = try bob.events()
        var iterator = events.makeAsyncIterator()
        var took: [Duration] = []
        for number in 0..<50 {
            begun = clock.now
            try await alice.sendText(thread: thread, text: "\(number)")
            while let event = try await iterator.next() {
                if case .messageReceived = event {
                    break
                }
            }
            took.append(begun.duration(to: clock.now))
        }
        took.sort()
        print("swift: send → received: p50 \(took[25]), slowest \(took[49])")
    }
}
