package io.github.sealwire

import io.github.sealwire.core.Event
import io.github.sealwire.core.StoreLocation
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Path
import kotlin.time.Duration.Companion.seconds

/** Prints what a call costs; nothing is held to it. */
class FiguresTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun `what calls and messages cost`(): Unit = runBlocking {
        RelayProcess(folder.resolve("relay")).use { relay ->
            val alice = Client.open(relay.url, StoreLocation.Memory)
            val bob = Client.open(relay.url, StoreLocation.Memory)
            try {
                alice.register("alice")
                bob.register("bob")
                withTimeout(60.seconds) { measure(alice, bob) }
            } finally {
                alice.close()
                bob.close()
            }
        }
    }

    private suspend fun measure(alice: Client, bob: Client) = kotlinx.coroutines.coroutineScope {
        print("a call that looks (account)", 5_000) { alice.account() }
        print("a call that waits (message)", 1_000) { alice.message(1) }
        val arrived = Channel<Unit>(Channel.UNLIMITED)
        val events = bob.events()
        val reading = launch {
            events.collect { if (it is Event.MessageReceived) arrived.send(Unit) }
        }
        val thread = alice.directThread("bob")
        print("sent to received", 100) {
            alice.sendText(thread, "as fast as it goes")
            arrived.receive()
        }
        reading.cancel()
    }

    /** The median, after as many to warm up. */
    private suspend fun print(what: String, times: Int, work: suspend () -> Unit) {
        val took = LongArray(times)
        repeat(2 * times) {
            val begun = System.nanoTime()
            work()
            if (it >= times) took[it - times] = System.nanoTime() - begun
        }
        took.sort()
        println("Kotlin: $what: ${took[times / 2] / 1000} µs (p95 ${took[times * 95 / 100] / 1000})")
    }
}
