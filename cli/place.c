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
	else if (e.scheme == PIER_TCP || e.scheme == PIER_UDP)
		snprintf(into, PLACE_MAX, "%.*s%s %u", (int)e.host.len, e.host.p,
			 e.host.len ? " port" : "port", e.port);
	else
		snprintf(into, PLACE_MAX, "%.*s", (int)e.host.len, e.host.p);
	return into;
}

/* ---- What went wrong with a peer ----------------------------------------------------------------
 */

static int fail_url(const char *url)
{
	return fail(STATUS_USAGE,
		    "%s is no endpoint (try: tcp://host:port, host:port, udp://host:port, "
		    "unix:/path or seqpacket:/path)",
		    url);
}

static bool is_path(const pier_endpoint *e)
{
	return e->scheme == PIER_UNIX || e->scheme == PIER_SEQPACKET;
}

int fail_dial(const char *url, int err, int64_t within)
{
	char place[PLACE_MAX], time[TIME_TEXT_MAX];
	enum status status = status_of(err);
	pier_endpoint e;

	if (pier_endpoint_parse(url, &e) < 0)
		return fail_url(url);
	place_of(url, place);

	switch (err < 0 ? -err : err) {
	case PIER_ENONAME:
		return fail(status,
			    "%.*s: name not found (check the spelling; an address works too)",
			    (int)e.host.len, e.host.p);
	case PIER_ENAMETEMP:
		return fail(status,
			    "%.*s: no name server answered (is the network up? an address works "
			    "too)",
			    (int)e.host.len, e.host.p);
	case ECONNREFUSED:
		return fail(status, "%s: refused (nothing listens there; is the server running%s?)",
			    place, is_path(&e) ? "" : ", and on that port");
	case ETIMEDOUT:
		return within ? fail(status,
				     "%s: no answer in %s (the host is down, or a firewall drops "
				     "what we send)",
				     place, time_text(within, time))
			      : fail(status,
				     "%s: no answer (the host is down, or a firewall drops what "
				     "we send)",
				     place);
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
		return fail(status,
			    "%s: unreachable (no way there from this machine; check the address "
			    "and the network)",
			    place);
	case ECONNRESET:
	case EPIPE:
	case ECONNABORTED:
		return fail(status, "%s: reset by the peer (it closed before all was said)", place);
	case ENOENT:
		return fail(is_path(&e) ? STATUS_REFUSED : status,
			    "%s: no such socket (is the server running?)", place);
	case EACCES:
	case EPERM:
		return fail(status, "%s: not allowed (%s)", place,
			    is_path(&e) ? "the socket's owner decides who may connect: ls -l"
					: "a firewall or policy of this machine forbids it");
	case EPROTOTYPE:
		return fail(status, "%s: the socket is of another type (try: %s:%s)", place,
			    e.scheme == PIER_UNIX ? "seqpacket" : "unix", place);
	default:
		return fail(status, "%s: %s", place, pier_strerror(err));
	}
}

int fail_listen(const char *url, int err)
{
	char place[PLACE_MAX];
	enum status status = status_of(err);
	pier_endpoint e;

	if (pier_endpoint_parse(url, &e) < 0)
		return fail_url(url);
	place_of(url, place);

	switch (err < 0 ? -err : err) {
	case EADDRINUSE:
		return is_path(&e)
			       ? fail(status,
				      "%s: a living server has this socket (choose another path)",
				      place)
			       : fail(status,
				      "%s: in use, by another pier or another program (who: ss "
				      "-lntup "
				      "'sport = %u'; or choose another port)",
				      place, e.port);
	case EACCES:
	case EPERM:
		return is_path(&e) ? fail(status,
					  "%s: not allowed to make a socket here (choose another "
					  "folder)",
					  place)
				   : fail(status,
					  "%s: not allowed (ports below 1024 need root or "
					  "CAP_NET_BIND_SERVICE; choose a higher one)",
					  place);
	case EADDRNOTAVAIL:
		return fail(status, "%s: no address of this machine (see: ip address)", place);
	case PIER_ENONAME:
		return fail(status, "%.*s: name not found (an empty host is every address: :%u)",
			    (int)e.host.len, e.host.p, e.port);
	default:
		return fail(status, "%s: cannot listen: %s", place, pier_strerror(err));
	}
}
