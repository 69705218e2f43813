import SealwireCore

/// Keeps the secrets in a file that only this user may read: for desktops and servers.
public func fileKeyStore(path: String) -> any KeyStore {
    SealwireCore.fileKeyStore(path: path)
}

/// Forgets the secrets with the process: for tests.
public func memoryKeyStore() -> any KeyStore {
    SealwireCore.memoryKeyStore()
}
