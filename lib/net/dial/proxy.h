/* Through a proxy: what is said to it once it is connected to. */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <pier/conn.h>

#define PROXY_WORD_MAX 255 /* of a user or a password: RFC 1929 §2 */

enum proxy_kind {
	PROXY_SOCKS5 = 1,
	PROXY_CONNECT,
};

struct proxy {
	enum proxy_kind kind;
	pier_endpoint at;
	char user[PROXY_WORD_MAX + 1], password[PROXY_WORD_MAX + 1];
};

/* Reads "socks5://user:password@host:port" or "http://…"; percent-encoding in the words is undone. `at` points
 * into `url`. 0 or -PIER_EURL. */
int pier_proxy_parse(const char *url, struct proxy *out);

/* Has the proxy at the other end of `c` connect to `to`; from then on the conn speaks with that. Waits. 0, or
 * an error: what the proxy met, as an errno where it says so, else -PIER_EPROXY. What it said is written to
 * `words`. Bytes of the target that come along at once stay in the conn's buffer. */
int pier_proxy_connect(pier_conn *c, const struct proxy *p, const pier_endpoint *to, char *words,
		       size_t room);

/* In one language each. */
int pier_proxy_socks(pier_conn *c, const struct proxy *p, const pier_endpoint *to, char *words,
		     size_t room);
int pier_proxy_http(pier_conn *c, const struct proxy *p, const pier_endpoint *to, char *words,
		    size_t room);

#endif
