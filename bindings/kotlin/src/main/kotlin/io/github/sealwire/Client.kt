package io.github.sealwire

import io.github.sealwire.core.Account
import io.github.sealwire.core.AccountSettings
import io.github.sealwire.core.AddDevice
import io.github.sealwire.core.AttachmentOptions
import io.github.sealwire.core.AttachmentSource
import io.github.sealwire.core.ClientHandle
import io.github.sealwire.core.ConnectionState
import io.github.sealwire.core.Event
import io.github.sealwire.core.InboxPage
import io.github.sealwire.core.InboxThread
import io.github.sealwire.core.KeyStore
import io.github.sealwire.core.Message
import io.github.sealwire.core.NetworkRole
import io.github.sealwire.core.OpenOptions
import io.github.sealwire.core.OwnDevice
import io.github.sealwire.core.Progress
import io.github.sealwire.core.ProgressListener
import io.github.sealwire.core.Receipt
import io.github.sealwire.core.SendOptions
import io.github.sealwire.core.SessionPolicy
import io.github.sealwire.core.StoreLocation
import io.github.sealwire.core.Thread
import io.github.sealwire.core.ThreadPreferences
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import java.util.concurrent.atomic.AtomicBoolean

/**
 * One device of one user: registers or links itself, sends, receives, and finds what was said.
 *
 * Every function may be called from any thread. They throw [SealwireException]; **a cancelled call stops waiting, the work goes
 * on** (what only reads or waits, and a download, ends with its call). The client ends with [close], which `use {}` calls.
 */
public class Client private constructor(private val handle: ClientHandle) : AutoCloseable {
    public companion object {
        /**
         * Opens the store and starts the client. It connects by itself if the device belongs to an account.
         *
         * A store is made only where there never was one.
         *
         * @param relay `https://relay.example`: scheme, host and port alone
         * @param store a file, whose folder must exist, or memory
         * @param keyStore keeps the store's key; needed with a file
         * @param startOffline connects to nothing until [goOnline]
         * @param dangerAllowHttp allows `http://` to other hosts than this one: tokens, and who writes to whom, can then be
         *   read and used by anybody on the way
         * @param giveUpAfterMs for how long a message that cannot leave is tried before it fails; a day if it is not given
         * @param sessionPolicy what new sessions must have: a post-quantum part, unless it is said that devices without may be
         *   written to as well
         * @throws SealwireException with the codes `configuration`, `key_store`, `key_missing`, `store_missing`,
         *   `store_in_use`, and those of a store that does not open
         */
        public suspend fun open(
            relay: String,
            store: StoreLocation,
            keyStore: KeyStore? = null,
            startOffline: Boolean = false,
            dangerAllowHttp: Boolean = false,
            giveUpAfterMs: Long? = null,
            sessionPolicy: SessionPolicy = SessionPolicy.REQUIRE_PQXDH,
        ): Client = call {
            val options = OpenOptions(relay, store, startOffline, dangerAllowHttp, giveUpAfterMs, sessionPolicy)
            Client(ClientHandle.open(options, keyStore?.let(::careful)))
        }
    }

    /** Makes the account of this user, with this device as its first. Only a relay in dev mode takes anybody's word. */
    public suspend fun register(user: String): Long = call { handle.register(user) }

    /** Makes the account of this user, whom the platform's token names. */
    public suspend fun registerWithPlatformToken(user: String, token: String): Long =
        call { handle.registerWithPlatformToken(user, token) }

    /** Whose device this is, once it is registered or linked. */
    public fun account(): Account? = now { handle.account() }

    /**
     * Everything that happens from now on, until the client closes; to be collected once. Whoever collects it again, or beside
     * another, gets an [IllegalStateException]: the two would share the events. Ask for a flow each.
     *
     * 1,024 events wait for a slow collector; in the place of those that did not fit stands one [Event.Lagged] with their
     * number, and the client can be asked for what they said. It keeps no client open.
     */
    public fun events(): Flow<Event> {
        val reader = now { handle.events() }
        val collected = AtomicBoolean()
        return flow {
            check(collected.compareAndSet(false, true)) { "these events are collected already: call events() once more" }
            reader.use {
                try {
                    while (true) {
                        val events = call { it.next() }
                        if (events.isEmpty()) break
                        for (event in events) emit(event)
                    }
                } finally {
                    it.end()
                }
            }
        }
    }

    /** Where the connection stands now; [Event.Connection] tells of changes. */
    public fun connection(): ConnectionState = now { handle.connection() }

    /** Whether this process speaks for the device, or waits for another one to end. */
    public fun networkRole(): NetworkRole = now { handle.networkRole() }

