/* The network interfaces of this machine. Nothing here waits. */
#ifndef PIER_INTERFACE_H
#define PIER_INTERFACE_H

#include <pier/addr.h>
#include <pier/api.h>

PIER_BEGIN

#define PIER_INTERFACES_MAX 4096 /* interfaces, and addresses, that are told of; more are dropped */

typedef struct pier_interface_addr {
	pier_addr addr;
	unsigned bits;	/* of the network: 24 for 255.255.255.0 */
	pier_addr mask; /* the same, as an address */
	pier_addr
		broadcast; /* or the other end of a link of two (IFF_POINTOPOINT); len 0 without one */
} pier_interface_addr;

typedef struct pier_interface {
	char name[16];
	unsigned index; /* for pier_sock_join, scopes … */
	unsigned flags; /* IFF_UP …: pier_word_flags(PIER_INTERFACE_FLAGS, …) */
	unsigned mtu;	/* bytes of the largest packet; 0 when it cannot be told */
	unsigned char mac[8];
	unsigned mac_len;
	unsigned count;
	const pier_interface_addr *addrs; /* IPv4 and IPv6 */
} pier_interface;

/* All interfaces, in the order of their indexes, with their addresses, in one block: the caller's, for
 * pier_interfaces_free. Returns how many, or -ENOMEM … Python: socket.if_nameindex, which knows names only.
 * getifaddrs(3), netdevice(7). */
PIER_API int pier_interfaces(pier_interface **out);
PIER_API void pier_interfaces_free(pier_interface *list);

/* The index of an interface, 0 when there is none of that name; and the name of one, or its number. Returns `into`, of
 * 16 bytes. Python: if_nametoindex, if_indextoname. */
PIER_API unsigned pier_interface_index(const char *name);
PIER_API const char *pier_interface_name(unsigned index, char *into);

/* The same for a printf, in room of the block around. */
#define PIER_INTERFACE_STR(index) pier_interface_name((index), (char[16]){0})

PIER_END

#endif
