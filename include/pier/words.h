/* The names of numbers, for logs and for people: "AF_INET", "MSG_PEEK|MSG_TRUNC". Nothing here waits. */
#ifndef PIER_WORDS_H
#define PIER_WORDS_H

#include <pier/api.h>

PIER_BEGIN

typedef enum pier_words {
	PIER_FAMILIES,	/* AF_INET … */
	PIER_TYPES,	/* SOCK_STREAM … */
	PIER_PROTOCOLS, /* IPPROTO_TCP … */
	PIER_LEVELS,	/* SOL_SOCKET …, of options and ancillary data */
	PIER_SOCKET_OPTIONS,
	PIER_IP_OPTIONS,
	PIER_IPV6_OPTIONS,
	PIER_TCP_OPTIONS,
	PIER_UDP_OPTIONS,
	PIER_PACKET_OPTIONS,
	PIER_SOCKET_ITEMS,    /* SCM_RIGHTS … */
	PIER_MESSAGE_FLAGS,   /* MSG_PEEK … */
	PIER_NAME_FLAGS,      /* AI_PASSIVE … */
	PIER_INTERFACE_FLAGS, /* IFF_UP … */
	PIER_SHUTDOWNS,	      /* SHUT_RD … */
	PIER_TCP_FLAGS,	      /* FIN, SYN …, in the words of RFC 9293 §3.1 */
} pier_words;

#define PIER_WORD 32 /* room for one name, with its NUL */

/* The name of a value, or its number in digits. Returns `into`, which has PIER_WORD bytes. */
PIER_API const char *pier_word(pier_words of, int value, char *into);

/* The names of the bits that are set, with '|' between, what has no name in hex; "0" for none. Returns `into`, cut at
 * `room`. */
PIER_API const char *pier_word_flags(pier_words of, unsigned flags, char *into, size_t room);

/* The two for a printf, in room of the block around. */
#define PIER_WORD_STR(of, value)  pier_word((of), (value), (char[PIER_WORD]){0})
#define PIER_FLAGS_STR(of, flags) pier_word_flags((of), (unsigned)(flags), (char[256]){0}, 256)

/* The value of a name. Returns 0, or -ENOENT. Python: getattr(socket, name). */
PIER_API int pier_word_value(pier_words of, const char *name, int *out);

/* The n-th name of a kind, in the order of the table; NULL after the last. For lists and completion. */
PIER_API const char *pier_word_at(pier_words of, unsigned n, int *value);

PIER_END

#endif
