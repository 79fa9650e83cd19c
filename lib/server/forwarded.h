/* What a proxy in front of a server says first of all: whom it speaks for. The PROXY protocol, versions 1 and 2, as
 * HAProxy, nginx, Envoy and the clouds' balancers send it (haproxy.org, proxy-protocol.txt). */
#ifndef NET_FORWARDED_H
#define NET_FORWARDED_H

#include <pier/addr.h>

#define FORWARDED_MAX 4096 /* bytes of a header that is read */

struct forwarded {
	bool local;	/* the proxy speaks for itself, to see whether we live */
	pier_addr from; /* the client; no address when the proxy does not know */
	pier_addr to;	/* what the client had connected to */
};

/* Reads the header at the beginning of `in`. Returns its length, 0 when there is more to come, or -EPROTO when it
 * is none, -EMSGSIZE when it is too long. */
ssize_t pier_forwarded_decode(pier_bytes in, struct forwarded *out);

#endif
