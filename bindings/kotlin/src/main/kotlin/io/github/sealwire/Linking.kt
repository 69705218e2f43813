package io.github.sealwire

import io.github.sealwire.core.Account
import io.github.sealwire.core.AddDevice
import io.github.sealwire.core.AddDeviceListener
import io.github.sealwire.core.Answer
import io.github.sealwire.core.JoinAccount
import io.github.sealwire.core.JoinAccountListener
import io.github.sealwire.core.LinkingHandle
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.cancelChildren
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch

/** A linking that this new device began. It keeps no client open. */
public class Linking internal constructor(private val handle: LinkingHandle) {
    /** `sealwire://link?…`, to be shown to the existing device as a QR code or text. Good for ten minutes. */
    public val code: String = handle.code()

    /**
     * Waits until the existing device has let this one in, and [confirm] has said yes to its account. Once.
     *
     * @throws SealwireException with the codes `link_expired`, `link_declined`, `link_tampered`, `link_state`
     */
    public suspend fun finish(confirm: suspend (JoinAccount) -> Boolean): Account = asking { scope ->
        val listener = object : JoinAccountListener {
            override fun ask(question: JoinAccount, answer: Answer) = scope.answer(answer) { confirm(question) }
        }
        call { handle.finish(listener) }
    }
}

internal fun addDeviceListener(
    scope: CoroutineScope,
    confirm: suspend (AddDevice) -> Boolean,
): AddDeviceListener = object : AddDeviceListener {
    override fun ask(question: AddDevice, answer: Answer) = scope.answer(answer) { confirm(question) }
}

/** A question is asked in the caller's own scope, and given up when the call is over. */
internal suspend fun <T> asking(work: suspend (CoroutineScope) -> T): T = coroutineScope {
    try {
        work(this)
    } finally {
        coroutineContext.cancelChildren()
    }
}

private fun CoroutineScope.answer(answer: Answer, confirm: suspend () -> Boolean) {
    val asking = launch { answer.give(confirm()) }
    // Closed without an answer, it is a no: also where the call is over, and nobody is asked any more.
    asking.invokeOnCompletion { answer.close() }
}
