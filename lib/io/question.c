/* The system's answers about names, each copied out of libc's memory. All of it may block. */
#include "question.h"

#include "kernel.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pier/error.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRATCH 8192 /* for libc's answers: names and addresses beyond it are refused (ERANGE) */

int pier_io_name_error(int eai)
{
	switch (eai) {
	case 0:
		return 0;
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return -PIER_ENONAME;
	case EAI_AGAIN:
		return -PIER_ENAMETEMP;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_BADFLAGS:
		return -PIER_ENAMEFLAGS;
	case EAI_FAMILY:
		return -PIER_ENAMEFAMILY;
	case EAI_SERVICE:
		return -PIER_ENAMESERVICE;
	case EAI_SOCKTYPE:
		return -PIER_ENAMETYPE;
	case EAI_OVERFLOW:
		return -ENAMETOOLONG;
	case EAI_SYSTEM:
		return errno ? -errno : -PIER_ENAMEFAIL;
	default:
		return -PIER_ENAMEFAIL;
	}
}

/* The errors of the older calls: netdb.h, h_errno. */
static int host_error(int h)
{
	switch (h) {
	case HOST_NOT_FOUND:
	case NO_DATA:
		return -PIER_ENONAME;
	case TRY_AGAIN:
		return -PIER_ENAMETEMP;
	default:
		return -PIER_ENAMEFAIL;
	}
}

int pier_io_hostname(char *into, size_t room)
{
	if (pier_io_kernel) {
		pier_io_kernel->hostname(into, room);
		return 0;
	}
	if (gethostname(into, room) < 0)
		return -errno;
	into[room - 1] = '\0';
	return 0;
}

static void copy_addr(pier_addr *to, const struct sockaddr *from, socklen_t len)
{
	to->len = len;
	memcpy(&to->storage, from, len);
}

/* ---- Names to addresses -------------------------------------------------------------------------- */

int pier_io_ask_infos(const struct io_question *q, void *answer)
{
	struct addrinfo *list = NULL;
	struct addrinfo hints = {.ai_family = q->hints.family,
				 .ai_socktype = q->hints.type,
				 .ai_protocol = q->hints.protocol,
				 .ai_flags = q->hints.flags};
	pier_infos *out = answer;

	errno = 0;
	int err = pier_io_name_error(getaddrinfo(*q->host ? q->host : NULL,
						 *q->service ? q->service : NULL, &hints, &list));
	if (err < 0)
		return err;
	for (struct addrinfo *a = list; a && out->count < PIER_INFOS_MAX; a = a->ai_next) {
		pier_info *to = &out->at[out->count++];
		to->family = a->ai_family;
		to->type = a->ai_socktype;
		to->protocol = a->ai_protocol;
		copy_addr(&to->addr, a->ai_addr, a->ai_addrlen);
		if (a->ai_canonname && !*out->canonical)
			snprintf(out->canonical, sizeof out->canonical, "%s", a->ai_canonname);
	}
	freeaddrinfo(list);
	return out->count ? 0 : -PIER_ENONAME;
}

int pier_io_ask_name(const struct io_question *q, void *answer)
{
	pier_name *out = answer;
	errno = 0;
	return pier_io_name_error(getnameinfo(&q->addr.sa, q->addr.len, out->host, sizeof out->host,
					      out->service, sizeof out->service, q->hints.flags));
}

/* ---- Hosts --------------------------------------------------------------------------------------- */

static void copy_names(const struct hostent *h, pier_host *out)
{
	if (!*out->name)
		snprintf(out->name, sizeof out->name, "%s", h->h_name);
	for (char **a = h->h_aliases; *a && out->aliases < PIER_ALIASES_MAX; a++)
		snprintf(out->alias[out->aliases++], PIER_NAME_MAX, "%s", *a);
}

static int host_by_addr(const struct io_question *q, pier_host *out)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&q->addr.sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&q->addr.sa;
	bool six = q->addr.sa.sa_family == AF_INET6;
	struct hostent room, *h = NULL;
	char scratch[SCRATCH];
	int herr = HOST_NOT_FOUND;

	gethostbyaddr_r(six ? (const void *)&v6->sin6_addr : &v4->sin_addr,
			six ? sizeof v6->sin6_addr : sizeof v4->sin_addr, q->addr.sa.sa_family,
			&room, scratch, sizeof scratch, &h, &herr);
	if (!h)
		return host_error(herr);
	copy_names(h, out);
	out->addrs.count = 1;
	out->addrs.at[0] = q->addr;
	return 0;
}

static int host_by_name(const struct io_question *q, pier_host *out)
{
	struct addrinfo *list = NULL;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
	struct hostent room, *h = NULL;
	char scratch[SCRATCH];
	int herr;

	errno = 0;
	int err = pier_io_name_error(getaddrinfo(q->host, NULL, &hints, &list));
	if (err < 0)
		return err;
	if (list->ai_canonname)
		snprintf(out->name, sizeof out->name, "%s", list->ai_canonname);
	for (struct addrinfo *a = list; a && out->addrs.count < PIER_ADDRS_MAX; a = a->ai_next)
		copy_addr(&out->addrs.at[out->addrs.count++], a->ai_addr, a->ai_addrlen);
	freeaddrinfo(list);
	/* getaddrinfo tells no aliases; a host without IPv4 has none to tell. */
	gethostbyname2_r(q->host, AF_INET, &room, scratch, sizeof scratch, &h, &herr);
	if (h)
		copy_names(h, out);
	return 0;
}

int pier_io_ask_host(const struct io_question *q, void *answer)
{
	return q->addr.len ? host_by_addr(q, answer) : host_by_name(q, answer);
}

/* ---- Services and protocols ---------------------------------------------------------------------- */

int pier_io_ask_service(const struct io_question *q, void *answer)
{
	struct servent room, *s = NULL;
	char scratch[SCRATCH];
	const char *protocol = *q->service ? q->service : NULL;
	pier_service *out = answer;

	if (*q->host)
		getservbyname_r(q->host, protocol, &room, scratch, sizeof scratch, &s);
	else
		getservbyport_r(htons((uint16_t)q->number), protocol, &room, scratch,
				sizeof scratch, &s);
	if (!s)
		return -PIER_ENAMESERVICE;
	out->port = ntohs((uint16_t)s->s_port);
	snprintf(out->name, sizeof out->name, "%s", s->s_name);
	snprintf(out->protocol, sizeof out->protocol, "%s", s->s_proto);
	return 0;
}

int pier_io_ask_protocol(const struct io_question *q, void *answer)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER; /* musl has no getprotobyname_r */
	pier_protocol *out = answer;

	pthread_mutex_lock(&one);
	const struct protoent *p = *q->host ? getprotobyname(q->host) : getprotobynumber(q->number);
	if (p) {
		out->number = p->p_proto;
		snprintf(out->name, sizeof out->name, "%s", p->p_name);
	}
	pthread_mutex_unlock(&one);
	return p ? 0 : -PIER_ENONAME;
}
