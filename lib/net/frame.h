/* How a stream is cut into messages. Pure: nothing here waits, allocates or keeps anything.
 *
 *	PIER_LINES    text LF            "hello\r\n", "hello\n" → "hello"
 *	PIER_LEN16    len:16 bytes…      00 05 'h' 'e' 'l' 'l' 'o'
 *	PIER_LEN32    len:32 bytes…      00 00 00 05 'h' 'e' 'l' 'l' 'o'
 *
 * Lengths are big-endian and count the bytes behind them. */
#ifndef PIER_NET_FRAME_H
#define PIER_NET_FRAME_H

#include <pier/bytes.h>
#include <pier/conn.h>

#define PIER_FRAME_EXTRA 4 /* bytes that any frame has beyond its message, at most */

/* Reads the first message of `in`, of which `scanned` bytes were here at the last call, to no avail
 * (0 is always right; it saves lines from being searched twice). Returns the bytes used, with
 * `message` pointing into `in`; 0 when more is needed; or -EMSGSIZE as soon as it is plain that the
 * message has more than `message_max` bytes. PIER_RAW gives all there is. */
ssize_t pier_frame_decode(pier_frame kind, pier_bytes in, size_t scanned, size_t message_max,
			  pier_bytes *message);

/* How many bytes of `in` the first frame takes in all, when that can be told; else 0. */
size_t pier_frame_wants(pier_frame kind, pier_bytes in);

/* What goes around a message of `len` bytes on the wire: `head_len` bytes of `head` before it, and
 * a LF behind when `lf`. Returns 0, or -EMSGSIZE when the frame has no room for such a length. */
int pier_frame_head(pier_frame kind, size_t len, char head[PIER_FRAME_EXTRA], size_t *head_len,
		    bool *lf);

#endif
