/* Places that we dial or listen on, as people say them, and what goes wrong there: the place, the
 * cause, and what to try next. */
#include <stdio.h>
#include <string.h>

#include "command.h"

bool looks_like_endpoint(const char *text)
{
	return strpbrk(text, ":/") != NULL;
}

const char *time_text(int64_t ns, char into[TIME_TEXT_MAX])
{
	if (ns < PIER_S(1))
		snprintf(into, TIME_TEXT_MAX, "%.4g ms", (double)ns / 1e6);
	else
		snprintf(into, TIME_TEXT_MAX, "%.4g s", (double)ns / 1e9);
	return into;
}

const char *place_of(const char *url, char into[PLACE_MAX])
{
	pier_endpoint e;

	if (pier_endpoint_parse(url, &e) < 0)
		snprintf(into, PLACE_MAX, "%s", url);
	else if (e.scheme == PIER_TCP || e.scheme == PIER_UDP || e.scheme == PIER_TLS)
		snprintf(into, PLACE_MAX, "%.*s%s %u", (int)e.host.len, e.host.p,
			 e.host.len ? " port" : "port", e.port);
	else if (e.scheme == PIER_SYSTEMD || e.scheme == PIER_FD)
		snprintf(into, PLACE_MAX, "%s", url);
	else
		snprintf(into, PLACE_MAX, "%.*s", (int)e.host.len, e.host.p);
	return into;
}

const char *peer_text(pier_conn *peer, char into[PIER_ADDR_TEXT])
{
	const pier_addr *addr = pier_peer_addr(peer);

	if (addr->len == 0)
		snprintf(into, PIER_ADDR_TEXT, "%s", pier_peer(peer));
	else
		pier_addr_format(addr, into, PIER_ADDR_TEXT);
	return into;
}

const char *scheme_of(const char *url)
{
	static const char *const names[] = {
		[PIER_TCP] = "tcp",
		[PIER_UDP] = "udp",
		[PIER_UNIX] = "unix",
		[PIER_SEQPACKET] = "seqpacket",
		[PIER_FD] = "fd",
		[PIER_PAIR] = "pair",
		[PIER_TLS] = "tls",
		[PIER_SYSTEMD] = "systemd",
		[PIER_UNIXGRAM] = "unixgram",
	};
	pier_endpoint e;

	return pier_endpoint_parse(url, &e) == 0 ? names[e.scheme] : "?";
}

/* What went wrong, and what to try next, after "PLACE: ". */
struct cause {
	int err;
	const char *on_net, *on_path; /* NULL: the plain words for the error */
};

static const struct cause dialling[] = {
	{PIER_ENONAME, "name not found (check the spelling; an address works too)", NULL},
	{PIER_ENAMETEMP, "no name server answered (is the network up? an address works too)", NULL},
	{PIER_ENAMEFAIL, "the name server failed (later it may not; an address works too)", NULL},
	{ECONNREFUSED, "refused (nothing listens there; is the server running, and on that port?)",
	 "refused (nothing listens there; is the server running?)"},
	{ETIMEDOUT, "no answer (the host is down, or a firewall drops what we send)",
	 "no answer (the server is there but does not accept)"},
	{EHOSTUNREACH, "unreachable (no way there; check the address and the network)", NULL},
	{ENETUNREACH, "unreachable (no way there; check the address and the network)", NULL},
	{ECONNRESET, "reset by the peer (it stopped before all was said)",
	 "reset by the peer (it stopped before all was said)"},
	{EPIPE, "closed by the peer before all was said", "closed by the peer before all was said"},
	{EACCES, "not allowed (a firewall or policy of this machine forbids it)",
	 "not allowed (the socket's owner decides who may connect: ls -l)"},
	{EPERM, "not allowed (a firewall or policy of this machine forbids it)", NULL},
	{ENOENT, NULL, "no such socket (is the server running?)"},
	{ENOTSOCK, NULL, "not a socket but a plain file"},
	{EPROTOTYPE, NULL, "a socket of another type (unix:, seqpacket: and unixgram: are three)"},
	{EMSGSIZE, "too long for one message (a datagram holds 65507 bytes)",
	 "too long for one message"},
	{0, NULL, NULL},
};

static const struct cause listening[] = {
	{EADDRINUSE,
	 "in use, by another pier or another program (who: ss -lntup; or choose another port)",
	 "a living server has this socket (choose another path)"},
	{EACCES,
	 "not allowed (ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher one)",
	 "not allowed to make a socket here (choose another folder)"},
	{EADDRNOTAVAIL, "not an address of this machine (see: ip address)", NULL},
	{PIER_ENONAME, "name not found (without a host it is every address of this machine)", NULL},
	{ENOENT, NULL, "no such folder"},
	{ENOTSOCK, NULL, "there is a file of that name (remove it, or choose another path)"},
	{0, NULL, NULL},
};

static bool is_path(const pier_endpoint *e)
{
	return e->scheme == PIER_UNIX || e->scheme == PIER_SEQPACKET || e->scheme == PIER_UNIXGRAM;
}

static const char *words_for(const struct cause *causes, int err, bool path)
{
	if (err < 0)
		err = -err;
	for (; causes->err; causes++) {
		const char *words = path ? causes->on_path : causes->on_net;
		if (causes->err == err && words)
			return words;
	}
	return pier_strerror(err);
}

/* A name that is not found has no port to blame. */
static const char *subject(const char *url, const pier_endpoint *e, enum status status,
			   char into[PLACE_MAX])
{
	if (status != STATUS_NAME)
		return place_of(url, into);
	snprintf(into, PLACE_MAX, "%.*s", (int)e->host.len, e->host.p);
	return into;
}

static enum status explain(const char *url, int err, const struct cause *causes, int64_t within,
			   char why[WHY_MAX])
{
	char place[PLACE_MAX], time[TIME_TEXT_MAX];
	enum status status = status_of(err);
	pier_endpoint e;

	if (pier_endpoint_parse(url, &e) < 0) {
		snprintf(why, WHY_MAX,
			 "%s is no endpoint (try: host:port, udp://host:port, unix:/path or "
			 "seqpacket:/path)",
			 url);
		return STATUS_USAGE;
	}
	if (err == -ENOENT && causes == dialling && is_path(&e))
		status = STATUS_REFUSED;
	const char *words = words_for(causes, err, is_path(&e));
	if (status == STATUS_TIMEOUT && within)
		snprintf(why, WHY_MAX, "%s: no answer in %s%s", subject(url, &e, status, place),
			 time_text(within, time), strchr(words, '(') - 1);
	else
		snprintf(why, WHY_MAX, "%s: %s", subject(url, &e, status, place), words);
	return status;
}

enum status explain_dial(const char *url, int err, int64_t within, char why[WHY_MAX])
{
	return explain(url, err, dialling, within, why);
}

enum status explain_listen(const char *url, int err, char why[WHY_MAX])
{
	return explain(url, err, listening, 0, why);
}

int fail_dial(const char *url, int err, int64_t within)
{
	char why[WHY_MAX];
	enum status status = explain_dial(url, err, within, why);

	return fail(status, "%s", why);
}

int fail_listen(const char *url, int err)
{
	char why[WHY_MAX];
	enum status status = explain_listen(url, err, why);

	return fail(status, "%s", why);
}
