#include "guests.h"

#include "base/log.h"
#include "fiber/several.h"
#include "io/socket.h"

#include <assert.h>
#include <errno.h>
#include <pier/tls.h>
#include <stdlib.h>

#define SEATS                                                                                      \
	(PIER_TLS_SHAKING_MAX +                                                                    \
	 PLACES_MAX) /* when the last is taken, one may still come at each place */

static_assert(SEATS + PLACES_MAX <= SEVERAL_MAX, "an op for each guest and each place");

/* Of a client that shakes hands, or has. */
struct guest {
	struct shaking shaking;
	pier_conn *conn; /* NULL: a free seat */
	int64_t until;
	uint64_t number; /* in the order of their coming */
	bool ready, leaving, under_way;
};

struct entrance {
	struct io_op op;
	pier_addr peer;
	bool open;
};

struct guests {
	pier_tls *tls;
	uint64_t come;
	unsigned seated;
	int64_t looked;		/* when somebody last looked: the time of guests passes only then */
	struct several several; /* during a call of next */
	struct guest seats[SEATS];
	struct entrance entrances[PLACES_MAX];
	const struct places *places;
};

struct guests *pier_guests_new(pier_tls *t)
{
	struct guests *g = calloc(1, sizeof *g);
	if (g)
		g->tls = t;
	return g;
}

/* ---- Coming and going ------------------------------------------------------------------------------ */

static void leave(struct guests *g, struct guest *guest)
{
	pier_conn *c = guest->conn;
	if (pier_err(c))
		pier_log_line(PIER_INFO, "%s", pier_why(c));
	c->via->close(c, !pier_err(c)); /* an alert should arrive */
	pier_conn_free(c);
	*guest = (struct guest){0};
	g->seated--;
}

/* The first of those that are still shaking hands, or of those that have. */
static struct guest *first(struct guests *g, bool ready)
{
	struct guest *found = NULL;
	for (struct guest *at = g->seats; at < g->seats + SEATS; at++)
		if (at->conn && !at->leaving && at->ready == ready &&
		    (!found || at->number < found->number))
			found = at;
	return found;
}

/* Its op is under way, and its end will tell. */
static void send_away(struct guests *g, struct guest *guest, int err)
{
	guest->leaving = true;
	pier_conn_fail(guest->conn, err, "shake hands with");
	pier_several_end(&g->several, &guest->shaking.op);
}

static void judge(struct guests *g, struct guest *guest, int state)
{
	if (state < 0 || guest->leaving)
		leave(g, guest);
	else
		guest->ready = state == 1;
}

static struct guest *free_seat(struct guests *g)
{
	struct guest *at = g->seats;
	while (at->conn)
		at++;
	return at;
}

static void seat(struct guests *g, int fd, const pier_addr *peer)
{
	struct guest *guest = free_seat(g);
	pier_conn *c = pier_conn_new(&pier_transport_stream, fd, peer);
	if (!c) {
		pier_io_close(fd);
		return;
	}
	*guest = (struct guest){.conn = c, .number = ++g->come};
	guest->until = pier_io_clock() + pier_tls_patience(g->tls);
	g->seated++;
	judge(g, guest, pier_tls_shaking_begin(&guest->shaking, c, g->tls));
}

/* ---- Ops ------------------------------------------------------------------------------------------- */

static void submit(struct guests *g, struct guest *guest)
{
	if (!guest->conn || guest->ready || guest->under_way)
		return;
	guest->under_way = true;
	pier_several_submit(&g->several, &guest->shaking.op);
}

static void open_entrance(struct guests *g, struct entrance *at, int fd)
{
	if (at->open)
		return;
	*at = (struct entrance){.op = {.kind = IO_ACCEPT, .fd = fd}, .open = true};
	at->op.addr.sa = &at->peer.sa;
	at->op.addr.len = sizeof at->peer.storage;
	pier_several_submit(&g->several, &at->op);
}

/* Whoever comes when all seats are taken waits in the backlog, but not for long: who is at it for longest has to go. */
static void submit_all(struct guests *g)
{
	for (unsigned i = 0; i < SEATS; i++)
		submit(g, &g->seats[i]);
	if (g->seated < PIER_TLS_SHAKING_MAX)
		for (unsigned i = 0; i < g->places->count; i++)
			open_entrance(g, &g->entrances[i], g->places->at[i].fds[0]);
	else if (first(g, false))
		send_away(g, first(g, false), -EUSERS);
}

static int take_arrival(struct guests *g, struct entrance *at)
{
	int64_t fd = at->op.result;
	at->open = false;
	at->peer.len = at->op.addr.len;
	if (fd >= 0)
		seat(g, (int)fd, &at->peer);
	return fd >= 0 || fd == -ECANCELED || fd == -ECONNABORTED ? 0 : (int)fd;
}

static int take(struct guests *g, struct io_op *op)
{
	if (op->kind == IO_ACCEPT)
		return take_arrival(g, (struct entrance *)op);
	struct guest *guest = (struct guest *)op;
	guest->under_way = false;
	judge(g, guest, pier_tls_shaking_go_on(&guest->shaking, guest->conn));
	return 0;
}

/* The next thing that happens. */
static int take_one(struct guests *g)
{
	struct guest *slow = first(g, false);
	int64_t until = slow ? slow->until : PIER_FOREVER;
	int err;
	struct io_op *op = pier_several_next(&g->several, until, "a client", &err);
	if (op)
		return take(g, op);
	if (err != -ETIMEDOUT || pier_io_clock() < until)
		return err;
	send_away(g, slow, -ETIMEDOUT);
	return 0;
}

static void pass_time(struct guests *g)
{
	int64_t away = pier_io_clock() - g->looked;
	for (unsigned i = 0; i < SEATS; i++)
		g->seats[i].until += away;
}

static int look(struct guests *g)
{
	struct io_op *op;
	int ignored, err = pier_several_begin(&g->several);
	if (err < 0)
		return err;
	pass_time(g);
	while (err == 0 && !first(g, true)) {
		submit_all(g);
		err = take_one(g);
	}
	pier_several_cancel(&g->several);
	while ((op = pier_several_next(&g->several, PIER_FOREVER, "", &ignored)))
		take(g, op);
	g->looked = pier_io_clock();
	return err;
}

/* ---- For listeners --------------------------------------------------------------------------------- */

int pier_guests_next(struct guests *g, const struct places *at, pier_conn **out)
{
	g->places = at;
	int err = first(g, true) ? 0 : look(g);
	struct guest *guest = first(g, true);
	if (!guest)
		return err;
	*out = guest->conn;
	*guest = (struct guest){0};
	g->seated--;
	return 0;
}

void pier_guests_free(struct guests *g)
{
	if (!g)
		return;
	for (unsigned i = 0; i < SEATS; i++)
		if (g->seats[i].conn)
			leave(g, &g->seats[i]);
	free(g);
}
