/* Where a server listens: its URLs, opened, and their sockets given to the stations. */
#include "station.h"

#include <errno.h>
#include <pier/error.h>
#include <stdio.h>

static bool shares_port(const pier_endpoint *e)
{
	return e->scheme == PIER_TCP || e->scheme == PIER_UDP;
}

/* TLS is spoken over tcp, once a conn is there. */
static int parse(struct serving *s, struct url *u, const char *text)
{
	int err = pier_endpoint_parse(text, &u->endpoint);
	if (err < 0 || u->endpoint.scheme != PIER_TLS)
		return err;
	u->endpoint.scheme = PIER_TCP;
	u->tls = true;
	return pier_tls_can_serve(s->o.tls, &s->why);
}

int pier_doors_parse(struct serving *s, const char *url)
{
	const char *const *also = s->o.also;
	int err = 0;
	for (; err == 0 && url; url = also && *also ? *also++ : NULL) {
		if (s->url_count == URLS_MAX)
			return -E2BIG;
		err = parse(s, &s->urls[s->url_count], url);
		s->url_count += err == 0;
	}
	return err;
}

int pier_doors_open(struct serving *s)
{
	unsigned doors = 0;
	for (unsigned i = 0; i < s->url_count; i++) {
		struct url *u = &s->urls[i];
		int err = pier_places_open(&u->endpoint, shares_port(&u->endpoint) ? s->count : 1,
					   s->o.backlog, false, &u->places);
		if (err == 0 && (doors += u->places.count) > LISTEN_MAX)
			err = -E2BIG;
		if (err < 0)
			return err;
	}
	return 0;
}

void pier_doors_tell(const struct serving *s)
{
	char text[LISTEN_MAX * (PIER_ADDR_TEXT + 5)] = "", addr[PIER_ADDR_TEXT];
	size_t len = 0;

	if (!s->o.on_listen)
		return;
	for (unsigned u = 0; u < s->url_count; u++) {
		const struct places *places = &s->urls[u].places;
		for (unsigned i = 0; i < places->count; i++) {
			pier_addr_format(&places->at[i].addr, addr, sizeof addr);
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
						len ? " and " : "", addr);
		}
	}
	s->o.on_listen(text, s->o.arg);
}

static void hand_out(struct serving *s, struct place *p, bool tls)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct station *st = &s->stations[i];
		st->doors[st->door_count++] = (struct door){.station = st,
							    .fd = p->fds[i],
							    .scheme = tls ? PIER_TLS : p->scheme,
							    .alone = p->count == 1};
		p->fds[i] = -1;
	}
}

void pier_doors_hand_out(struct serving *s)
{
	for (unsigned u = 0; u < s->url_count; u++)
		for (unsigned i = 0; i < s->urls[u].places.count; i++)
			hand_out(s, &s->urls[u].places.at[i], s->urls[u].tls);
}

void pier_doors_close(struct serving *s)
{
	for (unsigned i = 0; i < s->url_count; i++)
		pier_places_close(&s->urls[i].places);
}
