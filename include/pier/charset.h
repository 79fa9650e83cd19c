/* Text as others have it: GB2312, GBK, GB18030, Big5, Shift_JIS, UTF-16 … Here, text is UTF-8. Nothing here waits.
 * Which charsets there are is libc's to say: iconv(1) -l lists glibc's; a static binary of it has almost none. */
#ifndef PIER_CHARSET_H
#define PIER_CHARSET_H

#include <pier/api.h>
#include <pier/bytes.h>

PIER_BEGIN

/* A charset, both ways; used by one thread at a time. */
typedef struct pier_charset pier_charset;

/* By its name; NULL when libc has none of that name, or memory is out. The caller's, for pier_charset_close, which accepts
 * NULL. Python: codecs.lookup. iconv_open(3). */
PIER_API pier_charset *pier_charset_open(const char *name);
PIER_API void pier_charset_close(pier_charset *cs);

/* UTF-8 to the charset, and back. What is no UTF-8, or cannot be said on the other side, is left out (musl writes '*'), and so
 * are the characters from the first that does not fit `room`. Each text begins and ends in the charset's first
 * state (ISO 2022). Returns the bytes written, without a NUL. Python: text.encode(name, "ignore"), bytes.decode(name, "ignore"). */
PIER_API size_t pier_encode(pier_charset *cs, pier_bytes text, char *into, size_t room);
PIER_API size_t pier_decode(pier_charset *cs, pier_bytes bytes, char *into, size_t room);

PIER_END

#endif
