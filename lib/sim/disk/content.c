/* Disks by the hand of the scenario: what is on them, how much they hold, how often they fail. */
#include "disk.h"

#include <errno.h>
#include <string.h>

#define FILE_MODE 0644
#define DIR_MODE  0755

int pier_sim_disk_with(pier_sim *s, const char *node, const pier_sim_disk_opts *o)
{
	struct disk *d;
	(void)s;
	if (o->room < 0)
		return -EINVAL;
	int err = pier_disk_of(node, &d);
	if (err < 0)
		return err;
	d->room = o->room ? o->room : ROOM_MAX;
	d->faults = o->faults;
	return 0;
}

static int make(struct inode *dir, const char *name, mode_t mode, struct inode **out)
{
	int err = pier_inode_new(dir->disk, mode, out);
	if (err < 0)
		return err;
	pier_folder_change(NULL, NULL, dir, name, *out);
	pier_inode_drop(*out);
	pier_folder_sync(dir);
	return 0;
}

/* Down to the folder of the last name; what is missing is made. */
static int way_to(struct inode *at, const char *path, struct place *out)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	if (len >= sizeof part)
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (char *end = part; (end = strchr(end, '/')); *end++ = '/') {
		struct place p;
		struct inode *made;
		*end = '\0';
		int err = *part ? pier_path_walk(at, part, NOW, false, &p) : 0;
		if (err == 0 && *part && !pier_place_inode(&p))
			err = make(p.dir, p.name, S_IFDIR | DIR_MODE, &made);
		if (err < 0)
			return err;
	}
	return pier_path_walk(at, path, NOW, false, out);
}

static int fill(struct inode *i, pier_bytes contents)
{
	int64_t n = pier_inode_resize(i, 0);
	if (n == 0)
		n = pier_inode_write(i, contents.p, contents.len, 0);
	if (n < 0)
		return (int)n;
	pier_inode_settle(i, 256);
	return (size_t)n == contents.len ? 0 : -ENOSPC;
}

int pier_sim_file_put(pier_sim *s, const char *node, const char *path, pier_bytes contents)
{
	struct disk *d;
	struct place p;
	(void)s;
	int err = pier_disk_of(node, &d);
	if (err == 0)
		err = way_to(d->root, path, &p);
	if (err < 0)
		return err;
	struct inode *i = pier_place_inode(&p);
	if (p.slash || (i && !S_ISREG(i->mode)))
		return -EISDIR;
	if (!i)
		err = make(p.dir, p.name, S_IFREG | FILE_MODE, &i);
	return err < 0 ? err : fill(i, contents);
}

int pier_sim_file_get(pier_sim *s, const char *node, const char *path, bool safe, pier_bytes *out)
{
	struct disk *d;
	struct place p;
	enum when when = safe ? SAFE : NOW;
	(void)s;
	int err = pier_disk_of(node, &d);
	if (err == 0)
		err = pier_path_walk(d->root, path, when, false, &p);
	struct inode *i = err < 0 ? NULL : pier_place_inode(&p);
	if (!i)
		return err < 0 ? err : -ENOENT;
	if (S_ISDIR(i->mode))
		return -EISDIR;
	*out = (pier_bytes){i->bytes[when], i->size[when]};
	return 0;
}
