package io.github.sealwire

import io.github.sealwire.core.AttachmentOptions
import io.github.sealwire.core.AttachmentSource
import io.github.sealwire.core.ClientHandle
import io.github.sealwire.core.KeyStore
import io.github.sealwire.core.LogLevel
import io.github.sealwire.core.LogLine
import io.github.sealwire.core.OpenOptions
import io.github.sealwire.core.Progress
import io.github.sealwire.core.ProgressListener
import io.github.sealwire.core.SessionPolicy
import io.github.sealwire.core.StoreLocation
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.seconds

/** The app's own code fails in the middle of a call of the library: exceptions, and errors that are none. */
class FaultsTest {
    @TempDir
    lateinit var folder: Path

    private class Failing(private val fault: () -> Throwable, private val onPutAlone: Boolean) : KeyStore {
        override fun get(name: String): ByteArray? = if (onPutAlone) null else throw fault()
        override fun put(name: String, secret: ByteArray) = throw fault()
    }

    @Test
    fun `a key store that throws is the error key_store with its words, and the next open works`(): Unit = runBlocking {
        val faults = listOf<() -> Throwable>({ IllegalStateException("its own fault") }, { NotImplementedError("its own fault") })
        for ((number, fault) in faults.withIndex()) {
            for (onPutAlone in listOf(false, true)) {
                val path = "$folder/$number-$onPutAlone.db"
                val error = assertThrows<KeyStoreException> {
                    runBlocking { opened(StoreLocation.File(path), Failing(fault, onPutAlone)).close() }
                }
                assertEquals("key_store", error.code)
                assertTrue(error.reason.orEmpty().contains("its own fault"), error.reason)
                opened(StoreLocation.File(path), memoryKeyStore()).close()
            }
        }
    }

    @Test
    fun `a key store of the library's that was closed is the error key_store, and nothing opens`() {
        val keys = memoryKeyStore()
        (keys as AutoCloseable).close()
        assertThrows<KeyStoreException> { runBlocking { opened(StoreLocation.File("$folder/closed.db"), keys).close() } }
    }

    @Test
    fun `a logger and a progress listener that throw change nothing`(): Unit = runBlocking(Dispatchers.Default) {
        val lines = CopyOnWriteArrayList<LogLine>()
        Sealwire.init(level = LogLevel.DEBUG) {
            lines += it
            if (lines.size % 2 == 0) throw IllegalStateException("the logger's own fault")
            throw NotImplementedError("the logger's own fault")
        }
        RelayProcess(folder.resolve("relay")).use { relay ->
            withTimeout(60.seconds) {
                val options = OpenOptions(relay.url, StoreLocation.Memory, sessionPolicy = SessionPolicy.REQUIRE_PQXDH)
                val alice = ClientHandle.open(options, null)
                alice.register("alice")
                val told = AtomicInteger()
                val listener = object : ProgressListener {
                    override fun onProgress(progress: Progress) {
                        told.incrementAndGet()
                        throw IllegalArgumentException("the listener's own fault")
                    }
                }
                val bytes = AttachmentSource.Bytes(ByteArray(300_000))
                val sent = alice.sendAttachment(alice.directThread("bob"), bytes, AttachmentOptions(), listener)
                assertTrue(told.get() > 1, "a listener that failed is told of the rest")
                assertEquals(300_000, alice.downloadAttachment(sent.localId, listener).size)
                while (lines.count { "progress listener failed" in it.text } < 2) delay(10)
                alice.end()
            }
        }
    }

    @Test
    fun `what the app throws when it is asked about a device comes back to the app`(): Unit = runBlocking(Dispatchers.Default) {
        RelayProcess(folder.resolve("relay")).use { relay ->
            val alice = Client.open(relay.url, StoreLocation.Memory)
            val tablet = Client.open(relay.url, StoreLocation.Memory)
            withTimeout(60.seconds) {
                alice.register("alice")
                val linking = tablet.startLinking()
                val joined = async { runCatching { linking.finish { true } }.exceptionOrNull() }
                val thrown = runCatching { alice.linkDevice(linking.code) { throw ArithmeticException() } }.exceptionOrNull()
                assertTrue(thrown is ArithmeticException, "$thrown")
                assertTrue(joined.await() is LinkDeclinedException)
                assertEquals(null, tablet.account())
            }
            alice.close()
            tablet.close()
        }
    }

    private suspend fun opened(store: StoreLocation, keys: KeyStore): Client =
        Client.open("http://127.0.0.1:1", store, keys, startOffline = true)
}
