/* Paths as people type them, split for pier_file. */
#include "local.h"

#include <stdlib.h>

static int split(const char *path, struct local *out)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EISDIR;
	if (strlen(name) > NAME_MAX || len >= sizeof folder)
		return -ENAMETOOLONG;
	memcpy(folder, path, len);
	folder[len] = '\0';
	const char *where = !slash ? "." : len ? folder : "/";

	struct local l = {0};
	memcpy(l.name, name, strlen(name) + 1);
	int err = pier_dir_open(where, false, &l.dir);
	if (err == 0)
		*out = l;
	return err;
}

int local_target(const char *path, struct local *out)
{
	return split(path, out);
}

int local_source(const char *path, struct local *out)
{
	char real[PATH_MAX];

	return realpath(path, real) ? split(real, out) : -errno;
}

void local_done(struct local *l)
{
	pier_dir_close(l->dir);
	l->dir = NULL;
}
