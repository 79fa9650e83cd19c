/* Simulated socks, and the numbers that name them. A sock has as many names as dup(2) and SCM_RIGHTS have made; the last
 * that goes closes it. */
#include "sim/disk/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct sock *pier_sim_sock_new(struct node *n, int family, int type)
{
	struct sock *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	*s = (struct sock){.fd = -1, .node = n, .family = family, .type = type};
	pier_options_begin(s->set);
	s->in.last = &s->in.first;
	s->out.last = &s->out.first;
	pier_chunks_init(&s->came);
	list_push(&pier_world->homeless, &s->link);
	return s;
}

static struct sock **slot_of(int fd)
{
	unsigned at = (unsigned)(fd - IO_FD_SIMULATED);
	return fd >= IO_FD_SIMULATED && at < SOCKS_MAX ? &pier_world->socks[at] : NULL;
}

/* The lowest that is free, as ever: a number that is used again at once is what mistakes are made of. */
static int lowest_free(void)
{
	struct pier_sim *w = pier_world;
	for (unsigned i = 0; i < SOCKS_MAX; i++) {
		if (w->socks[i])
			continue;
		if (i >= w->socks_high)
			w->socks_high = i + 1;
		return IO_FD_SIMULATED + (int)i;
	}
	return -EMFILE;
}

/* socket(2), accept(2), dup(2). */
int pier_sim_shortage(void)
{
	static const int all[] = {-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM};
	return pier_chance_of(pier_world->faults) ? all[pier_chance(4)] : 0;
}

int pier_sim_sock_name(struct sock *s)
{
	int err = pier_sim_shortage(), fd = err < 0 ? err : lowest_free();
	if (fd < 0)
		return fd;
	*slot_of(fd) = s;
	s->names++;
	if (s->fd < 0) {
		list_remove(&s->link);
		s->fd = fd;
	}
	return fd;
}

struct sock *pier_sim_sock_of(struct node *n, int fd)
{
	struct sock **slot = slot_of(fd);
	struct sock *s = slot ? *slot : NULL;
	return s && s->node == n ? s : NULL;
}

struct sock *pier_sim_sock_find(int fd)
{
	return pier_sim_sock_of(pier_node_self(), fd);
}

struct sock *pier_sim_sock_at(unsigned i)
{
	struct sock *s = pier_world->socks[i];
	return s && s->fd == IO_FD_SIMULATED + (int)i ? s : NULL;
}

void pier_sim_sock_each(struct node *n, void (*fn)(struct sock *, void *), void *arg)
{
	for (unsigned i = 0; i < pier_world->socks_high; i++) {
		struct sock *s = pier_sim_sock_at(i);
		if (s && s->node == n)
			fn(s, arg);
	}
}

/* ---- Ends ---------------------------------------------------------------------------------------- */

static void forget_names(struct sock *s)
{
	if (s->fd < 0) {
		list_remove(&s->link);
		return;
	}
	for (unsigned i = 0; i < pier_world->socks_high; i++)
		if (pier_world->socks[i] == s)
			pier_world->socks[i] = NULL;
}

void pier_sim_sock_free(struct sock *s)
{
	pier_event_drop(&s->kick);
	pier_event_drop(&s->dial);
	pier_event_drop(&s->probe);
	pier_chunks_clear(&s->came);
	forget_names(s);
	if (s->node->signals == s)
		s->node->signals = NULL;
	free(s->groups);
	free(s);
}

void pier_sim_sock_close(struct sock *s, bool crash)
{
	if (s->file)
		pier_disk_close(s->file);
	else if (s->type == SOCK_DGRAM && s->family == AF_UNIX)
		pier_unixgram_close(s);
	else if (s->type != SOCK_DGRAM && !s->is_signals)
		pier_stream_close(s, crash);
	pier_sim_sock_free(s);
}

void pier_sim_sock_hold(struct sock *s)
{
	s->names++;
}

void pier_sim_sock_drop(struct sock *s)
{
	assert(s->names > 0);
	if (--s->names)
		return;
	assert(!s->in.first && !s->out.first);
	pier_sim_sock_close(s, s->node->state == NODE_CRASHED);
}

/* Another name becomes the one by which it is met; one that is only under way has none. */
static void name_anew(struct sock *s)
{
	s->fd = -1;
	for (unsigned i = 0; i < pier_world->socks_high && s->fd < 0; i++)
		if (pier_world->socks[i] == s)
			s->fd = IO_FD_SIMULATED + (int)i;
	if (s->fd < 0)
		list_push(&pier_world->homeless, &s->link);
}

void pier_sim_sock_unname(int fd)
{
	struct sock **slot = slot_of(fd);
	struct sock *s = *slot;
	*slot = NULL;
	if (s->fd == fd)
		name_anew(s);
	pier_sim_sock_drop(s);
}
