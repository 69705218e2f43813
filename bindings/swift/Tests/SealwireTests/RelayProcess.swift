import Foundation

/// The real relay, as a process of its own. `SEALWIRE_RELAY` says where its program lies.
///
/// Unchecked: the process is started in `init` and from then on only asked whether it runs, and ended.
final class RelayProcess: @unchecked Sendable {
    let url: String
    private let process = Process()
    private let output = Pipe()

    init(data: URL) throws {
        guard let program = ProcessInfo.processInfo.environment["SEALWIRE_RELAY"] else {
            throw RelayError.noProgram
        }
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["--data", data.path, "--listen", "127.0.0.1:0", "--limits", "off"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        url = try RelayProcess.address(in: output.fileHandleForReading)
    }

    /// Ends this process, and no other. May be called more than once.
    func end() {
        guard process.isRunning else {
            return
        }
        process.terminate()
        for _ in 0..<1000 where process.isRunning {
            Thread.sleep(forTimeInterval: 0.01)
        }
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
        }
    }

    /// What the relay says once it is ready.
    private static func address(in output: FileHandle) throws -> String {
        let ready = "listening on "
        var said = ""
        while true {
            let bytes = output.availableData
            if bytes.isEmpty {
                throw RelayError.ended(said)
            }
            said += String(decoding: bytes, as: UTF8.self)
            // The last piece may still grow.
            for line in said.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            where line.hasPrefix(ready) {
                return line.dropFirst(ready.count).trimmingCharacters(in: .whitespaces)
            }
        }
    }
}

enum RelayError: Error {
    /// Set `SEALWIRE_RELAY` to the path of the relay's program.
    case noProgram
    /// It ended before it was ready, and said this.
    case ended(String)
}
