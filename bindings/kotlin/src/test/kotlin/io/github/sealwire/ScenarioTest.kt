package io.github.sealwire

import io.github.sealwire.core.AttachmentOptions
import io.github.sealwire.core.AttachmentSource
import io.github.sealwire.core.ConnectionState
import io.github.sealwire.core.Event
import io.github.sealwire.core.KeyStore
import io.github.sealwire.core.Message
import io.github.sealwire.core.MessageContent
import io.github.sealwire.core.MessageState
import io.github.sealwire.core.Progress
import io.github.sealwire.core.StoreLocation
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.takeWhile
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.nio.file.Files
import java.nio.file.Path
import kotlin.time.Duration.Companion.seconds

/** docs/scenario.md, step by step, against the real relay. */
class ScenarioTest {
    @TempDir
    lateinit var folder: Path
    private lateinit var relay: RelayProcess
    private val open = mutableListOf<Client>()

    @BeforeEach
    fun start() {
        relay = RelayProcess(folder.resolve("relay"))
    }

    @AfterEach
    fun end() {
        open.forEach { it.close() }
        relay.close()
    }

    private fun story(work: suspend CoroutineScope.() -> Unit): Unit =
        runBlocking(Dispatchers.Default) { withTimeout(90.seconds) { work() } }

    private suspend fun device(name: String, keys: KeyStore = fileKeyStore("$folder/$name.keys")): Client =
        Client.open(relay.url, StoreLocation.File("$folder/$name.db"), keys).also { open += it }

    private suspend fun registered(user: String): Client = device(user).also { it.register(user) }

    private suspend fun pair() = Pair(registered("alice"), registered("bob"))

    /** The client's messages once there are so many, oldest first. */
    private suspend fun Client.holds(count: Int, thread: String): List<Message> {
        while (countMessages(thread) < count) delay(20)
        return messages(thread, limit = count + 10L).reversed()
    }

    private fun words(messages: List<Message>) = messages.map { (it.content as MessageContent.Text).text }

    private suspend fun Client.state(message: Message, wanted: MessageState) {
        while (message(message.localId)?.state != wanted) delay(20)
    }

    @Test
    fun `1 and 2, an account is made, and a second device linked`() = story {
        val alice = device("alice")
        assertEquals(null, alice.account())
        assertEquals(1, alice.register("alice"))
        assertThrows<AlreadyRegisteredException> { runBlocking { alice.register("alice") } }
        val tablet = device("tablet")
        val linking = tablet.startLinking()
        assertTrue(linking.code.startsWith("sealwire://link?"))
        val added = async { alice.linkDevice(linking.code) { it.identityKey.size == 33 } }
        val joined = linking.finish { it.user == "alice" }
        assertEquals("alice" to added.await(), joined.user to joined.device)
        assertEquals(joined, tablet.account())
        assertEquals(listOf(1L, joined.device), alice.ownDevices().map { it.device })
    }

    @Test
    fun `2, a person says no, and nothing is linked`() = story {
        val alice = registered("alice")
        val tablet = device("tablet")
        val linking = tablet.startLinking()
        val refused = async { runCatching { alice.linkDevice(linking.code) { true } }.exceptionOrNull() }
        assertThrows<LinkDeclinedException> { runBlocking { linking.finish { false } } }
        assertTrue(refused.await() is LinkDeclinedException)
        assertEquals(null, tablet.account())
    }

    @Test
    fun `3, text in eight languages goes both ways, with states up to read`() = story {
        val (alice, bob) = pair()
        val thread = alice.directThread("bob")
        for (line in LINES) alice.sendText(thread, line)
        val received = bob.holds(LINES.size, thread)
        assertEquals(LINES, words(received))
        assertTrue(received.all { it.sender == "alice" && it.state == MessageState.Received })
        val last = alice.messages(thread, limit = 1).single()
        alice.state(last, MessageState.Delivered)
        assertEquals(LINES.size.toLong(), bob.countUnread())
        bob.markRead(thread)
        alice.state(last, MessageState.Read)
        assertEquals(0, bob.countUnread())
        bob.sendText(thread, "Danke, gelesen: ✅")
        assertEquals("Danke, gelesen: ✅", words(alice.holds(LINES.size + 1, thread)).last())
        assertEquals(thread, alice.inbox().threads.single().id)
        assertEquals(listOf("bob"), alice.receipts(last.localId).map { it.user })
    }

