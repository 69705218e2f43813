import Foundation
import Sealwire

/// A relay and a folder of one test.
final class World: Sendable {
    let relay: RelayProcess
    let folder: URL

    init() throws {
        let name = "sealwire-\(UUID().uuidString)"
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        relay = try RelayProcess(data: folder.appendingPathComponent("relay"))
    }

    deinit {
        relay.end()
        try? FileManager.default.removeItem(at: folder)
    }

    func path(_ name: String) -> String {
        folder.appendingPathComponent(name).path
    }

    /// The device of this name: opened again, it is the same one.
    func device(_ name: String, keys: (any KeyStore)? = nil) async throws -> Client {
        try await Client.open(
            relay: relay.url,
            store: .file(path: path("\(name).db")),
            keyStore: keys ?? fileKeyStore(path: path("\(name).keys"))
        )
    }

    func registered(_ user: String) async throws -> Client {
        let client = try await device(user)
        try await client.register(user: user)
        return client
    }
}

extension Client {
    /// The client's messages once there are so many, oldest first.
    func holds(_ count: Int64, in thread: String) async throws -> [Message] {
        while try await countMessages(thread: thread) < count {
            try await shortly()
        }
        let newestFirst = try await messages(thread: thread, limit: count + 10)
        return Array(newestFirst.reversed())
    }

    func waits(for message: Message, toBe state: MessageState) async throws {
        while try await self.message(localId: message.localId)?.state != state {
            try await shortly()
        }
    }

    func newest(in thread: String) async throws -> Message {
        guard let message = try await messages(thread: thread, limit: 1).first else {
            throw Unexpected(what: "no message")
        }
        return message
    }
}

func shortly() async throws {
    try await Task.sleep(nanoseconds: 20_000_000)
}

func words(_ messages: [Message]) -> [String] {
    messages.map { message -> String in
        if case .text(let text) = message.content {
            return text
        }
        return "not a text"
    }
}

/// The error of a call that must fail.
func failure<Value>(_ work: () async throws -> Value) async throws -> SealwireError {
    do {
        _ = try await work()
    } catch let error as SealwireError {
        return error
    }
    throw Unexpected(what: "it did not fail")
}

struct Unexpected: Error {
    let what: String
}

/// One message each, in eight languages.
let lines = [
    "Ein Gruß aus Köln, Straße am Dom 👋",
    "Rendez-vous à la gare, dès l'été",
    "東京で会いましょう",
    "你好，明天见",
    "서울에서 만나요",
    "مرحبا، أراك غدا",
    "נתראה מחר בבוקר",
    "कल सुबह मिलते हैं",
]
