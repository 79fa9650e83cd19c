/* A udp server's port: datagrams are sorted by peer, and each peer is a conn. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "net/conn.h"

#define UDP_QUEUE_MAX	64 /* datagrams that wait for one peer's handler; more are dropped */
#define UDP_QUEUE_BYTES (1u << 20) /* … and their bytes */

struct udp_port;

/* A port on `fd`. `begin` is given each new peer's conn; false refuses it, and its datagram is lost. */
int pier_udp_port_new(int fd, bool (*begin)(pier_conn *, void *), void *arg, struct udp_port **out);

/* Receives and sorts until the fiber is cancelled, or an error of the socket. */
int pier_udp_port_run(struct udp_port *p);

/* Since when the peer that is silent for longest is; PIER_FOREVER without peers. From any thread. */
int64_t pier_udp_port_silent_since(const struct udp_port *p);
/* … which is let go. */
void pier_udp_port_let_go(struct udp_port *p);

/* Closes the socket. No peer may be left. */
void pier_udp_port_free(struct udp_port *p);

#endif
