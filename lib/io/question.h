/* Questions about names, for the names pool: each is copied whole, and so is its answer, so that whoever asked may
 * leave. The answers are those of <pier/names.h>. */
#ifndef IO_QUESTION_H
#define IO_QUESTION_H

#include <pier/names.h>

struct io_question {
	int (*ask)(const struct io_question *,
		   void *answer); /* may block for long; 0 or an error */
	size_t answer_size;
	char host[PIER_NAME_MAX];
	char service[PIER_SERVICE_MAX];
	pier_hints hints;
	pier_addr addr;
	int number;
};

int pier_io_ask_infos(const struct io_question *, void *infos);
int pier_io_ask_name(const struct io_question *, void *name);
int pier_io_ask_host(const struct io_question *, void *host); /* by hints.flags: addr or host */
int pier_io_ask_service(const struct io_question *,
			void *service); /* by name, or by number when it has none */
int pier_io_ask_protocol(const struct io_question *, void *protocol);

/* The error of an EAI_ number. */
int pier_io_name_error(int eai);

/* The name of this machine, cut at `room`. */
int pier_io_hostname(char *into, size_t room);

#endif
