/* Names. A change of names is seen at once, and safe when its folder was synced; of those that are not, a failure of power
 * keeps what chance likes: of each folder the first ones, and a rename from one to another in both or in none. */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- The entries of one time --------------------------------------------------------------------- */

/* In the order of their names: of that name, or where it would be. */
static struct entry **place_of(struct inode *dir, enum when when, const char *name)
{
	struct entry **at = &dir->entries[when];
	while (*at && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	return at;
}

struct inode *pier_folder_find(const struct inode *dir, enum when when, const char *name)
{
	for (const struct entry *e = dir->entries[when]; e; e = e->next)
		if (!strcmp(e->name, name))
			return e->inode;
	return NULL;
}

static void take_away(struct inode *dir, enum when when, const char *name)
{
	struct entry **at = place_of(dir, when, name), *e = *at;
	if (!e || strcmp(e->name, name) != 0)
		return;
	struct inode *i = e->inode;
	*at = e->next;
	free(e);
	if (i->parent[when] == dir)
		i->parent[when] = NULL;
	i->names -= when == NOW;
	pier_inode_drop(i);
}

static struct entry *entry_new(const char *name, struct inode *inode)
{
	size_t size = strlen(name) + 1;
	struct entry *e = malloc(sizeof *e + size);
	if (!e)
		abort(); /* the machine is out of memory, not the simulated one */
	e->inode = pier_inode_hold(inode);
	memcpy(e->name, name, size);
	return e;
}

static void put(struct inode *dir, enum when when, const char *name, struct inode *inode)
{
	struct entry *e = entry_new(name, inode);
	take_away(dir, when, name);
	struct entry **at = place_of(dir, when, name);
	e->next = *at;
	*at = e;
	if (S_ISDIR(inode->mode))
		inode->parent[when] = dir;
	inode->names += when == NOW;
}

static void apply(const struct change *c, enum when when)
{
	if (c->from)
		take_away(c->from, when, c->from_name);
	if (c->to)
		put(c->to, when, c->to_name, c->inode);
}

/* ---- Changes ------------------------------------------------------------------------------------- */

static void forget(struct change *c)
{
	c->inode->disk->change_count--;
	list_remove(&c->link);
	if (c->from)
		pier_inode_drop(c->from);
	if (c->to)
		pier_inode_drop(c->to);
	pier_inode_drop(c->inode);
	free(c->from_name);
	free(c->to_name);
	free(c);
}

static char *copy_of(const char *name)
{
	char *copy = name ? strdup(name) : NULL;
	if (name && !copy)
		abort();
	return copy;
}

void pier_folder_change(struct inode *from, const char *from_name, struct inode *to,
			const char *to_name, struct inode *inode)
{
	struct change *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	*c = (struct change){.from = from ? pier_inode_hold(from) : NULL,
			     .to = to ? pier_inode_hold(to) : NULL,
			     .inode = pier_inode_hold(inode),
			     .from_name = copy_of(from_name),
			     .to_name = copy_of(to_name)};
	struct inode *gone = to ? pier_folder_find(to, NOW, to_name) : NULL;
	if (gone)
		pier_inode_hold(gone);
	list_push(&inode->disk->changes, &c->link);
	inode->disk->change_count++;
	apply(c, NOW);
	pier_inode_leave(inode);
	if (gone) {
		pier_inode_leave(gone);
		pier_inode_drop(gone);
	}
	if (from)
		from->changed = CALENDAR + pier_world->now;
	if (to)
		to->changed = CALENDAR + pier_world->now;
}

static struct change *change_of(struct list *at)
{
	return list_item(at, struct change, link);
}

/* ---- What a sync makes safe ---------------------------------------------------------------------- */

/* What was safe elsewhere must not be moved to where nobody would find it: the names of its new folders come first. */
static void want_way(struct inode *dir)
{
	for (; dir; dir = dir->parent[NOW])
		dir->wanted_name = true;
}

static void want(struct change *c)
{
	c->stays = true;
	if (c->from)
		c->from->wanted = true;
	if (c->to)
		c->to->wanted = true;
	if (c->from && c->to && pier_folder_find(c->from, SAFE, c->from_name) == c->inode)
		want_way(c->to);
}

static bool is_wanted(const struct change *c)
{
	return (c->from && c->from->wanted) || (c->to && c->to->wanted) || c->inode->wanted_name;
}

static void make_safe(struct disk *d)
{
	for (struct list *l = d->changes.next, *next; l != &d->changes; l = next) {
		next = l->next;
		if (!change_of(l)->stays)
			continue;
		apply(change_of(l), SAFE);
		forget(change_of(l));
	}
}

void pier_folder_sync(struct inode *dir)
{
	struct disk *d = dir->disk;
	dir->wanted = true;
	for (struct list *l = d->changes.prev; l != &d->changes; l = l->prev)
		if (is_wanted(change_of(l)))
			want(change_of(l));
	for (struct list *l = d->inodes.next; l != &d->inodes; l = l->next) {
		struct inode *i = list_item(l, struct inode, link);
		i->wanted = i->wanted_name = false;
	}
	make_safe(d);
}

/* ---- What chance makes safe ---------------------------------------------------------------------- */

static bool can_be_found(const struct inode *dir)
{
	while (dir != dir->disk->root && dir->parent[SAFE])
		dir = dir->parent[SAFE];
	return dir == dir->disk->root;
}

/* Of a folder nothing more, once one of its changes was left out. */
static bool may_stay(const struct change *c, unsigned chance)
{
	if ((c->from && c->from->wanted) || (c->to && c->to->wanted))
		return false;
	if (c->from && c->to && !can_be_found(c->to))
		return false;
	return pier_chance(256) < chance;
}

void pier_folders_settle(struct disk *d, unsigned chance)
{
	for (struct list *l = d->changes.next, *next; l != &d->changes; l = next) {
		struct change *c = change_of(l);
		next = l->next;
		if (may_stay(c, chance)) {
			apply(c, SAFE);
			forget(c);
			continue;
		}
		if (c->from)
			c->from->wanted = true;
		if (c->to)
			c->to->wanted = true;
	}
	for (struct list *l = d->inodes.next; l != &d->inodes; l = l->next)
		list_item(l, struct inode, link)->wanted = false;
}

void pier_folder_clear(struct inode *dir, enum when when)
{
	while (dir->entries[when])
		take_away(dir, when, dir->entries[when]->name);
}

static struct inode *inode_of(struct list *at)
{
	return list_item(at, struct inode, link);
}

size_t pier_folders_revert(struct disk *d)
{
	struct list *l, *next, *all = &d->inodes;
	size_t lost = 0;
	for (l = all->next; l != all; l = l->next)
		pier_folder_clear(pier_inode_hold(inode_of(l)), NOW);
	for (; !list_empty(&d->changes); lost++)
		forget(change_of(d->changes.next));
	for (l = all->next; l != all; l = l->next)
		for (struct entry *e = inode_of(l)->entries[SAFE]; e; e = e->next)
			put(inode_of(l), NOW, e->name, e->inode);
	for (l = all->next; l != all; l = next) {
		next = l->next; /* which is still held */
		pier_inode_drop(inode_of(l));
	}
	return lost;
}
