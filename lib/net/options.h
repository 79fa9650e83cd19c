/* Socket options, from the query of an endpoint. */
#ifndef NET_OPTIONS_H
#define NET_OPTIONS_H

#include <pier/addr.h>

/* Sets what `?nodelay=0&rcvbuf=64k…` says, and TCP_NODELAY by default. 0, -PIER_EURL for an option that
 * pier does not know, or what the kernel said. */
int pier_socket_options(int fd, const pier_endpoint *e);

#endif
