/* Which door a peer stands at, by what it sends first. Pure. */
#ifndef HUB_FIRST_BYTES_H
#define HUB_FIRST_BYTES_H

#include <pier/bytes.h>

enum door {
	DOOR_UNSURE, /* it may become HTTP: more bytes will tell */
	DOOR_TEXT,
	DOOR_HTTP,
};

/* HTTP begins with a method and a space (RFC 9112 §3); a line of text that begins so too ("GET up")
 * is no user name, since names have no spaces. */
enum door door_of(pier_bytes first);

#endif
