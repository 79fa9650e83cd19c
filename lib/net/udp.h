/* A udp server's port: datagrams are sorted by peer, and each peer is a conn. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "conn.h"

#define UDP_QUEUE_MAX	64 /* datagrams that wait for one peer's handler; more are dropped */
#define UDP_QUEUE_BYTES (1u << 20) /* … and their bytes */

struct udp_port;

/* A port on `fd`. `begin` is given each new peer's conn, with its first datagram queued; false refuses
 * it. At most `peers_max` peers; the one silent for longest makes room for a new one. */
int pier_udp_port_new(int fd, unsigned peers_max, bool (*begin)(pier_conn *, void *), void *arg,
		      struct udp_port **out);

/* Receives and sorts until the fiber is cancelled, or a real error. */
int pier_udp_port_run(struct udp_port *p);

/* Closes the socket. No peer may be left. */
void pier_udp_port_free(struct udp_port *p);

#endif