    @Test
    fun `4, a picture of 300 KB arrives byte by byte, and tells its progress`() = story {
        val (alice, bob) = pair()
        val picture = ByteArray(300_000) { (it * 31 + it / 251).toByte() }
        val thread = alice.directThread("bob")
        val progress = MutableStateFlow<Progress?>(null)
        val options = AttachmentOptions("image/png", "Strand ☀.png", "Am Strand")
        alice.sendAttachment(thread, AttachmentSource.Bytes(picture), options, progress)
        val sent = progress.value!!
        assertTrue(sent.done == sent.total && sent.total >= picture.size)
        val message = bob.holds(1, thread).single()
        val content = message.content as MessageContent.Attachment
        assertEquals(Triple("image/png", "Strand ☀.png", "Am Strand"), Triple(content.file.mime, content.file.name, content.caption))
        assertEquals(picture.size.toLong(), content.file.size)
        progress.value = null
        assertArrayEquals(picture, bob.downloadAttachment(message.localId, progress))
        assertEquals(progress.value!!.total, progress.value!!.done)
        val copy = folder.resolve("copy.png")
        bob.downloadAttachmentToFile(message.localId, copy.toString())
        assertArrayEquals(picture, Files.readAllBytes(copy))
        assertThrows<NoAttachmentException> {
            runBlocking { alice.downloadAttachment(alice.sendText(thread, "none").localId) }
        }
    }

    @Test
    fun `5, a device that was offline catches up in order`() = story {
        val (alice, bob) = pair()
        val thread = alice.directThread("bob")
        bob.waitUntilCaughtUp()
        bob.goOffline()
        assertEquals(ConnectionState.Offline(null), bob.connection())
        val lines = (1..30).map { "offline $it" }
        for (line in lines) alice.sendText(thread, line)
        alice.waitUntilSent(alice.messages(thread, limit = 1).single().localId)
        assertEquals(0, bob.countMessages())
        bob.goOnline()
        bob.waitUntilCaughtUp()
        assertEquals(lines, words(bob.holds(30, thread)))
    }

    @Test
    fun `6, what was said is found by word, prefix, CJK and without accents`() = story {
        val (alice, _) = pair()
        val thread = alice.directThread("bob")
        for (line in LINES) alice.sendText(thread, line)
        for ((query, line) in listOf("köln" to 0, "koln" to 0, "Straß" to 0, "gare" to 1, "東京" to 2, "好" to 3, "서울" to 4)) {
            assertEquals(listOf(LINES[line]), words(alice.search(query)), query)
        }
        assertEquals(emptyList<Message>(), alice.search("nirgends"))
    }

    @Test
    fun `7, each error has its type and its values`() = story {
        val (alice, _) = pair()
        val thread = alice.directThread("bob")
        val most = alice.maxTextBytes()
        val tooLong = assertThrows<TextTooLongException> {
            runBlocking { alice.sendText(thread, "x".repeat(most.toInt() + 1)) }
        }
        assertEquals(most + 1 to most, tooLong.bytes to tooLong.maxBytes)
        assertEquals("text_too_long" to false, tooLong.code to tooLong.retryable)
        assertThrows<EmptyTextException> { runBlocking { alice.sendText(thread, "") } }
        assertThrows<InvalidIdException> { runBlocking { alice.directThread("not a name") } }

        alice.close()
        assertThrows<ClosedException> { runBlocking { alice.directThread("bob") } }
        val otherKey = memoryKeyStore().apply {
            put("store-salt", ByteArray(16) { 2 })
            put("store-key", ByteArray(32) { 1 })
        }
        val wrong = assertThrows<StoreException> { runBlocking { device("alice", otherKey) } }
        assertEquals("store_wrong_key", wrong.code)
        assertThrows<KeyMissingException> { runBlocking { device("alice", memoryKeyStore()) } }

        relay.close()
        val carol = device("carol")
        val down = assertThrows<NetworkException> { runBlocking { carol.register("carol") } }
        assertTrue(down.code == "network" && down.retryable, down.toString())
    }

