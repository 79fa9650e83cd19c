/* What travels: pieces of a stream, messages, datagrams. */
#include "sock.h"

#include <stdlib.h>
#include <string.h>

size_t pier_iov_length(const struct msghdr *msg)
{
	size_t len = 0;
	for (size_t i = 0; i < (size_t)msg->msg_iovlen; i++)
		len += msg->msg_iov[i].iov_len;
	return len;
}

struct chunk *pier_chunk_new(enum chunk_kind kind, const struct iovec *iov, size_t count,
			     size_t len)
{
	struct chunk *c = malloc(sizeof *c + len);
	if (!c)
		abort(); /* the machine is out of memory, not the simulated one */
	*c = (struct chunk){.kind = kind, .len = len, .sent = pier_world->now};
	size_t at = 0;
	for (size_t i = 0; i < count && at < len; i++) {
		size_t n = iov[i].iov_len < len - at ? iov[i].iov_len : len - at;
		if (n)
			memcpy(c->data + at, iov[i].iov_base, n);
		at += n;
	}
	return c;
}

/* With all that is beside it but descriptors: only datagrams of a network are copied. */
struct chunk *pier_chunk_copy(const struct chunk *c)
{
	struct iovec all = {(void *)(uintptr_t)c->data, c->len};
	struct chunk *copy = pier_chunk_new(c->kind, &all, 1, c->len);
	copy->beside = malloc(sizeof *copy->beside);
	if (!copy->beside)
		abort();
	*copy->beside = *c->beside;
	return copy;
}

void pier_chunk_free(struct chunk *c)
{
	struct beside *b = c->beside;
	for (unsigned i = 0; b && i < b->passed; i++)
		pier_sim_sock_drop(b->socks[i]);
	free(b);
	free(c);
}

void pier_chunks_init(struct chunks *c)
{
	*c = (struct chunks){0};
	c->last = &c->first;
}

void pier_chunks_push(struct chunks *c, struct chunk *one)
{
	one->next = NULL;
	*c->last = one;
	c->last = &one->next;
	c->count++;
	c->bytes += one->len - one->taken;
}

struct chunk *pier_chunks_pop(struct chunks *c)
{
	struct chunk *one = c->first;
	if (!one)
		return NULL;
	c->first = one->next;
	if (!c->first)
		c->last = &c->first;
	c->count--;
	c->bytes -= one->len - one->taken;
	return one;
}

void pier_chunks_clear(struct chunks *c)
{
	struct chunk *one;
	while ((one = pier_chunks_pop(c)))
		pier_chunk_free(one);
}

size_t pier_iov_scatter(const struct msghdr *msg, size_t at, const char *from, size_t len)
{
	size_t done = 0;
	for (size_t i = 0; i < (size_t)msg->msg_iovlen && done < len; i++) {
		const struct iovec *v = &msg->msg_iov[i];
		if (at >= v->iov_len) {
			at -= v->iov_len;
			continue;
		}
		size_t n = v->iov_len - at < len - done ? v->iov_len - at : len - done;
		memcpy((char *)v->iov_base + at, from + done, n);
		done += n;
		at = 0;
	}
	return done;
}
