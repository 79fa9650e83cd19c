/* Bytes as letters. RFC 4648 §4. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_LETTERS	  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define BASE64_LEN(bytes) (((bytes) + 2) / 3 * 4) /* letters and padding */

/* `out` has room for BASE64_LEN(len) and a NUL. */
static inline void base64_encode(const char *in, size_t len, char *out)
{
	for (size_t i = 0; i < len; i += 3) {
		unsigned bits = 0;
		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < len ? (uint8_t)in[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*out++ = k <= len - i ? BASE64_LETTERS[bits >> (18 - 6 * k) & 63] : '=';
	}
	*out = '\0';
}

#endif
