/*
 * SQLCipher's ciphers are libcrypto's, which takes down what it holds in a handler that runs at the process's exit. A thread that is
 * opening or writing a store in that moment would use what is freed (SIGSEGV). Nothing that it holds has to be taken down: it goes
 * with the process. So, before anything else of libcrypto is used, it is told to register no handler.
 * Where the program initialised libcrypto before this library was loaded, that came first and nothing changes.
 */

/* As <openssl/crypto.h> has them since 1.1.1, BoringSSL too; written here so that no header of another version is found. */
#define OPENSSL_INIT_NO_ATEXIT 0x00080000UL
int OPENSSL_init_crypto(unsigned long long opts, const void *settings);

__attribute__((constructor)) static void keep_libcrypto_until_the_end(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, 0);
}
