package io.github.sealwire

import io.github.sealwire.core.KeyStore
import io.github.sealwire.core.StoreLocation
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.nio.file.Path
import kotlin.time.Duration.Companion.seconds

/** Closed is gone: what a client took of the process is given back. */
class CyclesTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun `a thousand clients that were opened and closed leave no client, no thread and no file`(): Unit =
        runBlocking(Dispatchers.Default) {
            val keys = memoryKeyStore()
            val begun = System.nanoTime()
            repeat(WARM) { cycle(it, StoreLocation.File("$folder/a.db"), keys) }
            val (clients, threads, files) = Triple(Sealwire.liveClients, native(), count("fd"))
            repeat(CYCLES) { cycle(it, StoreLocation.File("$folder/a.db"), keys) }
            // Clients that other tests let go of may have been collected meanwhile.
            assertTrue(Sealwire.liveClients <= clients, "${Sealwire.liveClients} live, and $clients before")
            // The JVM has threads and files of its own that come and go.
            withTimeout(20.seconds) { while (native() > threads) delay(20) }
            withTimeout(20.seconds) { while (count("fd") > files + SOME) delay(20) }
            assertTrue(native() > 0, "the library's own threads are counted")
            println("Kotlin: open and close: ${(System.nanoTime() - begun) / 1_000 / (WARM + CYCLES)} µs")
        }

    @Test
    fun `a close on a thread that is interrupted gives the store back first, and leaves it interrupted`() {
        val (keys, store) = memoryKeyStore() to StoreLocation.File("$folder/b.db")
        val first = runBlocking { Client.open("http://127.0.0.1:1", store, keys, startOffline = true) }
        Thread.currentThread().interrupt()
        first.close()
        assertTrue(Thread.interrupted())
        runBlocking { Client.open("http://127.0.0.1:1", store, keys, startOffline = true).use { } }
    }

    /** A reader of events that nobody ends is ended by the close. */
    private suspend fun cycle(number: Int, store: StoreLocation, keys: KeyStore) {
        val client = Client.open("http://127.0.0.1:1", store, keys, startOffline = true)
        if (number % 10 == 0) {
            val events = client.events()
            val reading = CoroutineScope(Dispatchers.Default).async { events.toList() }
            client.close()
            reading.await()
        } else {
            client.close()
        }
    }

    private fun count(what: String): Int = File("/proc/self/$what").list().orEmpty().size

    /** Threads that are the library's. */
    private fun native(): Int = File("/proc/self/task").listFiles().orEmpty().count {
        runCatching { File(it, "comm").readText() }.getOrDefault("").startsWith("sealwire")
    }

    private companion object {
        const val WARM = 20
        const val CYCLES = 1_000
        const val SOME = 5
    }
}
