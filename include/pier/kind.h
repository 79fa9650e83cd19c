/* What an address is, by the registries: private, loopback, documentation … Nothing here waits. */
#ifndef PIER_KIND_H
#define PIER_KIND_H

#include <pier/addr.h>
#include <pier/api.h>

PIER_BEGIN

enum {
	PIER_CLASS_A = 1 << 0, /* IPv4 before there were masks: RFC 791 §3.2 */
	PIER_CLASS_B = 1 << 1,
	PIER_CLASS_C = 1 << 2,
	PIER_CLASS_D = 1 << 3,
	PIER_CLASS_E = 1 << 4,
	PIER_UNSPECIFIED = 1 << 5,    /* no address: 0.0.0.0, :: */
	PIER_LOOPBACK = 1 << 6,	      /* this host */
	PIER_PRIVATE = 1 << 7,	      /* of this site; unique local in IPv6 */
	PIER_LINK_LOCAL = 1 << 8,     /* of this link */
	PIER_MULTICAST = 1 << 9,      /* a group */
	PIER_BROADCAST = 1 << 10,     /* all on this link */
	PIER_DOCUMENTATION = 1 << 11, /* for texts, never for use */
	PIER_RESERVED = 1 << 12,      /* for protocols, or for later */
	PIER_SHARED = 1 << 13,	      /* between a provider and its customers */
	PIER_BENCHMARK = 1 << 14,     /* for measuring devices */
	PIER_V4_MAPPED = 1 << 15, /* IPv4 inside IPv6; the kinds of the inner one are told too */
	PIER_TUNNEL = 1 << 16, /* IPv6 carried by IPv4: 6to4, Teredo; or translated: 64:ff9b::/96 */
	PIER_GLOBAL = 1 << 17, /* reachable from everywhere, as far as the registries say */
};

/* The kinds of an IPv4 or IPv6 address, as bits; 0 for other families. Python: ipaddress' is_private, is_loopback … */
PIER_API unsigned pier_addr_kind(const pier_addr *a);

/* A block of the registries. */
typedef struct pier_range {
	const char *network; /* "10.0.0.0/8" */
	unsigned kind;
	const char *words;  /* "private" */
	const char *source; /* "RFC 1918 §3" */
} pier_range;

/* The n-th block, from 0, that an address lies in; NULL after the last. A class of IPv4 comes last. */
PIER_API const pier_range *pier_addr_range(const pier_addr *a, unsigned n);

PIER_END

#endif
