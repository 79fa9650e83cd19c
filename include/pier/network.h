/* Networks: which addresses belong together. Nothing here waits. */
#ifndef PIER_NETWORK_H
#define PIER_NETWORK_H

#include <pier/addr.h>
#include <pier/api.h>
#include <pier/bytes.h>

PIER_BEGIN

/* A network: the addresses whose first `bits` bits are those of `addr`. RFC 4632, RFC 4291 §2.3. */
typedef struct pier_network {
	pier_addr addr;
	unsigned bits;
} pier_network;

/* Reads "10.0.0.0/8", "2001:db8::/32", a lone address (which is a network of one), or "unix" for the peers of
 * unix sockets. Returns 0, or -EINVAL with `out` untouched when it is none, or has bits set behind the
 * first `bits` ("10.1.0.0/8"). Python: ipaddress.ip_network. */
PIER_API int pier_network_parse(pier_bytes text, pier_network *out);

/* True when `a` is inside; its port does not count, and an IPv4 address inside an IPv6 one (::ffff:10.0.0.1)
 * counts as IPv4. Python: address in network. */
PIER_API bool pier_network_has(const pier_network *n, const pier_addr *a);

/* ---- Lists --------------------------------------------------------------------------------------- */

#define PIER_NETWORKS_MAX 64

typedef struct pier_networks {
	unsigned count;
	pier_network at[PIER_NETWORKS_MAX];
} pier_networks;

/* Reads a list, parted by blanks or commas: "127.0.0.0/8 ::1, unix". Returns 0, or -EINVAL, or -E2BIG, with
 * `out` untouched. */
PIER_API int pier_networks_parse(const char *text, pier_networks *out);

/* True when `a` is inside one of them. */
PIER_API bool pier_networks_have(const pier_networks *list, const pier_addr *a);

PIER_END

#endif
