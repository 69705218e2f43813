package io.github.sealwire

import io.github.sealwire.core.AddDevice
import io.github.sealwire.core.AttachmentFacts
import io.github.sealwire.core.AttachmentOptions
import io.github.sealwire.core.AttachmentSource
import io.github.sealwire.core.Event
import io.github.sealwire.core.InboxPage
import io.github.sealwire.core.InboxThread
import io.github.sealwire.core.MediaFacts
import io.github.sealwire.core.Message
import io.github.sealwire.core.MessageContent
import io.github.sealwire.core.MessageState
import io.github.sealwire.core.Notifications
import io.github.sealwire.core.SendOptions
import io.github.sealwire.core.ThreadPreferences
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What people wrote, and what opens it, does not come into a log by accident. */
class PrintingTest {
    private val key = ByteArray(16) { 77 }
    private val media = MediaFacts(width = 640, blurhash = "private-preview", waveform = ByteArray(64) { 77 })
    private val text = MessageContent.Text("private words")
    private val file = MessageContent.Attachment(
        AttachmentFacts("a-1", 9, "image/png", "private-name.png", media),
        "private caption",
    )

    private fun message(content: MessageContent) =
        Message(7, "id-1", "thread-1", "alice", 1, 3, content, MessageState.Received, 5, null)

    private fun hides(value: Any, shows: String) {
        val printed = "$value ${listOf(value)}"
        assertTrue(shows in printed, printed)
        for (secret in listOf("private", "77, 77", "4d4d")) assertFalse(secret in printed, printed)
    }

    @Test
    fun `a message that is printed does not show what it says`() {
        for (content in listOf(text, file)) {
            hides(message(content), "alice")
            hides(Event.MessageReceived(message(content)), "alice")
        }
        hides(text, "Text")
        hides(file, "image/png")
        hides(media, "640")
        val preferences = ThreadPreferences(null, Notifications.ALL)
        val inbox = InboxThread("thread-1", "bob", message(text), message(file), 1, null, preferences, 5)
        hides(InboxPage(listOf(inbox), null), "thread-1")
    }

    @Test
    fun `neither do names, captions and keys of what is sent`() {
        hides(SendOptions(ttlSeconds = 60, key = key), "60")
        hides(AttachmentOptions("image/png", "private-name", "private caption", 60, key, media), "image/png")
        hides(AttachmentSource.Bytes(key), "Bytes")
        hides(AddDevice(2, key), "2")
    }
}
