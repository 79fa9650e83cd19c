/* A file of this machine that a transfer reads or writes: its folder, held open, and its name there. */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include <limits.h>
#include <pier.h>

struct local {
	pier_dir *dir;
	char name[NAME_MAX + 1];
};

/* For writing: the folder must be there, the file need not; a link is replaced, not followed. */
int local_target(const char *path, struct local *out);

/* For reading: links are followed. */
int local_source(const char *path, struct local *out);

void local_done(struct local *l);

#endif
