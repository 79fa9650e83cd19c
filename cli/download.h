/* One file from a web server to this disk, or to stdout.
 *
 *	FILE.part        what has come
 *	FILE.part.from   where from, and the validator that says whether it may be gone on with
 *
 * Both are gone when FILE is there: whole, checked, on the disk. */
#ifndef CLI_DOWNLOAD_H
#define CLI_DOWNLOAD_H

#include "../hub/digest.h"
#include "progress.h"

struct download {
	/* in */
	const char *url;
	const char *to; /* a path; "-" is stdout */
	int64_t timeout;
	unsigned retry; /* attempts after a cut, counted anew whenever bytes came */
	bool quiet, verbose;
	void (*on_open)(const struct download *, void *arg); /* the first bytes are about to come */
	void *arg;
	/* out */
	int64_t size;	 /* -1 = not known yet */
	int64_t resumed; /* bytes that an earlier run had brought */
	int64_t received;
	bool checked; /* the server gave a digest, and it is right */
	struct promise promise;
	char why[512]; /* the sentence when it failed */
};

/* Returns the command's status, with why set unless it is 0. */
int download_run(struct download *d);

#endif
