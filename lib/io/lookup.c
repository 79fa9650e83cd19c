#include "lookup.h"

#include "backend.h"
#include "pool.h"
#include "question.h"

#include <errno.h>
#include <netdb.h>
#include <pier/error.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 253 /* RFC 1035 §2.3.4, as text */

/* The runner frees it. The waiter's op and the look-up point at each other until the answer is posted or
 * the op abandoned; both happen under one lock, so each sees what the other did. */
struct lookup {
	struct job job;
	struct io_op *op; /* NULL once abandoned */
	uint16_t port;
	bool passive;
	char host[HOST_MAX + 1];
	struct io_question question; /* when it has an `ask` */
	max_align_t answer[];	     /* question.answer_size */
};

static pthread_mutex_t joints = PTHREAD_MUTEX_INITIALIZER;

static int ask(const struct lookup *l, pier_addrs *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICSERV | (l->passive ? AI_PASSIVE : 0)};
	struct addrinfo *list = NULL;
	char port[8];

	snprintf(port, sizeof port, "%u", l->port);
	int err = pier_io_name_error(getaddrinfo(*l->host ? l->host : NULL, port, &hints, &list));
	if (err < 0)
		return err;
	for (struct addrinfo *a = list; a && out->count < PIER_ADDRS_MAX; a = a->ai_next) {
		pier_addr *to = &out->at[out->count++];
		to->len = a->ai_addrlen;
		memcpy(&to->storage, a->ai_addr, a->ai_addrlen);
	}
	freeaddrinfo(list);
	return out->count ? 0 : -PIER_ENONAME;
}

static bool wanted(const struct lookup *l)
{
	pthread_mutex_lock(&joints);
	bool yes = l->op != NULL;
	pthread_mutex_unlock(&joints);
	return yes;
}

static void run_lookup(struct job *job)
{
	struct lookup *l = (struct lookup *)job;
	pier_addrs found = {0};
	bool asks = l->question.ask != NULL;
	int err = !wanted(l) ? -ECANCELED
		  : asks     ? l->question.ask(&l->question, l->answer)
			     : ask(l, &found);

	pthread_mutex_lock(&joints);
	struct io_op *op = l->op;
	if (op) {
		if (err == 0 && asks)
			memcpy(op->lookup.answer, l->answer, l->question.answer_size);
		else if (err == 0)
			*op->lookup.out = found;
		op->result = err;
		op->lookup.request = NULL;
		pier_io_post(op->io, op);
	}
	pthread_mutex_unlock(&joints);
	free(l);
}

bool pier_lookup_start(struct io_op *op)
{
	const struct io_question *q = op->lookup.question;
	size_t len = q ? 0 : strlen(op->lookup.host);
	op->result = -PIER_ENONAME;
	if (len > HOST_MAX)
		return false;
	op->result = -ENOMEM;
	struct lookup *l = calloc(1, sizeof *l + (q ? q->answer_size : 0));
	if (!l)
		return false;
	*l = (struct lookup){.job.run = run_lookup,
			     .op = op,
			     .port = op->lookup.port,
			     .passive = op->lookup.passive};
	if (q)
		l->question = *q;
	else
		memcpy(l->host, op->lookup.host, len + 1);
	op->lookup.request = l; /* before the pool sees it */
	if (!pier_pool_add(&pier_pool_names, &l->job)) {
		free(l);
		op->result = -EBUSY;
		return false;
	}
	return true;
}

bool pier_lookup_abandon(struct io_op *op)
{
	pthread_mutex_lock(&joints);
	struct lookup *l = op->lookup.request;
	if (l)
		l->op = NULL;
	op->lookup.request = NULL;
	pthread_mutex_unlock(&joints);
	return l != NULL;
}
