import SealwireCore

/// The library below every client.
public enum SealwireLibrary {
    /// Makes the library's threads and sets its logging; call it once, before the first client, if the defaults do not fit.
    ///
    /// TLS trusts Mozilla's roots, which are built in.
    ///
    /// - Parameter log: takes the SDK's lines, one after the other, from a thread of its own; no line holds a secret.
    ///   Of a second one nothing changes: the first stays.
    /// - Throws: ``SealwireError`` with the code `system`.
    public static func initialize(
        level: LogLevel = .warn,
        log: (@Sendable (LogLine) -> Void)? = nil
    ) throws {
        let logger = log.map { LogTaker($0) }
        try now { try SealwireCore.initialize(options: InitOptions(logLevel: level, logger: logger)) }
    }

    /// The version of the library.
    public static var version: String { SealwireCore.version() }

    /// How many clients of this process hold their store open, or are about to give it back.
    public static var liveClients: Int64 { SealwireCore.liveClients() }
}

private final class LogTaker: Logger {
    private let take: @Sendable (LogLine) -> Void

    init(_ take: @escaping @Sendable (LogLine) -> Void) {
        self.take = take
    }

    func log(line: LogLine) throws {
        take(line)
    }
}
