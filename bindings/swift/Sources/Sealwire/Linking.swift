import SealwireCore

/// A linking that this new device began. It keeps no client open.
public final class Linking: Sendable {
    private let handle: LinkingHandle

    init(handle: LinkingHandle) {
        self.handle = handle
    }

    /// `sealwire://link?…`, to be shown to the existing device as a QR code or text. Good for ten minutes.
    public var code: String { handle.code() }

    /// Waits until the existing device has let this one in, and `confirm` has said yes to its account. Once.
    ///
    /// - Throws: ``SealwireError`` with the codes `linkExpired`, `linkDeclined`, `linkTampered`, `linkState`.
    public func finish(confirm: @escaping @Sendable (JoinAccount) async -> Bool) async throws -> Account {
        try await call { [handle] in try await handle.finish(confirm: JoinQuestion(confirm)) }
    }
}

/// Asks on the new device, in a task of its own: the library's thread is not to wait for a person.
private final class JoinQuestion: JoinAccountListener {
    private let confirm: @Sendable (JoinAccount) async -> Bool

    init(_ confirm: @escaping @Sendable (JoinAccount) async -> Bool) {
        self.confirm = confirm
    }

    func ask(question: JoinAccount, answer: Answer) throws {
        Task { [confirm] in
            answer.give(yes: await confirm(question))
        }
    }
}

/// Asks on the existing device, in the same way.
final class AddQuestion: AddDeviceListener {
    private let confirm: @Sendable (AddDevice) async -> Bool

    init(_ confirm: @escaping @Sendable (AddDevice) async -> Bool) {
        self.confirm = confirm
    }

    func ask(question: AddDevice, answer: Answer) throws {
        Task { [confirm] in
            answer.give(yes: await confirm(question))
        }
    }
}
