package io.github.sealwire

import io.github.sealwire.core.SessionPolicy
import io.github.sealwire.core.StoreLocation
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import kotlin.time.Duration.Companion.seconds

/** What sessions begin with. */
class SessionsTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun `a session is PQXDH, whether or not the policy allows X3DH, and tells so`(): Unit = runBlocking(Dispatchers.Default) {
        RelayProcess(folder.resolve("relay")).use { relay ->
            Client.open(relay.url, StoreLocation.Memory).use { bob ->
                val device = withTimeout(60.seconds) { bob.register("bob") }
                for (policy in SessionPolicy.entries) {
                    Client.open(relay.url, StoreLocation.Memory, sessionPolicy = policy).use { alice ->
                        withTimeout(60.seconds) {
                            alice.register("alice-${policy.name.lowercase()}")
                            assertNull(alice.sessionProtocol("bob", device))
                            alice.waitUntilSent(alice.sendText(alice.directThread("bob"), "Hello").localId)
                            assertEquals(4, alice.sessionProtocol("bob", device))
                        }
                    }
                }
            }
        }
    }
}