    /** The longest text of one message, in bytes of UTF-8. */
    public fun maxTextBytes(): Long = now { handle.maxTextBytes() }

    /** Connects, and stays connected from now on. */
    public suspend fun goOnline(): Unit = call { handle.goOnline() }

    /** Disconnects, and stays offline from now on. Messages can be sent all the same: they wait. */
    public suspend fun goOffline(): Unit = call { handle.goOffline() }

    /** The system has another network than before: whatever waits for its next try is tried now. */
    public suspend fun networkChanged(): Unit = call { handle.networkChanged() }

    /** Lets go of everything that a phone's system may not find in use; other calls give `suspended` until [resume]. */
    public suspend fun suspend(): Unit = call { handle.suspend() }

    /** Opens everything again and catches up, as the app last wanted it. */
    public suspend fun resume(): Unit = call { handle.resume() }

    /** Waits until everything that was queued for this device is here: for ever, while it is offline or has no account. */
    public suspend fun waitUntilCaughtUp(): Unit = call { handle.waitUntilCaughtUp() }

    /** Begins to make this device one of an existing account; show [Linking.code] there, then [Linking.finish]. */
    public suspend fun startLinking(): Linking = call { Linking(handle.startLinking()) }

    /** Lets the device that shows this code into the account, if [confirm] says yes; gives its number. */
    public suspend fun linkDevice(code: String, confirm: suspend (AddDevice) -> Boolean): Long = asking { scope ->
        call { handle.linkDevice(code, addDeviceListener(scope, confirm)) }
    }

    /** Gives up the linking that is under way, on either side. */
    public suspend fun cancelLinking(): Unit = call { handle.cancelLinking() }

    /** The registered devices of this account, as the relay knows them. */
    public suspend fun ownDevices(): List<OwnDevice> = call { handle.ownDevices() }

    /**
     * The protocol version of the session that messages for a device go in: 4 is PQXDH, 3 X3DH; none where there is no session
     * yet. Of this account's other devices too.
     */
    public suspend fun sessionProtocol(user: String, device: Long): Long? = call { handle.sessionProtocol(user, device) }

    /** Lets one of the account's devices do nothing any more at the relay, at once and for ever. */
    public suspend fun disableDevice(device: Long): Unit = call { handle.disableDevice(device) }

    /** Takes a device out of the account's signed list, and disables it. */
    public suspend fun removeDevice(device: Long): Unit = call { handle.removeDevice(device) }

    /**
     * Believes the changed account key of a user, by the `listHash` of the event that the person was asked about, over another way.
     * [ListNotOfferedException] if another list is offered by now; the event comes again.
     */
    public suspend fun acceptAccountKey(user: String, listHash: String): Unit = call { handle.acceptAccountKey(user, listHash) }

    /** The settings of the account, as the relay last told this device. */
    public suspend fun settings(): AccountSettings = call { handle.settings() }

    /** Sets them all; gives what holds now. */
    public suspend fun setSettings(settings: AccountSettings): AccountSettings = call { handle.setSettings(settings) }

    /** Takes no more 1:1 messages from a user; they are told no reason. Nobody blocks themselves: `own_user`. */
    public suspend fun block(user: String): Unit = call { handle.block(user) }

    /** Takes messages from a user again. */
    public suspend fun unblock(user: String): Unit = call { handle.unblock(user) }

    /** Whom this account blocks. */
    public suspend fun blockedUsers(): List<String> = call { handle.blockedUsers() }

    /** Whether and of what a thread notifies, on all devices of the account; gives what holds now. */
    public suspend fun setThreadPreferences(thread: String, preferences: ThreadPreferences): ThreadPreferences =
        call { handle.setThreadPreferences(thread, preferences) }

    /** Tells of typing and presence in these threads, and in no others any more. */
    public suspend fun watchThreads(threads: List<String>): Unit = call { handle.watchThreads(threads) }

    /** Says that this user types; call it with every keystroke. */
    public suspend fun setTyping(thread: String, typing: Boolean): Unit = call { handle.setTyping(thread, typing) }

    /** Says whether the app is in use on this device, as the account's settings let others know. */
    public suspend fun setPresence(online: Boolean): Unit = call { handle.setPresence(online) }

    /** The thread of this user with another one, or with themselves. It needs no network. */
    public suspend fun directThread(user: String): String = call { handle.directThread(user) }

    /**
     * Sends words: durable here when this returns, on their way from then on, also across restarts.
     *
     * @throws SealwireException with the codes `empty_text`, `text_too_long`, `unknown_thread`, `not_registered`, `ttl_invalid`,
     *   `invalid_id` (a key that has not 16 bytes), `send_key_reused` (one that named another message)
     */
    public suspend fun sendText(thread: String, text: String, options: SendOptions = SendOptions()): Message =
        call { handle.sendText(thread, text, options) }

