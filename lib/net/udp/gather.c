/* The sending half of datagrams.h. */
#include "datagrams.h"

#include "io/socket.h"

#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <pier/conn.h>
#include <stdlib.h>
#include <string.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define NO_ROOM_PAUSE PIER_MS(1) /* a full queue below the socket gives no sign when it has room */

static void run_task(struct turn_task *t)
{
	pier_gather_flush(list_item(t, struct gather, task));
}

int pier_gather_new(int fd, void (*failed)(void *owner, int err), struct gather **out)
{
	struct gather *g = malloc(sizeof *g);
	if (!g)
		return -ENOMEM;
	memset(g, 0, offsetof(struct gather, data));
	g->fd = fd;
	g->failed = failed;
	g->task.run = run_task;
	waitq_init(&g->room);
	g->cuts = pier_io_option(fd, IPPROTO_UDP, UDP_SEGMENT, 0) == 0; /* Linux 4.18 */
	*out = g;
	return 0;
}

/* ---- Gathering ----------------------------------------------------------------------------------- */

/* The one before it, when both can go as one: the same size, and nothing shorter between. */
static struct gathered *fellow(struct gather *g, const void *owner, size_t len)
{
	if (!g->cuts || g->rest || g->count == g->first || len == 0)
		return NULL;
	struct gathered *e = &g->at[g->count - 1];
	size_t have = g->iov[g->count - 1].iov_len;
	bool fits = e->owner == owner && len <= e->size && have == e->count * e->size &&
		    e->count < SEGMENTS_MAX && have + len <= SEGMENTS_BYTES;
	return fits && e->size <= DATAGRAM_MTU ? e : NULL;
}

static void ask_to_cut(struct gathered *e, struct msghdr *msg)
{
	uint16_t size = (uint16_t)e->size;
	struct cmsghdr *h = (struct cmsghdr *)(e->control + msg->msg_controllen);
	h->cmsg_level = IPPROTO_UDP;
	h->cmsg_type = UDP_SEGMENT;
	h->cmsg_len = (socklen_t)CMSG_LEN(sizeof size);
	memcpy(CMSG_DATA(h), &size, sizeof size);
	msg->msg_control = e->control;
	msg->msg_controllen += (socklen_t)CMSG_SPACE(sizeof size);
}

static void begin(struct gather *g, void *owner, const pier_addr *to, const struct source *from,
		  size_t len)
{
	unsigned i = g->count++;
	struct gathered *e = &g->at[i];
	e->owner = owner;
	e->size = len;
	e->count = 1;
	memcpy(&e->to, &to->sa, to->len);
	memcpy(e->control, from->control, from->len);
	g->iov[i] = (struct iovec){g->data + g->used, len};
	g->msgs[i].msg_hdr = (struct msghdr){.msg_name = &e->to,
					     .msg_namelen = to->len,
					     .msg_iov = &g->iov[i],
					     .msg_iovlen = 1,
					     .msg_control = from->len ? e->control : NULL,
					     .msg_controllen = from->len};
}

static bool has_room(const struct gather *g, size_t len)
{
	return g->count < BATCH_MAX && len <= GATHER_BYTES - g->used;
}

int64_t pier_gather_put(struct gather *g, void *owner, const pier_addr *to,
			const struct source *from, const struct msghdr *msg)
{
	size_t len = 0;
	for (size_t i = 0; i < (size_t)msg->msg_iovlen; i++)
		len += msg->msg_iov[i].iov_len;
	if (!has_room(g, len) && !pier_gather_flush(g))
		return -EAGAIN;

	struct gathered *e = fellow(g, owner, len);
	if (e) {
		if (e->count++ == 1)
			ask_to_cut(e, &g->msgs[g->count - 1].msg_hdr);
		g->iov[g->count - 1].iov_len += len;
	} else {
		begin(g, owner, to, from, len);
	}
	for (size_t i = 0; i < (size_t)msg->msg_iovlen; i++) {
		if (msg->msg_iov[i].iov_len)
			memcpy(g->data + g->used, msg->msg_iov[i].iov_base,
			       msg->msg_iov[i].iov_len);
		g->used += msg->msg_iov[i].iov_len;
	}
	if (!g->draining)
		pier_worker_at_turn_end(pier_worker_self(), &g->task);
	return (int64_t)len;
}

