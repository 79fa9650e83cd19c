#include "race.h"

#include "fiber/several.h"
#include "io/socket.h"
#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>

struct attempt {
	struct io_op op;
	pier_addr to;
	int64_t began;
	unsigned number; /* its place among the addresses */
};

struct race {
	struct several several;
	const pier_addrs *to;
	int (*open)(const pier_addr *to, void *arg);
	void *arg;
	pier_tried *tried;
	unsigned begun;
	int64_t next_at; /* when the next may begin beside those under way */
	int err;	 /* of the last that failed */
	struct attempt at[PIER_ADDRS_MAX];
};

void pier_race_sort(pier_addrs *to)
{
	pier_addrs out = {0};
	bool taken[PIER_ADDRS_MAX] = {0};
	int family = to->count ? to->at[0].sa.sa_family : 0;

	while (out.count < to->count) {
		unsigned i = 0, first = PIER_ADDRS_MAX;
		for (; i < to->count && (taken[i] || to->at[i].sa.sa_family != family); i++)
			if (!taken[i] && first == PIER_ADDRS_MAX)
				first = i;
		if (i == to->count) /* none of that family is left */
			i = first;
		taken[i] = true;
		out.at[out.count++] = to->at[i];
		family = to->at[i].sa.sa_family == AF_INET6 ? AF_INET : AF_INET6;
	}
	*to = out;
}

static void close_fd(struct race *r, int fd)
{
	r->several.io->backend->close_fd(r->several.io, fd);
}

static void note(struct race *r, unsigned number, int64_t began, int err)
{
	pier_tried *t = r->tried;
	if (!t)
		return;
	t->at[number] = (struct pier_try){
		.to = r->to->at[number], .err = err, .took = pier_io_clock() - began};
	if (t->count <= number)
		t->count = number + 1;
}

/* A later one that is done at once (udp, unix) wins as well. */
static void begin_next(struct race *r)
{
	unsigned number = r->begun++;
	struct attempt *a = &r->at[number];
	*a = (struct attempt){.to = r->to->at[number], .number = number, .began = pier_io_clock()};
	r->next_at = a->began + RACE_DELAY;
	int fd = r->open(&a->to, r->arg);
	if (fd < 0) {
		r->err = fd;
		r->next_at = 0;
		note(r, number, a->began, fd);
		return;
	}
	note(r, number, a->began, -EINPROGRESS);
	a->op = (struct io_op){.kind = IO_CONNECT, .fd = fd};
	a->op.addr.sa = &a->to.sa;
	a->op.addr.len = a->to.len;
	pier_several_submit(&r->several, &a->op);
}

/* The next attempt that has ended; NULL when it is time to begin another, when none is left, or with *err when
 * the wait was ended. */
static struct attempt *next_ended(struct race *r, int *err)
{
	bool more = r->begun < r->to->count;
	int64_t until = more ? r->next_at : PIER_FOREVER;
	struct io_op *op = pier_several_next(&r->several, until, "a connection", err);
	if (!op && *err == -ETIMEDOUT && more)
		*err = pier_stopped();
	return (struct attempt *)op;
}

static int run(struct race *r)
{
	for (;;) {
		bool more = r->begun < r->to->count;
		if (more && (!r->several.under_way || pier_io_clock() >= r->next_at) &&
		    !r->several.ended)
			begin_next(r);
		int err = 0;
		struct attempt *a = next_ended(r, &err);
		if (err < 0)
			return err;
		if (!a && !r->several.under_way && r->begun == r->to->count)
			return r->err;
		if (!a)
			continue;
		note(r, a->number, a->began, (int)a->op.result);
		if (a->op.result >= 0)
			return (int)a->number;
		close_fd(r, a->op.fd);
		r->err = (int)a->op.result;
		r->next_at = 0;
	}
}

/* Those that lost. One may have been through at the last moment. */
static void end(struct race *r, int result)
{
	struct io_op *op;
	int err;
	pier_several_cancel(&r->several);
	while ((op = pier_several_next(&r->several, PIER_FOREVER, "", &err))) {
		struct attempt *a = (struct attempt *)op;
		bool left = op->result >= 0 || op->result == -ECANCELED;
		int why = !left ? (int)op->result : result >= 0 ? -ECANCELED : result;
		note(r, a->number, a->began, why);
		close_fd(r, op->fd);
	}
}

int pier_race(const pier_addrs *to, int (*open)(const pier_addr *to, void *arg), void *arg,
	      pier_tried *tried, unsigned *winner)
{
	struct race *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->to = to;
	r->open = open;
	r->arg = arg;
	r->tried = tried;
	int result = pier_several_begin(&r->several);
	if (result == 0) {
		result = run(r);
		end(r, result);
	}
	if (result >= 0) {
		*winner = (unsigned)result;
		result = r->at[result].op.fd;
	}
	free(r);
	return result;
}
