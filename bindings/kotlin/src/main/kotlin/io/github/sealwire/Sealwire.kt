package io.github.sealwire

import io.github.sealwire.core.InitOptions
import io.github.sealwire.core.KeyStore
import io.github.sealwire.core.LogLevel
import io.github.sealwire.core.LogLine
import io.github.sealwire.core.Logger

/** The library below every client. */
public object Sealwire {
    /**
     * Loads the library and sets its logging; call it once, before the first client, if the defaults do not fit.
     *
     * The library lies in the jar (or, on Android, in the package) and is found there. [library] names another file.
     * TLS trusts Mozilla's roots, which are built in.
     *
     * @param log takes the SDK's lines, one after the other, from a thread of its own; no line holds a secret.
     * @throws SealwireException with the code `system`
     */
    public fun init(
        library: String? = null,
        level: LogLevel = LogLevel.WARN,
        log: ((LogLine) -> Unit)? = null,
    ) {
        library?.let { System.setProperty("uniffi.component.sealwire.libraryOverride", it) }
        val logger = log?.let {
            object : Logger {
                override fun log(line: LogLine) {
                    // Whatever it throws, the next line is told.
                    runCatching { it(line) }
                }
            }
        }
        now { io.github.sealwire.core.init(InitOptions(level, logger)) }
    }

    /** The version of the library. */
    public val version: String get() = io.github.sealwire.core.version()

    /** How many clients of this process hold their store open. */
    public val liveClients: Long get() = io.github.sealwire.core.liveClients()
}

/** Keeps the secrets in a file that only this user may read: for desktops and servers. */
public fun fileKeyStore(path: String): KeyStore = now { io.github.sealwire.core.fileKeyStore(path) }

/** Forgets the secrets with the process: for tests. */
public fun memoryKeyStore(): KeyStore = now { io.github.sealwire.core.memoryKeyStore() }
