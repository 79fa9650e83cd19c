#include "report.h"

#include "commit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pier/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TITLE_MAX 200

static const char *text_of(const char *variable, const char *otherwise)
{
	const char *text = getenv(variable);
	return text && *text ? text : otherwise;
}

/* PIER_SIM_TRACE is a number, or the path of the picture. */
void pier_report_open(struct report *r)
{
	const char *wanted = text_of("PIER_SIM_TRACE", "0");
	r->trace = strcmp(wanted, "0") != 0;
	if (strspn(wanted, "0123456789") == strlen(wanted))
		return;
	r->film = mmap(NULL, sizeof *r->film, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	r->film = r->film == MAP_FAILED ? NULL : r->film;
	r->path = r->film ? wanted : NULL;
}

void pier_report_close(struct report *r)
{
	if (r->film)
		munmap(r->film, sizeof *r->film);
}

static const char *program(void)
{
	return text_of("PIER_SIM_COMMAND", program_invocation_name);
}

static int write_file(const char *path, const char *text, size_t len)
{
	struct io_op op = {.kind = IO_OPEN, .flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC};
	op.file.dir = AT_FDCWD;
	op.file.path = path;
	op.file.mode = 0666;
	int fd = (int)pier_io_perform(NULL, &op);
	if (fd < 0)
		return fd;
	int err = pier_io_write_all(fd, text, len);
	pier_io_close(fd);
	return err;
}

void pier_report_picture(const struct report *r, uint64_t seed)
{
	char title[TITLE_MAX];
	size_t len = 0;
	if (!r->film)
		return;
	const char *slash = strrchr(program(), '/');
	snprintf(title, sizeof title, "%s: seed %" PRIu64, slash ? slash + 1 : program(), seed);
	char *text = pier_picture(r->film, title, &len);
	int err = text ? write_file(r->path, text, len) : -ENOMEM;
	fprintf(stderr, err < 0 ? "sim: %s could not be drawn: %s\n" : "sim: %s shows it\n",
		r->path, pier_strerror(err));
	free(text);
}

void pier_report(const struct report *r, uint64_t seed, const char *why)
{
	fprintf(stderr,
		"sim: seed %" PRIu64 " failed%s, at %s; to see it again: PIER_SIM_SEED=%" PRIu64
		" PIER_SIM_TRACE=1 %s\n",
		seed, why, text_of("PIER_SIM_COMMIT", COMMIT), seed, program());
	pier_report_picture(r, seed);
}
