/* All that can be asked about names: each question goes to the names pool and is waited for. */
#include "fiber/fiber.h"
#include "io/question.h"

#include <errno.h>
#include <netdb.h>
#include <pier/error.h>
#include <stdlib.h>
#include <string.h>

/* Answers are large, and fibers' stacks are not: they come in memory of their own. */
static int ask(struct io_question *q, void *out)
{
	void *answer = calloc(1, q->answer_size);
	if (!answer)
		return -ENOMEM;
	struct io_op op = {.kind = IO_LOOKUP};
	op.lookup.question = q;
	op.lookup.answer = answer;
	int err = (int)pier_await(&op, PIER_FOREVER, "a name");
	if (err == 0)
		memcpy(out, answer, q->answer_size);
	free(answer);
	return err;
}

static int put(char *into, size_t room, pier_bytes text)
{
	if (text.len >= room || (text.len && memchr(text.p, 0, text.len)))
		return -PIER_ENONAME;
	if (text.len)
		memcpy(into, text.p, text.len);
	into[text.len] = '\0';
	return 0;
}

static int put_host(struct io_question *q, pier_bytes name)
{
	return pier_name_ascii(name, q->host, sizeof q->host) < 0 ? -PIER_ENONAME : 0;
}

/* Not every libc looks at it. */
static bool is_type(int type)
{
	switch (type) {
	case 0:
	case SOCK_STREAM:
	case SOCK_DGRAM:
	case SOCK_RAW:
	case SOCK_SEQPACKET:
		return true;
	default:
		return false;
	}
}

int pier_addrinfo(pier_bytes host, pier_bytes service, const pier_hints *hints, pier_infos *out)
{
	struct io_question q = {.ask = pier_io_ask_infos, .answer_size = sizeof *out};
	int err = put_host(&q, host);
	if (err == 0)
		err = put(q.service, sizeof q.service, service);
	if (err == 0 && hints && !is_type(hints->type))
		err = -PIER_ENAMETYPE;
	if (err < 0)
		return err;
	if (hints)
		q.hints = *hints;
	return ask(&q, out);
}

int pier_nameinfo(const pier_addr *a, int flags, pier_name *out)
{
	struct io_question q = {.ask = pier_io_ask_name,
				.answer_size = sizeof *out,
				.addr = *a,
				.hints.flags = flags};
	if (a->len == 0)
		return -PIER_ENAMEFAMILY;
	return ask(&q, out);
}

int pier_host_of(pier_bytes name, pier_host *out)
{
	struct io_question q = {.ask = pier_io_ask_host, .answer_size = sizeof *out};
	int err = name.len ? put_host(&q, name) : -PIER_ENONAME;
	if (err < 0)
		return err;
	pier_addr_parse(name, 0, &q.addr); /* what is no number leaves it empty */
	return ask(&q, out);
}

int pier_hostname(char *into, size_t room)
{
	return room ? pier_io_hostname(into, room) : -ENAMETOOLONG;
}

static const char *with_dot(const pier_host *h)
{
	if (strchr(h->name, '.'))
		return h->name;
	for (unsigned i = 0; i < h->aliases; i++)
		if (strchr(h->alias[i], '.'))
			return h->alias[i];
	return h->name;
}

/* A server's wildcard addresses are this machine too. */
static bool is_own(pier_bytes name)
{
	return name.len == 0 || pier_bytes_eq(name, "0.0.0.0") || pier_bytes_eq(name, "::");
}

int pier_fqdn(pier_bytes name, char *into, size_t room)
{
	char own[PIER_NAME_MAX];
	pier_host *h = malloc(sizeof *h);
	if (!h)
		return -ENOMEM;
	int err = is_own(name) ? pier_hostname(own, sizeof own) : put(own, sizeof own, name);
	if (err == 0)
		err = pier_host_of(pier_text(own), h);
	bool unknown = err == -PIER_ENONAME || err == -PIER_ENAMETEMP || err == -PIER_ENAMEFAIL;
	const char *found = err == 0 ? with_dot(h) : own;
	if (err == 0 || unknown)
		err = put(into, room, pier_text(found)) < 0 ? -ENAMETOOLONG : 0;
	free(h);
	return err;
}

/* ---- Services and protocols ---------------------------------------------------------------------- */

static int ask_service(const char *name, int port, const char *protocol, pier_service *out)
{
	struct io_question q = {
		.ask = pier_io_ask_service, .answer_size = sizeof *out, .number = port};
	if (put(q.host, sizeof q.host, pier_text(name)) < 0 ||
	    put(q.service, sizeof q.service, pier_text(protocol)) < 0)
		return -PIER_ENAMESERVICE;
	return ask(&q, out);
}

int pier_service_named(const char *name, const char *protocol, pier_service *out)
{
	return *name ? ask_service(name, 0, protocol, out) : -PIER_ENAMESERVICE;
}

int pier_service_at(uint16_t port, const char *protocol, pier_service *out)
{
	return ask_service("", port, protocol, out);
}

static int ask_protocol(const char *name, int number, pier_protocol *out)
{
	struct io_question q = {
		.ask = pier_io_ask_protocol, .answer_size = sizeof *out, .number = number};
	int err = put(q.host, sizeof q.host, pier_text(name));
	return err < 0 ? err : ask(&q, out);
}

int pier_protocol_named(const char *name, pier_protocol *out)
{
	return *name ? ask_protocol(name, 0, out) : -PIER_ENONAME;
}

int pier_protocol_at(int number, pier_protocol *out)
{
	return ask_protocol("", number, out);
}
