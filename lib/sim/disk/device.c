/* What stands in /dev: the files that programs ask for chance, for zeros, or for nothing at all. random(4), null(4). */
#include "disk.h"

#include <errno.h>
#include <string.h>

int pier_devices_new(struct disk *d)
{
	static const char *const names[] = {"null", "zero", "full", "random", "urandom"};
	struct inode *dev, *i;
	int err = pier_inode_new(d, S_IFDIR | 0755, &dev);
	if (err < 0)
		return err;
	pier_folder_change(NULL, NULL, d->root, "dev", dev);
	for (size_t k = 0; k < sizeof names / sizeof *names && err == 0; k++) {
		err = pier_inode_new(d, S_IFCHR | 0666, &i);
		if (err < 0)
			break;
		i->device = *names[k];
		pier_folder_change(NULL, NULL, dev, names[k], i);
		pier_inode_drop(i);
	}
	pier_folder_sync(d->root);
	pier_folder_sync(dev);
	pier_inode_drop(dev);
	return err;
}

int64_t pier_device_read(const struct inode *i, void *into, size_t len)
{
	if (i->device == 'n')
		return 0;
	if (i->device == 'z' || i->device == 'f')
		memset(into, 0, len);
	else
		pier_io_random(into, len);
	return (int64_t)len;
}

int64_t pier_device_write(const struct inode *i, size_t len)
{
	return i->device == 'f' && len ? -ENOSPC : (int64_t)len;
}
