import Foundation
import Sealwire
import Testing

/// What people wrote, and what opens it, does not come into a log by accident.
@Suite
struct PrintingTests {
    private let media = MediaFacts(width: 640, blurhash: "private-preview")

    private var file: MessageContent {
        let facts = AttachmentFacts(id: "a-1", size: 9, mime: "image/png", name: "private-name.png", media: media)
        return .attachment(file: facts, caption: "private caption")
    }

    private func message(_ content: MessageContent) -> Message {
        Message(
            localId: 7,
            id: "id-1",
            thread: "thread-1",
            sender: "alice",
            senderDevice: 1,
            clientSeq: 3,
            content: content,
            state: .received,
            createdAtMs: 5,
            ttlSeconds: nil
        )
    }

    private func hides<Value>(_ value: Value, shows: String) {
        let printed = "\(value) \(String(reflecting: value)) \([value])"
        #expect(printed.contains(shows), "\(printed)")
        #expect(!printed.contains("private"), "\(printed)")
    }

    @Test("a message that is printed does not show what it says")
    func messages() {
        for content in [MessageContent.text(text: "private words"), file] {
            hides(message(content), shows: "alice")
            hides(Event.messageReceived(message: message(content)), shows: "alice")
        }
        hides(file, shows: "image/png")
        hides(media, shows: "640")
    }

    @Test("neither do names, captions and keys of what is sent")
    func options() {
        let key = Data("private, 16 byte".utf8)
        hides(SendOptions(ttlSeconds: 60, key: key), shows: "60")
        let described = AttachmentOptions(mime: "image/png", name: "private", caption: "private", key: key, media: media)
        hides(described, shows: "image/png")
    }
}
