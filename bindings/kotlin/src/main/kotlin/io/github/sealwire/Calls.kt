package io.github.sealwire

import io.github.sealwire.core.CallException
import io.github.sealwire.core.CallbackException
import io.github.sealwire.core.ErrorInfo
import io.github.sealwire.core.InternalException
import io.github.sealwire.core.KeyStore
import io.github.sealwire.core.KeyStoreImpl
import io.github.sealwire.core.errorTable

/** Errors of the library as those of this package. */
internal inline fun <T> now(work: () -> T): T = try {
    work()
} catch (error: CallException.Failed) {
    throw exceptionOf(error.info)
} catch (_: InternalException) {
    // A panic's own words may hold what somebody wrote.
    throw exceptionOf(row("internal", "a call panicked"))
}

/** The same, for calls that wait. A cancelled one stops waiting; the work goes on. */
internal suspend inline fun <T> call(crossinline work: suspend () -> T): T = now { work() }

/** A row of the table, for what the library could not say itself. */
internal fun row(code: String, detail: String): ErrorInfo =
    errorTable().first { it.code == code }.copy(detail = detail)

/**
 * The same key store, but nothing that it throws is taken for success: the generated layer knows of exceptions alone, and an
 * [Error] (a `TODO()`, too little memory) would look like a secret that is kept.
 */
internal fun careful(keyStore: KeyStore): KeyStore = when (keyStore) {
    is KeyStoreImpl -> {
        // What the library would be handed is freed memory then.
        if (keyStore.uniffiIsDestroyed) throw exceptionOf(row("key_store", "it was closed"))
        keyStore
    }

    else -> object : KeyStore {
        override fun get(name: String): ByteArray? = failing { keyStore.get(name) }

        override fun put(name: String, secret: ByteArray): Unit = failing { keyStore.put(name, secret) }
    }
}

private inline fun <T> failing(work: () -> T): T = try {
    work()
} catch (error: CallbackException) {
    throw error
} catch (error: Throwable) {
    throw CallbackException.Failed(error.toString())
}
