import SealwireCore

/// A call that waits. Its task, once cancelled, stops waiting and gets `CancellationError`; the work goes on. A task that is
/// cancelled already begins nothing.
func call<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    // What UniFFI awaits does not heed cancellation; a stream does: it ends when the task that reads it is cancelled.
    let (results, result) = AsyncThrowingStream<Value, any Error>.makeStream()
    Task {
        do {
            result.yield(try await work())
            result.finish()
        } catch {
            result.finish(throwing: SealwireError(error))
        }
    }
    for try await value in results {
        return value
    }
    throw CancellationError()
}

/// A call that only waits, or a download: with its task it ends in the library too, which then holds the client no longer.
func waiting<Value: Sendable>(
    _ work: @escaping @Sendable (CancelHandle) async throws -> Value
) async throws -> Value {
    let cancel = CancelHandle()
    return try await withTaskCancellationHandler {
        do {
            return try await call { try await work(cancel) }
        } catch {
            // Of the two that then end it, the library may be the first.
            try Task.checkCancellation()
            throw error
        }
    } onCancel: {
        cancel.cancel()
    }
}

/// A call that does not wait.
func now<Value>(_ work: () throws -> Value) throws -> Value {
    do {
        return try work()
    } catch {
        throw SealwireError(error)
    }
}

extension SealwireError {
    /// Errors of the library as those of this module.
    init(_ error: any Error) {
        switch error {
        case let known as SealwireError:
            self = known
        case let failed as CallError:
            switch failed {
            case .Failed(let info):
                self.init(info: info)
            }
        default:
            // A panic's own words may hold what somebody wrote.
            self.init(fault: "a call panicked")
        }
    }

    /// What the library could not say itself, as where its scaffolding panicked.
    private init(fault detail: String) {
        let fields = ErrorFields(
            bytes: nil,
            maxBytes: nil,
            max: nil,
            found: nil,
            expected: nil,
            status: nil,
            userId: nil,
            reason: detail
        )
        self.init(
            info: ErrorInfo(
                code: Code.internal.rawValue,
                group: .client,
                text: "A fault of the SDK; what is durable is unharmed. Please report it.",
                detail: detail,
                retryable: false,
                retryAfterMs: nil,
                fields: fields
            )
        )
    }
}
