/* From names to addresses. */
#ifndef PIER_NAMES_H
#define PIER_NAMES_H

#include <netdb.h> /* AI_…, NI_… */
#include <pier/addr.h>
#include <pier/api.h>

PIER_BEGIN

#define PIER_ADDRS_MAX 16 /* addresses that one look-up keeps; more are dropped */

typedef struct pier_addrs {
	unsigned count;
	pier_addr at[PIER_ADDRS_MAX];
} pier_addrs;

/* All addresses of a host for stream or datagram use, in the order to try them (RFC 6724, as libc
 * sorts). Numbers are read at once; names wait for the system's resolver (NSS honoured) on a thread of
 * its own, so a deadline or cancel ends the wait at once. An empty host gives the wildcard addresses
 * when `passive`, else loopback. Returns 0 or -PIER_ENONAME, -PIER_ENAMETEMP, -PIER_ENAMEFAIL,
 * -ETIMEDOUT, -ECANCELED, -ENOMEM. Python: socket.getaddrinfo. getaddrinfo(3). */
PIER_API int pier_resolve(pier_bytes host, uint16_t port, bool passive, pier_addrs *out);

#define PIER_NAME_MAX 256 /* room for a host name, with its NUL: RFC 1035 §2.3.4 */

/* A host name as DNS and other protocols carry it: labels beyond ASCII become "xn--…". Capitals of Latin, Greek and
 * Cyrillic are made small, wide letters and digits narrow, and "。" a dot; all else is taken as it is, and should be
 * composed (NFC), as input methods write it. A name of ASCII is copied unchanged. All that resolves or dials does
 * this by itself. Does not wait. Returns 0, -PIER_ENONAME when it is no UTF-8, holds ASCII that no host name does,
 * or has a label of more than 63 bytes, or -ENAMETOOLONG. Python: name.encode("idna"). RFC 3492, RFC 5891 §4.4,
 * RFC 5895 §2. */
PIER_API int pier_name_ascii(pier_bytes name, char *into, size_t room);

/* ---- All that can be asked --------------------------------------------------------------------- */

/* Each of these waits for the system's resolver as pier_resolve does (files and NSS honoured), so a deadline or
 * cancel ends the wait at once. They return 0, or with `out` untouched: -PIER_ENONAME, -PIER_ENAMETEMP,
 * -PIER_ENAMEFAIL, one of the other PIER_ENAME…, -ETIMEDOUT, -ECANCELED, -ENOMEM. */

#define PIER_SERVICE_MAX 32 /* for a service's or protocol's: NI_MAXSERV */
#define PIER_INFOS_MAX	 32 /* answers that one question keeps */
#define PIER_ALIASES_MAX 8

/* What kind of answers is wanted; all zero: any. `flags` are AI_… (infos) and NI_… (names). */
typedef struct pier_hints {
	int family, type, protocol, flags;
} pier_hints;

typedef struct pier_info {
	int family, type, protocol; /* for pier_socket */
	pier_addr addr;		    /* for pier_sock_connect */
} pier_info;

typedef struct pier_infos {
	unsigned count;
	pier_info at[PIER_INFOS_MAX];
	char canonical[PIER_NAME_MAX]; /* with AI_CANONNAME */
} pier_infos;

/* All ways to reach a host and a service, either of which may be empty, and the service a name ("http") or a number.
 * `hints` may be NULL. Python: socket.getaddrinfo. getaddrinfo(3), RFC 3493 §6.1. */
PIER_API int pier_addrinfo(pier_bytes host, pier_bytes service, const pier_hints *hints,
			   pier_infos *out);

typedef struct pier_name {
	char host[PIER_NAME_MAX];
	char service[PIER_SERVICE_MAX];
} pier_name;

/* The names of an address and its port; their numbers where they have none, unless NI_NAMEREQD. With NI_NUMERICHOST
 * and NI_NUMERICSERV nothing is asked. Python: socket.getnameinfo. getnameinfo(3), RFC 3493 §6.2. */
PIER_API int pier_nameinfo(const pier_addr *a, int flags, pier_name *out);

typedef struct pier_host {
	char name[PIER_NAME_MAX]; /* canonical */
	unsigned aliases;
	char alias[PIER_ALIASES_MAX][PIER_NAME_MAX];
	pier_addrs addrs; /* IPv4 and IPv6, without ports */
} pier_host;

/* A host by its name, or by its number. Python: gethostbyname_ex, gethostbyaddr, gethostbyname in one. */
PIER_API int pier_host_of(pier_bytes name, pier_host *out);

/* The whole name of a host (empty, "0.0.0.0" or "::": this one): the first of its names with a dot, else what it is called. A host that
 * nobody knows keeps the name it was asked by. Returns 0, -ENAMETOOLONG, or why the wait ended. Python: socket.getfqdn. */
PIER_API int pier_fqdn(pier_bytes name, char *into, size_t room);

/* The name of this machine. Does not wait. Python: socket.gethostname. gethostname(2). */
PIER_API int pier_hostname(char *into, size_t room);

typedef struct pier_service {
	uint16_t port;
	char name[PIER_SERVICE_MAX], protocol[PIER_SERVICE_MAX];
} pier_service;

/* A service by its name, or by its port; `protocol`: "tcp", "udp", NULL for any. -PIER_ENAMESERVICE when there is
 * none. Python: getservbyname, getservbyport. */
PIER_API int pier_service_named(const char *name, const char *protocol, pier_service *out);
PIER_API int pier_service_at(uint16_t port, const char *protocol, pier_service *out);

typedef struct pier_protocol {
	int number;
	char name[PIER_SERVICE_MAX];
} pier_protocol;

/* A protocol of IP by its name, or by its number. -PIER_ENONAME when there is none. Python: getprotobyname. */
PIER_API int pier_protocol_named(const char *name, pier_protocol *out);
PIER_API int pier_protocol_at(int number, pier_protocol *out);

PIER_END

#endif
