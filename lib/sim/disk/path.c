/* From the text of a path to a place in the tree: path_resolution(7). There are no links that lead elsewhere. */
#include "disk.h"

#include <errno.h>
#include <string.h>

static bool is_self(const char *name, size_t len)
{
	return len == 0 || (len == 1 && name[0] == '.');
}

static bool is_up(const char *name, size_t len)
{
	return len == 2 && name[0] == '.' && name[1] == '.';
}

/* Down, up, or nowhere, by one name that is not the last. */
static int step(struct inode **at, const char *name, size_t len, enum when when,
		const struct inode *top)
{
	char part[NAME_MAX + 1];
	if (is_self(name, len))
		return 0;
	if (is_up(name, len)) {
		if (*at == top)
			return -EXDEV;
		if ((*at)->parent[when])
			*at = (*at)->parent[when];
		return 0;
	}
	memcpy(part, name, len);
	part[len] = '\0';
	struct inode *next = pier_folder_find(*at, when, part);
	if (!next)
		return -ENOENT;
	*at = next;
	return S_ISDIR(next->mode) ? 0 : -ENOTDIR;
}

int pier_path_walk(struct inode *at, const char *path, enum when when, bool beneath,
		   struct place *out)
{
	const struct inode *top = beneath ? at : NULL;
	if (!*path)
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (*path == '/' && beneath)
		return -EXDEV;
	if (*path == '/')
		at = at->disk->root;
	if (!S_ISDIR(at->mode))
		return -ENOTDIR;
	struct place p = {.when = when};
	for (;;) {
		path += strspn(path, "/");
		size_t len = strcspn(path, "/"), slashes = strspn(path + len, "/");
		bool last = !path[len + slashes];
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		if (last && !is_self(path, len) && !is_up(path, len)) {
			memcpy(p.name, path, len);
			p.slash = slashes > 0;
			break;
		}
		int err = step(&at, path, len, when, top);
		if (err < 0)
			return err;
		if (last) {
			p.dots = (unsigned)len;
			break;
		}
		path += len;
	}
	p.dir = at;
	*out = p;
	return 0;
}

struct inode *pier_place_inode(const struct place *p)
{
	return *p->name ? pier_folder_find(p->dir, p->when, p->name) : p->dir;
}
