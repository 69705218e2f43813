package io.github.sealwire

import io.github.sealwire.core.errorTable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Test

class ErrorsTest {
    @Test
    fun `every code of the table has a class of its own, in its group`() {
        val errors = errorTable().map { exceptionOf(it) }
        assertFalse(errors.any { it is UnknownCodeException })
        assertEquals(errors.size, errors.map { it::class }.toSet().size)
        for (error in errors) {
            val group = error.javaClass.superclass.simpleName.removeSuffix("Exception")
            assertEquals(error.group.name, group.uppercase(), error.code)
        }
    }

    @Test
    fun `every class is that of a code of the table`() {
        fun leaves(kind: Class<*>): List<Class<*>> =
            kind.permittedSubclasses?.flatMap { leaves(it) } ?: listOf(kind)
        val classes = leaves(SealwireException::class.java).toSet() - UnknownCodeException::class.java
        assertEquals(errorTable().map { exceptionOf(it).javaClass }.toSet<Class<*>>(), classes)
    }

    @Test
    fun `a code of a later version keeps its values`() {
        val later = exceptionOf(errorTable().first().copy(code = "of_later", retryAfterMs = 1500))
        assertEquals("of_later" to 1500L, later.code to later.retryAfterMs)
    }

    @Test
    fun `the library says its version`() {
        assertEquals("0.1.0", Sealwire.version)
    }
}
