/* The two functions of C's library that SQL's CURRENT_TIME would ask in a build without SQLite's date functions. The store takes
 * every time from its caller, and a browser has no C library: here they know nothing, and SQLite answers NULL. */

struct tm;

struct tm *gmtime(const long long *seconds) {
    (void)seconds;
    return 0;
}

unsigned long strftime(char *text, unsigned long room, const char *format, const struct tm *time) {
    (void)text;
    (void)room;
    (void)format;
    (void)time;
    return 0;
}