void pier_gather_forget(struct gather *g, const void *owner)
{
	for (unsigned i = g->first; i < g->count; i++)
		if (g->at[i].owner == owner)
			g->at[i].owner = NULL;
}

/* ---- Sending ------------------------------------------------------------------------------------- */

/* The kernel cuts only what has room in the path's MTU, and where the device can do its sums: -EINVAL, -EMSGSIZE, -EIO. */
static bool cannot_cut(int64_t err)
{
	return err == -EINVAL || err == -EMSGSIZE || err == -EIO || err == -EOPNOTSUPP;
}

/* What was to be cut goes piece by piece, so that each has its own error. */
static void take_apart(struct gather *g, struct gathered *e)
{
	struct iovec *iov = &g->iov[g->first];
	struct msghdr *msg = &g->msgs[g->first].msg_hdr;
	msg->msg_controllen -= (socklen_t)CMSG_SPACE(sizeof(uint16_t));
	e->count = 1;
	g->rest = iov->iov_len - e->size;
	iov->iov_len = e->size;
}

static void advance(struct gather *g, unsigned n)
{
	struct iovec *iov = &g->iov[g->first];
	if (g->rest == 0) {
		g->first += n;
		return;
	}
	iov->iov_base = (char *)iov->iov_base + iov->iov_len;
	if (iov->iov_len > g->rest)
		iov->iov_len = g->rest;
	g->rest -= iov->iov_len;
}

/* sendmmsg(2): an error is that of the first message; those before it have left. */
static void fail(struct gather *g, int64_t err)
{
	struct gathered *e = &g->at[g->first];
	if (e->count > 1) {
		g->cuts = !cannot_cut(err);
		take_apart(g, e);
		return;
	}
	if (e->owner)
		g->failed(e->owner, (int)err);
	advance(g, 1);
}

static int64_t try_now(struct io_op *op)
{
	struct io *io = pier_worker_self()->io;
	op->nowait = true;
	bool now = io_submit(io, op);
	assert(now);
	return op->result;
}

static int64_t send_all(struct gather *g, bool waits)
{
	while (g->first < g->count) {
		struct io_op op = {.kind = IO_SENDMMSG, .fd = g->fd};
		op.batch.at = g->msgs + g->first;
		op.batch.count = g->rest ? 1 : g->count - g->first;
		int64_t n = waits ? pier_await(&op, PIER_FOREVER, "room to send") : try_now(&op);
		if (n > 0)
			advance(g, (unsigned)n);
		else if (n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM || n == -ECANCELED)
			return n;
		else
			fail(g, n);
	}
	g->first = g->count = 0;
	g->used = 0;
	return 0;
}

static int drain(void *arg)
{
	struct gather *g = arg;
	int64_t err;
	do {
		err = send_all(g, true);
	} while (err < 0 && err != -ECANCELED && pier_sleep(NO_ROOM_PAUSE) == 0);
	g->draining = false;
	pier_waitq_wake_all(&g->room);
	return 0;
}

bool pier_gather_flush(struct gather *g)
{
	if (g->draining)
		return false;
	if (send_all(g, false) == 0)
		return true;
	g->draining = pier_go(&g->drain, drain, g) == 0;
	if (!g->draining) /* no memory for a fiber: these are lost, as datagrams may be */
		g->first = g->count = 0, g->used = g->rest = 0;
	return !g->draining;
}

int pier_gather_wait(struct gather *g, int64_t until)
{
	return g->draining ? pier_waitq_wait(&g->room, until, "room to send") : 0;
}

void pier_gather_free(struct gather *g)
{
	if (!g)
		return;
	pier_turn_task_drop(pier_worker_self(), &g->task);
	PIER_SHIELD (PIER_LINGER)
		while (!pier_gather_flush(g) && pier_gather_wait(g, PIER_FOREVER) == 0)
			;
	pier_group_end(&g->drain);
	free(g);
}
