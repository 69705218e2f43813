/** The JVM's device in tests/together: requests come as lines of JSON, each is answered by one. */
package io.github.sealwire.together

import io.github.sealwire.Client
import io.github.sealwire.Linking
import io.github.sealwire.core.AttachmentOptions
import io.github.sealwire.core.AttachmentSource
import io.github.sealwire.core.Event
import io.github.sealwire.core.Message
import io.github.sealwire.core.MessageContent
import io.github.sealwire.core.MessageState
import io.github.sealwire.core.StoreLocation
import io.github.sealwire.fileKeyStore
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onStart
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import kotlinx.serialization.json.put
import java.io.FileDescriptor
import java.io.FileOutputStream
import java.io.PrintStream
import java.security.MessageDigest
import java.util.HexFormat

fun main(): Unit = runBlocking(Dispatchers.Default) {
    val requests = System.`in`.bufferedReader(Charsets.UTF_8)
    val answers = PrintStream(FileOutputStream(FileDescriptor.out), true, Charsets.UTF_8)
    val peer = Peer()
    for (line in requests.lineSequence()) {
        val answer = try {
            "ok" to peer.answer(Json.parseToJsonElement(line).jsonObject)
        } catch (error: Exception) {
            "error" to JsonPrimitive(error.toString())
        }
        answers.println(JsonObject(mapOf(answer)))
    }
    peer.close()
}

/** A device, once it is opened. */
private class Peer {
    private var opened: Client? = null
    private var linking: Linking? = null

    suspend fun answer(request: JsonObject): JsonElement {
        fun text(name: String): String = request.getValue(name).jsonPrimitive.content
        if (text("do") == "open") {
            val folder = text("folder")
            opened = Client.open(text("relay"), StoreLocation.File("$folder/store.db"), fileKeyStore("$folder/keys"))
            return JsonNull
        }
        val client = checkNotNull(opened) { "not opened" }
        when (val what = text("do")) {
            "register" -> return JsonPrimitive(client.register(text("user")))
            "startLinking" -> return JsonPrimitive(client.startLinking().also { linking = it }.code)
            "finishLinking" -> {
                val account = checkNotNull(linking).finish { true }
                client.waitUntilCaughtUp()
                return JsonPrimitive(account.device)
            }
            "linkDevice" -> return JsonPrimitive(client.linkDevice(text("code")) { true })
            "directThread" -> return JsonPrimitive(client.directThread(text("user")))
            "sendText" -> client.sendText(text("thread"), text("text"))
            "sendPicture" -> client.sendAttachment(
                text("thread"),
                AttachmentSource.File(text("path")),
                AttachmentOptions(mime = "image/png", caption = text("caption")),
            )
            "goOffline" -> client.goOffline()
            "goOnline" -> {
                client.goOnline()
                client.waitUntilCaughtUp()
            }
            "waitForMessages" -> client.wait(request, "messages") { client.page(text("thread")).size }
            "waitUntilRead" -> client.wait(request, "read messages") {
                client.page(text("thread")).count { it.state == MessageState.Read }
            }
            "markRead" -> client.markRead(text("thread"))
            "countMessages" -> return JsonPrimitive(client.countMessages(text("thread")))
            "countUnread" -> return JsonPrimitive(client.countUnread())
            "history" -> return client.history(text("thread"))
            "close" -> close()
            else -> error("does not know how to $what")
        }
        return JsonNull
    }

    fun close() {
        opened?.close()
        opened = null
    }
}

/** Newest first; more than the story has. */
private suspend fun Client.page(thread: String): List<Message> = messages(thread, limit = 200)

/** Looks again with each event. */
private suspend fun Client.wait(request: JsonObject, what: String, there: suspend () -> Int) {
    val count = request.getValue("count").jsonPrimitive.int
    val within = request.getValue("withinMs").jsonPrimitive.long
    // From before the first look, which the start stands for.
    val events = events().onStart { emit(Event.CaughtUp) }
    withTimeoutOrNull(within) { events.first { there() >= count } }
        ?: error("waited $within ms for $count $what: there are ${there()}")
}

private suspend fun Client.history(thread: String): JsonObject {
    val messages = page(thread).reversed()
    val states = messages.map { JsonPrimitive(it.state.javaClass.simpleName.lowercase()) }
    return JsonObject(mapOf("rows" to JsonArray(messages.map { row(it) }), "states" to JsonArray(states)))
}

private suspend fun Client.row(message: Message): JsonObject {
    val (text, picture) = when (val content = message.content) {
        is MessageContent.Text -> content.text to null
        is MessageContent.Attachment -> content.caption to digest(downloadAttachment(message.localId))
        else -> "<$content>" to null
    }
    return buildJsonObject {
        put("id", message.id.orEmpty())
        put("sender", message.sender)
        put("device", message.senderDevice)
        put("text", text)
        put("picture", picture)
    }
}

/** SHA-256 in hex. */
private fun digest(bytes: ByteArray): String =
    HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes))