    /**
     * Encrypts and uploads a file, then sends a message that points to it: durable here when this returns.
     *
     * @param progress is set to how far the upload is
     * @throws SealwireException with the codes `attachment_too_large`, `attachment_source`, `attachment_transfer`, `network`,
     *   and those of [sendText]
     */
    public suspend fun sendAttachment(
        thread: String,
        source: AttachmentSource,
        options: AttachmentOptions = AttachmentOptions(),
        progress: MutableStateFlow<Progress?>? = null,
    ): Message = call { handle.sendAttachment(thread, source, options, listener(progress)) }

    /** The bytes of a message's attachment: all of them, as they were sent. A cancelled call ends the download. */
    public suspend fun downloadAttachment(localId: Long, progress: MutableStateFlow<Progress?>? = null): ByteArray =
        call { handle.downloadAttachment(localId, listener(progress)) }

    /** Writes a message's attachment to a file, in constant memory: whole, or not at all. */
    public suspend fun downloadAttachmentToFile(
        localId: Long,
        path: String,
        progress: MutableStateFlow<Progress?>? = null,
    ): Unit = call { handle.downloadAttachmentToFile(localId, path, listener(progress)) }

    /** Tries a message that failed once more. */
    public suspend fun retry(localId: Long): Message = call { handle.retry(localId) }

    /** Does not send a message after all; of what may have reached the relay it is asked. */
    public suspend fun cancel(localId: Long): Message = call { handle.cancel(localId) }

    /** Waits until the relay has a message of this device, and gives it as it stands then. */
    public suspend fun waitUntilSent(localId: Long): Message = call { handle.waitUntilSent(localId) }

    /** Everything in a thread up to this message is read, or up to its newest. */
    public suspend fun markRead(thread: String, upTo: String? = null): Unit = call { handle.markRead(thread, upTo) }

    /** Takes in everything that waits at the relay, without a socket: for a background fetch. How many events that were. */
    public suspend fun fetchQueue(): Long = call { handle.fetchQueue() }

    /** Goes through a thread's history at the relay from where this device left off; how many messages were new. */
    public suspend fun syncThread(thread: String): Long = call { handle.syncThread(thread) }

    /** A page of a thread, newest first: the newest, or those before the message with this local id. */
    public suspend fun messages(thread: String, before: Long? = null, limit: Long = 50): List<Message> =
        call { handle.messages(thread, before, limit) }

    /** One message by its local id. */
    public suspend fun message(localId: Long): Message? = call { handle.message(localId) }

    /** The threads, the one with the newest message first: from the top, or those after the thread with this id. */
    public suspend fun threads(after: String? = null, limit: Long = 50): List<Thread> =
        call { handle.threads(after, limit) }

    /** The messages that hold every word of [text], newest first; in one thread or in all. */
    public suspend fun search(
        text: String,
        thread: String? = null,
        before: Long? = null,
        limit: Long = 50,
    ): List<Message> = call { handle.search(text, thread, before, limit) }

    /** How many messages this device holds, in one thread or in all. */
    public suspend fun countMessages(thread: String? = null): Long = call { handle.countMessages(thread) }

    /** A page of the inbox: the threads with the newest messages, or those that come after a page's [InboxPage.next]. */
    public suspend fun inbox(limit: Long = 50, after: String? = null): InboxPage = call { handle.inbox(limit, after) }

    /** One thread as the inbox shows it. */
    public suspend fun inboxThread(thread: String): InboxThread? = call { handle.inboxThread(thread) }

    /** Messages of others that no device of this account has read, in all threads. */
    public suspend fun countUnread(): Long = call { handle.countUnread() }

    /** How far a message of this account is with each recipient. */
    public suspend fun receipts(localId: Long): List<Receipt> = call { handle.receipts(localId) }

    /**
     * Ends the client: socket, store and locks are given back when this returns, flows of events end, later calls give `closed`.
     * It blocks its thread for that long, also where the thread is interrupted: the interruption stands again afterwards. May be
     * called more than once.
     */
    override fun close() {
        var interrupted = java.lang.Thread.interrupted()
        try {
            runBlocking { withContext(NonCancellable) { now { handle.end() } } }
        } catch (_: InterruptedException) {
            // Told only after the end, which nothing cancels.
            interrupted = true
        } finally {
            if (interrupted) java.lang.Thread.currentThread().interrupt()
        }
    }

    private fun listener(progress: MutableStateFlow<Progress?>?): ProgressListener? = progress?.let {
        object : ProgressListener {
            override fun onProgress(progress: Progress) {
                it.value = progress
            }
        }
    }
}
