import SealwireCore

/// Everything that happens at a client from the moment ``Client/events()`` was called, until the client closes; to be read
/// once.
///
/// 1,024 events wait for a slow reader; in the place of those that did not fit stands one `lagged` with their number, and
/// the client can be asked for what they said. It keeps no client open. It ends with the task that reads it.
public struct Events: AsyncSequence, Sendable {
    public typealias Element = Event

    private let reader: EventReader

    init(reader: EventReader) {
        self.reader = reader
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(reader: reader)
    }

    public struct AsyncIterator: AsyncIteratorProtocol, Sendable {
        private let reader: EventReader
        private var taken: ArraySlice<Event> = []

        init(reader: EventReader) {
            self.reader = reader
        }

        /// The next event; nil once the client or the reading task is ended.
        public mutating func next() async throws -> Event? {
            if taken.isEmpty {
                let reader = self.reader
                do {
                    let events = try await withTaskCancellationHandler {
                        try await reader.next()
                    } onCancel: {
                        reader.end()
                    }
                    taken = events[...]
                } catch {
                    throw SealwireError(error)
                }
            }
            return taken.popFirst()
        }
    }
}