    @Test
    fun `7, what the app hands in may fail, and no more`() = story {
        val failing = object : KeyStore {
            override fun get(name: String): ByteArray? = throw IllegalArgumentException("the app's own fault")
            override fun put(name: String, secret: ByteArray) = throw IllegalArgumentException("the app's own fault")
        }
        val error = assertThrows<KeyStoreException> { runBlocking { device("alice", failing) } }
        assertTrue(error.reason.orEmpty().contains("the app's own fault"), error.reason)
    }

    @Test
    fun `8, a message whose call was cancelled arrives once`() = story {
        val (alice, bob) = pair()
        val thread = alice.directThread("bob")
        alice.goOffline()
        val waiting = launch(start = CoroutineStart.UNDISPATCHED) {
            val message = alice.sendText(thread, "cancelled")
            alice.waitUntilSent(message.localId)
        }
        while (alice.countMessages(thread) < 1) delay(10)
        waiting.cancelAndJoin()
        alice.goOnline()
        assertEquals(listOf("cancelled"), words(bob.holds(1, thread)))
        alice.sendText(thread, "after it")
        assertEquals(listOf("cancelled", "after it"), words(bob.holds(2, thread)))
    }

    @Test
    fun `9, a client that closes ends its events, and nothing hangs`() = story {
        val alice = registered("alice")
        val live = Sealwire.liveClients
        val events = alice.events()
        val reading = async { events.toList() }
        alice.waitUntilCaughtUp()
        alice.goOffline()
        val message = alice.sendText(alice.directThread("bob"), "x")
        val waiting = async(start = CoroutineStart.UNDISPATCHED) { runCatching { alice.waitUntilSent(message.localId) } }
        alice.close()
        assertTrue(reading.await().isNotEmpty())
        waiting.await()
        assertThrows<ClosedException> { alice.events() }
        assertEquals(live - 1, Sealwire.liveClients)
    }

    @Test
    fun `10, opened again, the history is the same`() = story {
        val (alice, bob) = pair()
        val thread = alice.directThread("bob")
        for (line in LINES) alice.sendText(thread, line)
        bob.holds(LINES.size, thread)
        alice.state(alice.messages(thread, limit = 1).single(), MessageState.Delivered)
        val before = listOf(alice, bob).map { it.messages(thread) }
        alice.close()
        bob.close()
        val again = listOf(device("alice"), device("bob"))
        assertEquals(before, again.map { it.messages(thread) })
        assertEquals("alice", again[0].account()?.user)
    }

    @Test
    fun `11, of a thousand messages none is lost to a slow reader`() = story {
        val (alice, bob) = pair()
        val thread = alice.directThread("bob")
        val events = bob.events()
        val known = sortedMapOf<Long, Message>()
        val told = mutableSetOf<Long>()
        val reading = launch {
            events.takeWhile {
                when (it) {
                    is Event.MessageReceived -> {
                        assertTrue(told.add(it.message.localId), "told twice: ${it.message}")
                        known[it.message.localId] = it.message
                        delay(2)
                    }
                    is Event.Lagged -> {
                        assertTrue(it.missed > 0)
                        known += bob.messages(thread, limit = 1010).associateBy { message -> message.localId }
                    }
                    else -> {}
                }
                known.size < 1000
            }.collect()
        }
        val lines = (1..1000).map { "burst $it" }
        for (line in lines) alice.sendText(thread, line)
        assertEquals(lines, words(bob.holds(1000, thread)))
        reading.join()
        assertEquals(lines, words(known.values.toList()))
    }

    private companion object {
        val LINES = listOf(
            "Ein Gruß aus Köln, Straße am Dom 👋",
            "Rendez-vous à la gare, dès l'été",
            "東京で会いましょう",
            "你好，明天见",
            "서울에서 만나요",
            "مرحبا، أراك غدا",
            "נתראה מחר בבוקר",
            "कल सुबह मिलते हैं",
        )
    }
}
