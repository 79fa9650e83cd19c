/*	conn ──► piece A ─┬─► write at `at`    (three jobs of the pool, at the same time)
 *	         piece B  ├─► SHA-256
 *	                  └─► MD5
 *
 * One piece fills while the other is stored, so the slowest of the four sets the pace. Beside them the disk
 * is kept busy, so that the fsync at the end has little left to wait for. */
#include "intake.h"

#include <stdlib.h>

#define TICK PIER_MS(250) /* how often watch is asked while nothing comes */
#define PIECE_WAIT                                                                                 \
	PIER_S(1) /* a slow piece is stored after this long, so that little is lost in a crash */
#define FLUSH_EVERY (64 << 20) /* bytes between two fsyncs on the way */
#define FLOOR_GRACE PIER_S(30) /* before the pace is judged */

struct piece {
	struct intake *in;
	char *at;
	size_t len;
	int64_t offset;
};

struct pieces {
	struct intake *in;
	struct piece two[2];
	pier_group storing;
	struct piece *stored; /* what the group works on */
	pier_group flushes;
	bool flushing;
	int64_t flushed; /* the disk has been told to take all up to here */
	int64_t received, began;
};

static int64_t write_piece(void *arg)
{
	struct piece *p = arg;
	ssize_t n = pier_file_write(p->in->fd, p->at, p->len, p->offset);
	return n < 0 ? n : 0;
}

static int64_t hash_sha256(void *arg)
{
	struct piece *p = arg;
	hasher_add_sha256(p->in->hasher, p->at, p->len);
	return 0;
}

static int64_t hash_md5(void *arg)
{
	struct piece *p = arg;
	hasher_add_md5(p->in->hasher, p->at, p->len);
	return 0;
}

static int write_fiber(void *arg)
{
	return (int)pier_offload(write_piece, arg);
}

static int sha256_fiber(void *arg)
{
	return (int)pier_offload(hash_sha256, arg);
}

static int md5_fiber(void *arg)
{
	return (int)pier_offload(hash_md5, arg);
}

static int flush_fiber(void *arg)
{
	struct pieces *ps = arg;
	int err = pier_file_sync(ps->in->fd);

	ps->flushing = false;
	return err < 0 ? -EIO : 0;
}

static int flush(struct pieces *ps)
{
	if (ps->flushing || ps->in->at - ps->flushed < FLUSH_EVERY)
		return 0;
	ps->flushing = true;
	ps->flushed = ps->in->at;
	return pier_go(&ps->flushes, flush_fiber, ps);
}

/* Waits until the piece under way is on its place. */
static int stored(struct pieces *ps)
{
	if (!ps->stored)
		return 0;
	int err = pier_group_wait(&ps->storing);
	if (err == 0)
		ps->in->at = ps->stored->offset + (int64_t)ps->stored->len;
	else
		ps->in->torn = true;
	ps->stored = NULL;
	return err < 0 ? err : flush(ps);
}

static int store(struct pieces *ps, struct piece *p)
{
	int err = stored(ps);
	if (err < 0 || p->len == 0)
		return err;

	p->offset = ps->in->at;
	ps->storing = (pier_group)PIER_GROUP;
	ps->stored = p;
	err = pier_go(&ps->storing, write_fiber, p);
	if (err == 0 && ps->in->hasher && ps->in->hasher->sha256)
		err = pier_go(&ps->storing, sha256_fiber, p);
	if (err == 0 && ps->in->hasher && ps->in->hasher->md5)
		err = pier_go(&ps->storing, md5_fiber, p);
	if (err == 0)
		return 0;

	/* The piece may be half stored now; the group's end makes sure that nothing touches it. */
	pier_group_end(&ps->storing);
	ps->in->torn = true;
	ps->stored = NULL;
	return err;
}

static int too_slow(const struct pieces *ps)
{
	int64_t passed = pier_now() - ps->began;

	return ps->in->floor && passed > FLOOR_GRACE &&
	       ps->received < ps->in->floor * (passed / PIER_S(1));
}

/* Waits for input in small steps, so that a watch is heard. Only where the body's length is known can it be
 * told from what follows it; else the conn's own time-outs must do. */
static int await(struct pieces *ps)
{
	struct intake *in = ps->in;

	for (int64_t since = pier_now();;) {
		int ready = pier_poll(in->conn, TICK);
		int err = in->watch ? in->watch(ps->received, in->arg) : 0;
		if (ready < 0 || err < 0)
			return err < 0 ? err : ready;
		if (too_slow(ps) || (ready == 0 && pier_now() - since > in->idle))
			return -ETIMEDOUT;
		if (ready > 0)
			return 0;
	}
}

/* Fills a piece. Returns 1 when more is to come, 0 at the body's end, or an error; p->len is what came
 * in any case. */
static int fill(struct pieces *ps, struct piece *p)
{
	struct intake *in = ps->in;
	int64_t began = pier_now();

	p->len = 0;
	while (p->len < INTAKE_PIECE && in->left != 0) {
		/* The first read comes at once: it may have to say "100 Continue". */
		int err = ps->received && in->left > 0 ? await(ps) : 0;
		if (err < 0)
			return err;
		ssize_t n = pier_http_read(in->http, p->at + p->len, INTAKE_PIECE - p->len);
		if (n <= 0)
			return (int)n;
		p->len += (size_t)n;
		ps->received += n;
		if (in->left > 0)
			in->left -= n;
		if (in->max - in->at < (int64_t)(p->len + (ps->stored ? ps->stored->len : 0)))
			return -EFBIG;
		if (pier_now() - began > PIECE_WAIT)
			break;
	}
	return in->left != 0;
}

static int run(struct pieces *ps)
{
	for (unsigned turn = 0;; turn ^= 1) {
		struct piece *p = &ps->two[turn];
		int more = fill(ps, p);
		if (more == -EFBIG)
			return more;
		int err = store(ps, p);
		if (err == 0 && more <= 0)
			err = stored(ps);
		if (err == 0 && ps->in->watch)
			err = ps->in->watch(ps->received, ps->in->arg);
		if (err < 0 || more <= 0)
			return more < 0 ? more : err;
	}
}

int intake_run(struct intake *in)
{
	struct pieces ps = {.in = in, .began = pier_now(), .flushed = in->at};
	int err = -ENOMEM;
	char *both = malloc(2 * INTAKE_PIECE);

	if (both) {
		ps.two[0] = (struct piece){.in = in, .at = both};
		ps.two[1] = (struct piece){.in = in, .at = both + INTAKE_PIECE};
		err = run(&ps);
		int last = stored(&ps), flushed = pier_group_wait(&ps.flushes);
		in->torn |= flushed < 0;
		/* What the disk says comes first: it is the reason why `torn` is. */
		err = flushed < 0 ? flushed : last < 0 ? last : err;
	}
	free(both);
	return err;
}
