/* The digest of a file, made on the pool. */
#include <errno.h>
#include <pier/digest.h>
#include <pier/fiber.h>
#include <pier/file.h>
#include <pier/offload.h>
#include <stdlib.h>
#include <string.h>

#define JOB_MAX	 (8 << 20)  /* bytes of one job: some 15 ms, so that none holds a thread for long */
#define READ_MAX (64 << 10) /* bytes read at a time */

struct job {
	pier_digest *digest;
	int fd;
	int64_t at;
};

/* On a thread of the pool. The bytes that it added: 0 at the end of the file. */
static int64_t add_some(void *arg)
{
	struct job *job = arg;
	char *piece = malloc(READ_MAX);
	int64_t sum = 0;
	ssize_t n = piece ? 1 : -ENOMEM;

	while (n > 0 && sum < JOB_MAX) {
		n = pier_file_read(job->fd, piece, READ_MAX, job->at + sum);
		if (n > 0)
			pier_digest_add(job->digest, piece, (size_t)n);
		sum += n > 0 ? n : 0;
	}
	free(piece);
	return n < 0 ? n : sum;
}

int pier_file_digest(int fd, const char *name, char hex[PIER_DIGEST_TEXT])
{
	PIER_AUTO_DIGEST *d = pier_digest_new(name);
	struct job job = {.digest = d, .fd = fd};
	int64_t n = d ? 1 : -ENOTSUP;

	for (; n > 0; job.at += n) {
		n = pier_stopped();
		if (n == 0)
			n = pier_offload(add_some, &job);
	}
	if (n < 0)
		return (int)n;
	memcpy(hex, pier_digest_hex(d), strlen(pier_digest_hex(d)) + 1);
	return 0;
}
