/* What a node hears when it asks for names: those of the nodes, and what the scenario has said beside. Services and
 * protocols are those of the real machine's files. */
#include "sock.h"

#include "io/question.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pier/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GIVEN_MAX 32 /* names that a scenario can give */

/* A name of the scenario's. */
static struct given {
	char name[NAME_MAX_SIM];
	pier_addrs addrs;
} given[GIVEN_MAX];
static unsigned given_high; /* none is beyond: pages that nobody touches cost nothing */

static struct given *find(const char *name)
{
	for (unsigned i = 0; i < given_high; i++)
		if (!strcasecmp(given[i].name, name))
			return &given[i];
	return NULL;
}

/* ---- To addresses -------------------------------------------------------------------------------- */

static int add(pier_addrs *out, const pier_addr *a)
{
	if (out->count == PIER_ADDRS_MAX)
		return -ENOSPC;
	out->at[out->count++] = *a;
	return 0;
}

static int add_node(pier_addrs *out, const struct node *n, uint16_t port)
{
	pier_addr v6, v4;
	pier_node_addr(n, AF_INET6, port, &v6);
	pier_node_addr(n, AF_INET, port, &v4);
	int err = add(out, &v6);
	return err < 0 ? err : add(out, &v4);
}

static int two(pier_addrs *out, const char *v6, const char *v4, uint16_t port)
{
	out->count = 2;
	int err = pier_addr_parse(pier_text(v6), port, &out->at[0]);
	return err < 0 ? err : pier_addr_parse(pier_text(v4), port, &out->at[1]);
}

static int resolved(const char *host, uint16_t port, pier_addrs *out)
{
	const struct given *g = find(host);
	const struct node *n = pier_node_find(host);
	if (pier_world->names_err)
		return pier_world->names_err;
	if (pier_chance_of(pier_world->faults))
		return -PIER_ENAMETEMP;
	if (!g && !n)
		return -PIER_ENONAME;
	if (!g)
		return add_node(out, n, port);
	*out = g->addrs;
	for (unsigned i = 0; i < out->count; i++)
		pier_addr_set_port(&out->at[i], port);
	return 0;
}

int pier_names_look_up(const char *host, uint16_t port, bool passive, pier_addrs *out)
{
	out->count = 0;
	if (!*host && passive)
		return two(out, "::", "0.0.0.0", port);
	if (!*host || !strcasecmp(host, "localhost"))
		return two(out, "::1", "127.0.0.1", port);
	if (pier_addr_parse(pier_text(host), port, &out->at[0]) == 0) {
		out->count = 1;
		return 0;
	}
	return resolved(host, port, out);
}

/* ---- Questions ----------------------------------------------------------------------------------- */

/* libc knows all about numbers: each address is asked for by its own. */
static int ask_infos(const struct io_question *q, pier_infos *out)
{
	struct io_question one = *q;
	pier_addrs found;
	pier_addr number;
	one.hints.flags |= AI_NUMERICHOST;
	if (!*q->host || q->hints.flags & AI_NUMERICHOST ||
	    pier_addr_parse(pier_text(q->host), 0, &number) == 0)
		return pier_io_ask_infos(*q->host ? &one : q, out);
	int err = pier_names_look_up(q->host, 0, false, &found);
	for (unsigned i = 0; err == 0 && i < found.count; i++) {
		if (q->hints.family && q->hints.family != found.at[i].sa.sa_family)
			continue;
		pier_addr_host(&found.at[i], one.host, sizeof one.host);
		err = pier_io_ask_infos(&one, out);
	}
	if (*out->canonical)
		snprintf(out->canonical, sizeof out->canonical, "%s", q->host);
	return err < 0 ? err : out->count ? 0 : -PIER_ENONAME;
}

static const char *name_of(const pier_addr *a)
{
	const struct node *self = pier_node_self(), *n = pier_node_of(pier_node_self(), a);
	pier_addr own;
	if (!n)
		return NULL;
	pier_node_addr(n, a->sa.sa_family, 0, &own);
	if (n == self && !pier_addr_same_host(&own, a))
		return pier_addr_is_any(a) ? NULL : "localhost";
	return n->name;
}

static int ask_name(const struct io_question *q, pier_name *out)
{
	struct io_question number = *q;
	const char *name = q->hints.flags & NI_NUMERICHOST ? NULL : name_of(&q->addr);
	bool needed = q->hints.flags & NI_NAMEREQD && !(q->hints.flags & NI_NUMERICHOST);
	number.hints.flags = (q->hints.flags | NI_NUMERICHOST) & ~NI_NAMEREQD;
	if (needed && !name)
		return -PIER_ENONAME;
	int err = pier_io_ask_name(&number, out);
	if (err == 0 && name)
		snprintf(out->host, sizeof out->host, "%s", name);
	return err;
}

static int ask_host(const struct io_question *q, pier_host *out)
{
	const char *name = q->addr.len ? name_of(&q->addr) : q->host;
	if (!name)
		return -PIER_ENONAME;
	snprintf(out->name, sizeof out->name, "%s", name);
	if (q->addr.len)
		return add(&out->addrs, &q->addr);
	return pier_names_look_up(q->host, 0, false, &out->addrs);
}

int pier_names_ask(const struct io_question *q, void *answer)
{
	if (q->ask == pier_io_ask_infos)
		return ask_infos(q, answer);
	if (q->ask == pier_io_ask_name)
		return ask_name(q, answer);
	if (q->ask == pier_io_ask_host)
		return ask_host(q, answer);
	return q->ask(q, answer);
}

/* ---- By the scenario ----------------------------------------------------------------------------- */

static int add_word(pier_addrs *out, pier_bytes word)
{
	char text[NAME_MAX_SIM];
	pier_addr a;
	if (pier_addr_parse(word, 0, &a) == 0)
		return add(out, &a);
	if (word.len >= sizeof text)
		return -EINVAL;
	memcpy(text, word.p, word.len);
	text[word.len] = 0;
	const struct node *n = pier_node_find(text);
	return n ? add_node(out, n, 0) : -ENOENT;
}

static int read_words(const char *text, pier_addrs *out)
{
	int err = 0;
	for (const char *at = text; err == 0 && *(at += strspn(at, " "));) {
		size_t len = strcspn(at, " ");
		err = add_word(out, pier_bytes_of(at, len));
		at += len;
	}
	return err;
}

static struct given *one_more(void)
{
	return given_high < GIVEN_MAX ? &given[given_high++] : NULL;
}

int pier_sim_name(pier_sim *s, const char *name, const char *stands_for)
{
	struct given *g = *name ? find(name) : NULL;
	pier_addrs addrs = {.count = 0};
	(void)s;
	if (!*name || strlen(name) >= sizeof g->name)
		return -EINVAL;
	int err = read_words(stands_for ? stands_for : "", &addrs);
	if (err < 0)
		return err;
	if (!g && !stands_for)
		return -ENOENT;
	if (!g && !(g = find("")) && !(g = one_more()))
		return -ENOSPC;
	snprintf(g->name, sizeof g->name, "%s", stands_for ? name : "");
	g->addrs = addrs;
	return 0;
}

void pier_sim_resolver(pier_sim *s, int64_t takes, int err)
{
	s->names_take = takes > 0 ? takes : 0;
	s->names_err = err < 0 ? err : 0;
}
