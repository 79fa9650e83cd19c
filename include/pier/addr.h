/* Addresses and endpoints, as values and as text. Nothing here waits. */
#ifndef PIER_ADDR_H
#define PIER_ADDR_H

#include <pier/api.h>
#include <pier/bytes.h>
#include <sys/socket.h>

PIER_BEGIN

/* Any socket address: IPv4, IPv6 (with scope), unix path, unix abstract, vsock, netlink, packet. */
typedef struct pier_addr {
	socklen_t len; /* bytes of `sa` in use; 0 = no address */
	union {
		struct sockaddr sa;
		struct sockaddr_storage storage;
	};
} pier_addr;

#define PIER_ADDR_TEXT 128 /* room for any address as text, with its NUL */

/* Reads a numeric address and port: "127.0.0.1", "[fe80::1%eth0]:80", "::1" (port given apart). No
 * name is looked up. Returns 0 or -PIER_ENONAME when `host` is no numeric address.
 * Python: socket.inet_pton. inet_pton(3), RFC 4007 §11 for the scope. */
PIER_API int pier_addr_parse(pier_bytes host, uint16_t port, pier_addr *out);

/* A unix address: `path` below 108 bytes, or "@name" for the abstract namespace, where the name may be of any
 * bytes, at most 107. Returns 0 or -ENAMETOOLONG, or -EINVAL for an empty name or a path with a NUL inside.
 * unix(7). */
PIER_API int pier_addr_unix(pier_bytes path, pier_addr *out);

/* Reads what pier_addr_format writes, of every family: also "/run/x.sock", "@name", "unix", "vsock:2:80",
 * "netlink:1234:0x1", "packet:eth0:0x0800:02:00:5e:00:53:01". Returns 0 or -PIER_ENONAME, or as
 * pier_addr_unix does. vsock(7), netlink(7), packet(7). */
PIER_API int pier_addr_read(pier_bytes text, pier_addr *out);

/* The same by value; an address without length when the text is none. Python: ("127.0.0.1", 80). */
PIER_API pier_addr pier_addr_of(const char *text);

/* Where one stands in a call, in room of the block around:	pier_sock_bind(&s, PIER_ADDR_AT("127.0.0.1:0")); */
#define PIER_ADDR_AT(text) ((pier_addr[1]){pier_addr_of(text)})

/* Writes the address as text: "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@name", "unix" for an
 * unnamed one. An IPv4 address inside an IPv6 one (::ffff:127.0.0.1) is told as IPv4. Returns `into`,
 * always ended by a NUL and cut at `room`. */
PIER_API const char *pier_addr_format(const pier_addr *a, char *into, size_t room);

/* The port in host order, 0 where the family has none. */
PIER_API uint16_t pier_addr_port(const pier_addr *a);
PIER_API void pier_addr_set_port(pier_addr *a, uint16_t port);

/* The same address, port included; an IPv4 address equals itself inside an IPv6 one. */
PIER_API bool pier_addr_eq(const pier_addr *a, const pier_addr *b);

/* The host alone: "127.0.0.1", "fe80::1%eth0", "unix". For limits per host and for logs. */
PIER_API const char *pier_addr_host(const pier_addr *a, char *into, size_t room);

/* The two for a printf, in room of the block around:	printf("%s\n", PIER_ADDR_STR(&from)); */
#define PIER_ADDR_STR(a) pier_addr_format((a), (char[PIER_ADDR_TEXT]){0}, PIER_ADDR_TEXT)
#define PIER_HOST_STR(a) pier_addr_host((a), (char[PIER_ADDR_TEXT]){0}, PIER_ADDR_TEXT)

/* ---- Endpoints: where to dial or listen -------------------------------------------------------- */

/*	tcp://host:port  udp://host:port  tls://host:port
 *	unix:/path  unix:@name, and so seqpacket: and unixgram:
 *	fd:3  pair:  host:port (tcp)  :port (any address)
 *	systemd:  systemd:name (to listen on: sockets that systemd opened, sd_listen_fds(3))
 *	…?nodelay=0&rcvbuf=64k   IPv6 in brackets: tcp://[::1]:7437 */
typedef enum pier_scheme {
	PIER_TCP = 1,
	PIER_UDP,
	PIER_UNIX,
	PIER_SEQPACKET,
	PIER_FD,
	PIER_PAIR,
	PIER_SYSTEMD,
	PIER_TLS,      /* over tcp */
	PIER_UNIXGRAM, /* datagrams inside this machine */
} pier_scheme;

typedef struct pier_endpoint {
	pier_scheme scheme;
	pier_bytes
		host; /* tcp, udp: name or number without brackets, may be empty; else the path or name */
	uint16_t port;	  /* tcp, udp, tls */
	int fd;		  /* fd: */
	pier_bytes query; /* after '?', without it */
} pier_endpoint;

/* Reads an endpoint; fields of `out` point into `url`. Returns 0, or -PIER_EURL with `out` untouched;
 * the port is required for tcp and udp. */
PIER_API int pier_endpoint_parse(const char *url, pier_endpoint *out);

PIER_END

#endif
