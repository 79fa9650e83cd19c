/* Conns that a proxy brings: who they are is what its header says. */
#include "station.h"

#include "base/log.h"
#include "forwarded.h"

#include <errno.h>

bool pier_station_proxies(const struct station *st, const pier_conn *c)
{
	pier_addr peer = pier_conn_peer(c);
	return st->serving->o.proxied && !c->via->message &&
	       pier_networks_have(&st->serving->proxies, &peer);
}

/* The header is read as the raw stream it comes in, whatever frames follow. */
static int read_header(pier_conn *c, struct forwarded *out)
{
	ssize_t used;
	while ((used = pier_forwarded_decode(pier_view(c), out)) == 0) {
		if (pier_view(c).len >= FORWARDED_MAX)
			return -EMSGSIZE;
		ssize_t n = pier_fill(c);
		if (n <= 0)
			return n < 0 ? (int)n : -ECONNRESET;
	}
	if (used < 0)
		return (int)used;
	pier_spend(c, (size_t)used);
	return 0;
}

static int take_header(pier_conn *c, struct forwarded *out)
{
	int err = 0;
	PIER_WITHIN (PIER_PROXY_WAIT)
		err = read_header(c, out);
	return err;
}

bool pier_station_learn_client(const struct station *st, pier_conn *c)
{
	struct forwarded f = {0};

	if (!c->behind)
		return true;
	int err = take_header(c, &f);
	if (err < 0) {
		pier_conn_fail(c, err, "read the PROXY header of");
		return false;
	}
	if (!f.local && f.from.len)
		err = pier_conn_rename(c, &f.from);
	pier_addr peer = pier_conn_peer(c);
	return err == 0 && pier_station_welcomes(st, &peer);
}

bool pier_station_meet(struct station *st, pier_conn *c)
{
	struct serving *s = st->serving;

	if (!c->behind)
		return true;
	if (!pier_station_learn_client(st, c))
		return false;
	pier_addr peer = pier_conn_peer(c);
	if (!pier_hosts_enter(&s->hosts, &peer, s->o.max_per_host)) {
		pier_station_tell_full(st, c);
		return false;
	}
	c->behind = false;
	return true;
}
