#if canImport(Security)
import Foundation
import Security

/// Keeps the secrets in the system's Keychain. They stay on this device, out of backups that go elsewhere, and can be read
/// while the screen is locked once it was unlocked after a start.
///
/// On macOS the app must be signed with a keychain access group; a program without one takes ``fileKeyStore(path:)``.
public final class KeychainKeyStore: KeyStore {
    private let service: String
    private let accessGroup: String?

    /// - Parameters:
    ///   - service: names this store among the app's; one key store belongs to one store
    ///   - accessGroup: shares the secrets with the app's extensions
    public init(service: String, accessGroup: String? = nil) {
        self.service = service
        self.accessGroup = accessGroup
    }

    public func get(name: String) throws -> Data? {
        var query = item(name)
        query[kSecReturnData as String] = true
        query[kSecMatchLimit as String] = kSecMatchLimitOne
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &found)
        if status == errSecItemNotFound {
            return nil
        }
        guard status == errSecSuccess, let secret = found as? Data else {
            throw KeychainError(status: status)
        }
        return secret
    }

    public func put(name: String, secret: Data) throws {
        let item = self.item(name)
        let value: [String: Any] = [
            kSecValueData as String: secret,
            kSecAttrAccessible as String: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
        ]
        var status = SecItemUpdate(item as CFDictionary, value as CFDictionary)
        if status == errSecItemNotFound {
            let new = item.merging(value) { _, new in new }
            status = SecItemAdd(new as CFDictionary, nil)
        }
        guard status == errSecSuccess else {
            throw KeychainError(status: status)
        }
    }

    private func item(_ name: String) -> [String: Any] {
        var item: [String: Any] = [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: service,
            kSecAttrAccount as String: name,
            kSecUseDataProtectionKeychain as String: true,
        ]
        if let accessGroup {
            item[kSecAttrAccessGroup as String] = accessGroup
        }
        return item
    }
}

/// What the Keychain answered; the library takes its words as the reason.
private struct KeychainError: Error, CustomStringConvertible {
    let status: OSStatus

    var description: String {
        let words = (SecCopyErrorMessageString(status, nil) as String?) ?? "no further word"
        return "the Keychain answered \(status): \(words)"
    }
}
#endif
