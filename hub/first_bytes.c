/* Which door a peer stands at. */
#include "first_bytes.h"

/* RFC 9110 §9, RFC 5789; PRI is how HTTP/2 begins (RFC 9113 §3.4): the HTTP door can at least
 * refuse it. */
static const char *const methods[] = {
	"GET ",	    "HEAD ",	"POST ",  "PUT ",   "DELETE ",
	"CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PRI ",
};

enum door door_of(pier_bytes first)
{
	enum door door = first.len == 0 ? DOOR_UNSURE : DOOR_TEXT;

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		size_t whole = strlen(methods[i]), len = first.len < whole ? first.len : whole;
		if (len == 0 || memcmp(first.p, methods[i], len) != 0)
			continue;
		if (len == whole)
			return DOOR_HTTP;
		door = DOOR_UNSURE;
	}
	return door;
}
