/*
 * SQLCipher, and libcrypto below it, take down what they hold in handlers that run at the process's exit. What lets the stores stand
 * still before that is a handler too, and handlers run in the reverse of their order: theirs have to be there first, and ours with
 * them. A start of SQLCipher takes milliseconds, in which the process could end with its handler there and ours not yet. So both
 * begin as the program or library is loaded, when nobody else runs.
 */

/* As <openssl/crypto.h> and <sqlite3.h> have them; written here so that no header of another version is found. */
#define OPENSSL_INIT_NO_ATEXIT 0x00080000UL
int OPENSSL_init_crypto(unsigned long long opts, const void *settings);
int sqlite3_initialize(void);

/* Of the crate sealwire-exit. */
void sealwire_watch_exit(void);

__attribute__((constructor)) static void start_before_anybody(void)
{
    /* SQLCipher uses some of libcrypto with its first key only: too late for a handler. What it holds goes with the process. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, 0);
    (void)sqlite3_initialize();
    sealwire_watch_exit();
}
