/* Numbers in packets: put together and taken apart by a format, as Python's struct does it. Nothing here waits.
 *
 * A format begins with the byte order: '!' or '>' the network's, the most significant byte first (RFC 791 App. B); '<'
 * the least significant first. Then each letter is a field, and a number before it repeats it; blanks are passed over.
 *
 *	       packs an            unpacks to an
 *	b B    int, unsigned       int8_t, uint8_t
 *	h H    int, unsigned       int16_t, uint16_t
 *	i I    int32_t, uint32_t   the same               l and L are the same
 *	q Q    int64_t, uint64_t   the same
 *	s      const void *        void *                 "6s" is one field of six bytes
 *	x                                                 a zero byte; when unpacked, any
 *
 * and, which struct does not have,
 *
 *	z      const char *        const char *           a text and its NUL; unpacked, where it begins
 *	*      pier_bytes          pier_bytes             all of it; unpacked, all that is left
 *
 * Nothing but the format tells what the arguments are: as with printf, each must be of its type, so write (int64_t)1.
 * There is no alignment between fields, and at most PIER_PACK_MAX of them. */
#ifndef PIER_PACK_H
#define PIER_PACK_H

#include <pier/api.h>
#include <pier/bytes.h>
#include <stdarg.h>

PIER_BEGIN

#define PIER_PACK_MAX 64 /* fields of a format */

/*	ssize_t n = pier_pack(ack, sizeof ack, "!HH", 4, block);
 * Returns the bytes written; or -EMSGSIZE when they do not fit `room`, -ERANGE when a number does not fit its field,
 * -EINVAL for what is no format, and then `into` is untouched. Python: struct.pack_into. */
PIER_API ssize_t pier_pack(void *into, size_t room, const char *format, ...);
PIER_API ssize_t pier_vpack(void *into, size_t room, const char *format, va_list args);

/*	pier_unpack(packet, "!HH*", &op, &block, &data)
 * Takes the fields from the front; a NULL passes one over. Returns the bytes used, of which there may be more; or
 * -EBADMSG when there are too few, or a text has no end, -EINVAL for what is no format, and then nothing is touched.
 * What z and * find lies in `from`. Python: struct.unpack_from. */
PIER_API ssize_t pier_unpack(pier_bytes from, const char *format, ...);
PIER_API ssize_t pier_vunpack(pier_bytes from, const char *format, va_list args);

/* The bytes of a format, or -EINVAL, also when z or * leave it open. Python: struct.calcsize. */
PIER_API ssize_t pier_pack_size(const char *format);

/* The checksum of IP, ICMP, UDP and TCP, for an 'H': over bytes that hold the right one it is 0. RFC 1071. */
PIER_API uint16_t pier_checksum(const void *p, size_t len);

PIER_END

#endif
