package io.github.sealwire

import io.github.sealwire.core.AddDevice
import io.github.sealwire.core.Answer
import io.github.sealwire.core.ClientHandle
import io.github.sealwire.core.NoHandle
import io.github.sealwire.core.OpenOptions
import io.github.sealwire.core.SessionPolicy
import io.github.sealwire.core.StoreLocation
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.coroutines.cancellation.CancellationException
import kotlin.time.Duration.Companion.seconds

/** What lies between a coroutine and the library. */
class CallsTest {
    private class Seen : Answer(NoHandle) {
        val said = CopyOnWriteArrayList<Boolean>()

        @Volatile
        var closed = false

        override fun give(yes: Boolean) {
            said += yes
        }

        override fun close() {
            closed = true
        }
    }

    @Test
    fun `a call that is cancelled is cancelled, whatever the app calls it`() {
        val cancelled = assertThrows<CancellationException> {
            runBlocking { call<Unit> { throw CancellationException("the screen was destroyed") } }
        }
        assertEquals("the screen was destroyed", cancelled.message)
    }

    @Test
    fun `a wait that is cancelled ends in the library too, and holds the client no longer`(): Unit = runBlocking {
        val live = Sealwire.liveClients
        val options = OpenOptions(
            "http://127.0.0.1:1",
            StoreLocation.Memory,
            startOffline = true,
            sessionPolicy = SessionPolicy.REQUIRE_PQXDH,
        )
        ClientHandle.open(options, null).use { handle ->
            val waiting = launch(start = CoroutineStart.UNDISPATCHED) { handle.waitUntilCaughtUp() }
            assertEquals(live + 1, Sealwire.liveClients)
            waiting.cancelAndJoin()
        }
        // Let go of, and not closed: whoever still waited would keep it open.
        withTimeout(20.seconds) { while (Sealwire.liveClients > live) delay(5) }
    }

    @Test
    fun `a question that comes when its call is over is a no`(): Unit = runBlocking {
        val answer = Seen()
        val over = CoroutineScope(Job().apply { cancel() })
        addDeviceListener(over) { true }.ask(AddDevice(2, ByteArray(33)), answer)
        withTimeout(20.seconds) { while (!answer.closed) delay(5) }
        assertEquals(emptyList<Boolean>(), answer.said.toList())
    }

    @Test
    fun `a question is answered and let go of`(): Unit = runBlocking {
        val answer = Seen()
        asking { scope ->
            addDeviceListener(scope) { it.device == 2L }.ask(AddDevice(2, ByteArray(33)), answer)
            withTimeout(20.seconds) { while (!answer.closed) delay(5) }
        }
        assertEquals(listOf(true), answer.said.toList())
    }

    @Test
    fun `events that two would share are nobody's, and said to be`(): Unit = runBlocking {
        val client = Client.open("http://127.0.0.1:1", StoreLocation.Memory, startOffline = true)
        val events = client.events()
        client.close()
        events.toList()
        assertThrows<IllegalStateException> { runBlocking { events.toList() } }
    }
}
