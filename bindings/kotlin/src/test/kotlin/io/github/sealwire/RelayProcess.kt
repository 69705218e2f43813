package io.github.sealwire

import java.nio.file.Path
import java.util.concurrent.TimeUnit

/** The real relay, as a process of its own. */
class RelayProcess(data: Path, listen: String = "127.0.0.1:0") : AutoCloseable {
    private val process: Process
    val url: String

    init {
        val program = System.getProperty("sealwire.relay").orEmpty()
        check(program.isNotEmpty()) { "say where the relay's program lies: -Dsealwire.relay=…" }
        process = ProcessBuilder(program, "--data", data.toString(), "--listen", listen, "--limits", "off")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start()
        val ready = "listening on "
        val output = process.inputStream.bufferedReader()
        url = generateSequence { output.readLine() }.first { it.startsWith(ready) }.removePrefix(ready).trim()
    }

    /** Ends this process, and no other. */
    override fun close() {
        process.destroy()
        if (!process.waitFor(10, TimeUnit.SECONDS)) process.destroyForcibly().waitFor()
    }
}
