package io.github.sealwire

import io.github.sealwire.core.AttachmentOptions
import io.github.sealwire.core.AttachmentSource
import io.github.sealwire.core.SendOptions
import io.github.sealwire.core.StoreLocation
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import kotlin.time.Duration.Companion.seconds

/** What is said of a send beside its words. */
class SendingTest {
    @TempDir
    lateinit var folder: Path

    private fun alone(work: suspend (Client, String) -> Unit): Unit = runBlocking(Dispatchers.Default) {
        RelayProcess(folder.resolve("relay")).use { relay ->
            Client.open(relay.url, StoreLocation.Memory).use { alice ->
                withTimeout(60.seconds) {
                    alice.register("alice")
                    work(alice, alice.directThread("alice"))
                }
            }
        }
    }

    @Test
    fun `asked again under its key, a message is sent once`() = alone { alice, thread ->
        val once = SendOptions(key = ByteArray(16) { 7 })
        val first = alice.sendText(thread, "once", once)
        assertEquals(first.localId, alice.sendText(thread, "once", once).localId)
        val picture = AttachmentSource.Bytes(ByteArray(50_000))
        val described = AttachmentOptions(key = ByteArray(16) { 8 })
        val sent = alice.sendAttachment(thread, picture, described)
        assertEquals(sent.localId, alice.sendAttachment(thread, picture, described).localId)
        assertEquals(2, alice.countMessages(thread))
        alice.sendText(thread, "once")
        assertEquals(3, alice.countMessages(thread))
    }

    @Test
    fun `a key of another length is an error, and nothing is sent`() = alone { alice, thread ->
        val short = ByteArray(15)
        val refused = assertThrows<InvalidIdException> {
            runBlocking { alice.sendText(thread, "never", SendOptions(key = short)) }
        }
        assertTrue(refused.reason.orEmpty().contains("16 bytes"), refused.reason)
        assertThrows<InvalidIdException> {
            runBlocking {
                alice.sendAttachment(thread, AttachmentSource.Bytes(ByteArray(9)), AttachmentOptions(key = short))
            }
        }
        assertEquals(0, alice.countMessages(thread))
    }

    @Test
    fun `a key that was used for other words is an error, and nothing is sent`() = alone { alice, thread ->
        val key = ByteArray(16) { 7 }
        alice.sendText(thread, "first", SendOptions(key = key))
        assertThrows<SendKeyReusedException> {
            runBlocking { alice.sendText(thread, "second", SendOptions(key = key)) }
        }
        assertThrows<SendKeyReusedException> {
            runBlocking { alice.sendAttachment(thread, AttachmentSource.Bytes(ByteArray(9)), AttachmentOptions(key = key)) }
        }
        assertEquals(1, alice.countMessages(thread))
    }
}
