/* Listening sockets, from an endpoint. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include <pier/addr.h>
#include <stdbool.h>

/* Nothing is accepted there: peers are told apart by their addresses. */
static inline bool has_datagrams(pier_scheme scheme)
{
	return scheme == PIER_UDP || scheme == PIER_UNIXGRAM;
}

#define LISTEN_MAX 64 /* sockets of one server on one worker */

/* One place to listen at: as many sockets as asked for, sharing it (tcp and udp: SO_REUSEPORT), or one
 * (unix). */
struct place {
	pier_scheme scheme; /* tcp, udp, unix, seqpacket or unixgram, also of what was inherited */
	pier_addr addr;	    /* with the real port */
	int *fds;
	unsigned count;
	bool inherited; /* its path is not ours to remove */
};

#define PLACES_MAX 16 /* addresses of one endpoint */

struct places {
	unsigned count;
	struct place at[PLACES_MAX];
};

/* Opens them all, `copies` sockets for each address of the endpoint; the caller waits for the look-up.
 * 0 or an error, with nothing left open. A port that another process listens on is -EADDRINUSE, even if that
 * one would share it. */
int pier_places_open(const pier_endpoint *e, unsigned copies, int backlog, bool share,
		     struct places *out);
void pier_places_close(struct places *p);
/* After a failure: what was inherited stays whose it was. */
void pier_places_give_up(struct places *p);

#endif
