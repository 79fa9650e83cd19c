/* One file of this disk to a web server: resumable where the server can, by a plain PUT where not. */
#ifndef CLI_UPLOAD_H
#define CLI_UPLOAD_H

#include "../hub/digest.h"
#include "progress.h"
#include "web.h"

struct put_file {
	/* in */
	const char *path;
	const char *url;	     /* of the file on the server */
	const char *user, *password; /* NULL: those of the URL */
	int64_t timeout;
	unsigned retry;
	bool quiet, verbose;
	/* out */
	int64_t size, sent;
	int64_t resumed; /* where it was gone on from */
	bool there;	 /* it was there already, the same */
	bool checked;	 /* the server says the same digest */
	struct digests digests;
	char why[WHY_MAX];
};

/* Returns the command's status, with why set unless it is 0. */
int upload_run(struct put_file *p);

#endif
