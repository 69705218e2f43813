package io.github.sealwire.sample

import io.github.sealwire.Client
import io.github.sealwire.SealwireException
import io.github.sealwire.core.Event
import io.github.sealwire.core.MessageContent
import io.github.sealwire.core.StoreLocation
import io.github.sealwire.fileKeyStore
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext

/** A chat with one person, on the console: `Console RELAY ME YOU`. What you type is sent, what comes is printed. */
fun main(arguments: Array<String>): Unit = runBlocking {
    val (relay, me, you) = arguments
    // Offline until somebody listens: nothing that waited is missed.
    Client.open(relay, StoreLocation.File("$me.db"), fileKeyStore("$me.keys"), startOffline = true).use { client ->
        val events = client.events()
        if (client.account() == null) client.register(me)
        client.goOnline()
        val thread = client.directThread(you)
        val printing = launch {
            events.collect { event ->
                val content = (event as? Event.MessageReceived)?.message?.content
                if (content is MessageContent.Text) println("$you: ${content.text}")
            }
        }
        while (true) {
            val line = withContext(Dispatchers.IO) { readlnOrNull() } ?: break
            try {
                client.sendText(thread, line)
            } catch (error: SealwireException) {
                println("(${error.code}: ${error.text})")
            }
        }
        printing.cancel()
    }
}
