/* A node's disk as a whole. It is there before the node and outlives its program; power that fails takes what was not
 * synced, or some of it. */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIR_MODE 0755

static int disk_new(const char *name, struct disk **out)
{
	struct disk *d = calloc(1, sizeof *d);
	if (!d)
		return -ENOMEM;
	memcpy(d->name, name, strlen(name));
	d->number = pier_world->disk_count + 1;
	list_init(&d->inodes);
	list_init(&d->changes);
	d->room = ROOM_MAX;
	d->faults = pier_world->disk_faults;
	d->eager = (unsigned)pier_chance(3) ? (unsigned)pier_chance(64) : 0;
	int err = pier_inode_new(d, S_IFDIR | DIR_MODE, &d->root);
	if (err == 0)
		err = pier_devices_new(d);
	if (err < 0)
		free(d);
	else
		*out = d;
	return err;
}

int pier_disk_of(const char *name, struct disk **out)
{
	struct pier_sim *w = pier_world;
	if (!name || !*name || strlen(name) >= NAME_MAX_SIM)
		return -EINVAL;
	for (unsigned i = 0; i < w->disk_count; i++)
		if (!strcasecmp(w->disks[i]->name, name)) {
			*out = w->disks[i];
			return 0;
		}
	if (w->disk_count == PIER_SIM_NODES)
		return -ENOSPC;
	int err = disk_new(name, out);
	if (err == 0)
		w->disks[w->disk_count++] = *out;
	return err;
}

/* ---- Chance -------------------------------------------------------------------------------------- */

int pier_disk_fault(const struct disk *d)
{
	return !pier_world->calm && pier_chance_of(d->faults) ? -EIO : 0;
}

size_t pier_disk_part(const struct disk *d, size_t len)
{
	if (len < 2 || pier_world->calm || !pier_chance_of(d->faults))
		return len;
	return 1 + pier_chance(len - 1);
}

void pier_disk_stir(struct disk *d, struct inode *i)
{
	if (d->change_count > CHANGES_MAX)
		pier_folders_settle(d, 256);
	if (pier_chance(256) >= d->eager)
		return;
	unsigned chance = (unsigned)pier_chance(257);
	if (i && S_ISREG(i->mode))
		pier_inode_settle(i, chance);
	else
		pier_folders_settle(d, chance);
}

/* ---- The power fails ----------------------------------------------------------------------------- */

/* Everything that was under way has come to the disk, or nothing of it, or some. */
static unsigned luck(void)
{
	unsigned kind = (unsigned)pier_chance(4);
	return kind == 0 ? 0 : kind == 1 ? 256 : 1 + (unsigned)pier_chance(255);
}

void pier_disk_crash(struct disk *d)
{
	unsigned bytes = luck(), names = luck();
	size_t sectors = 0;
	for (struct list *l = d->inodes.next; l != &d->inodes; l = l->next) {
		struct inode *i = list_item(l, struct inode, link);
		if (!S_ISREG(i->mode))
			continue;
		pier_inode_settle(i, bytes);
		sectors += pier_inode_revert(i);
	}
	pier_folders_settle(d, names);
	size_t changes = pier_folders_revert(d);
	for (struct list *l = d->inodes.next; l != &d->inodes; l = l->next) {
		struct inode *i = list_item(l, struct inode, link);
		i->opens = 0; /* mappings, of a memory that is lost */
		pier_inode_charge(i, i->names ? i->size[NOW] : 0);
	}
	if (sectors || changes)
		pier_world_trace("%s has lost %zu sectors, %zu changes of names", d->name, sectors,
				 changes);
	pier_world_fold(sectors << 20 | changes);
}
