/* A file's bytes, twice: as programs see them, and as they are on the disk. A write changes the first; a sync copies what
 * differs to the second; a failure of power copies the second back.
 *
 *	now    aaaaBBBBcccc....|		  B was overwritten, D was appended: both wait
 *	       aaaaBBBBccccDDDD|
 *	waits      ↓       ↓	each by itself, in any order, or never
 *	safe   aaaabbbbcccc|
 */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SECTORS_MAX (FILE_MAX / SECTOR)
#define MAPPED	    (2 * (size_t)FILE_MAX + SECTORS_MAX)

static bool likely(unsigned chance)
{
	return chance >= 256 || pier_chance(256) < chance;
}

/* ---- Life ---------------------------------------------------------------------------------------- */

int pier_inode_new(struct disk *d, mode_t mode, struct inode **out)
{
	if (d->count == INODES_MAX)
		return -ENOSPC;
	struct inode *i = calloc(1, sizeof *i);
	if (!i)
		return -ENOMEM;
	i->disk = d;
	i->number = ++d->numbers;
	i->mode = mode;
	i->changed = CALENDAR + pier_world->now;
	list_push(&d->inodes, &i->link);
	d->count++;
	*out = pier_inode_hold(i);
	return 0;
}

struct inode *pier_inode_hold(struct inode *i)
{
	i->refs++;
	return i;
}

void pier_inode_drop(struct inode *i)
{
	if (--i->refs)
		return;
	pier_folder_clear(i, NOW);
	pier_folder_clear(i, SAFE);
	pier_inode_charge(i, 0);
	if (i->bytes[NOW])
		munmap(i->bytes[NOW], MAPPED);
	list_remove(&i->link);
	i->disk->count--;
	free(i);
}

/* Address space for the most that a file may have: pages that nobody touches are not there, and a mapping of the file is
 * a part of it. */
static int bytes_make(struct inode *i)
{
	if (i->bytes[NOW])
		return 0;
	char *at = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	i->bytes[NOW] = at;
	i->bytes[SAFE] = at + FILE_MAX;
	i->waits = (uint8_t *)at + 2 * (size_t)FILE_MAX;
	return 0;
}

int pier_inode_map(struct inode *i, bool writes)
{
	if (bytes_make(i) < 0)
		return -ENOMEM;
	i->shared |= writes;
	i->opens++;
	pier_inode_hold(i);
	return 0;
}

void pier_inode_unmap(struct inode *i)
{
	i->opens -= i->opens > 0;
	pier_inode_leave(i);
	pier_inode_drop(i);
}

/* ---- Room ---------------------------------------------------------------------------------------- */

/* How far it may reach, at most to `end`. */
static size_t room_for(const struct inode *i, size_t end)
{
	int64_t left = (i->disk->room - i->disk->used) / BLOCK;
	size_t most = (i->blocks + (left > 0 ? (size_t)left : 0)) * BLOCK;
	return end < most ? end : most;
}

void pier_inode_charge(struct inode *i, size_t end)
{
	size_t blocks = (end + BLOCK - 1) / BLOCK;
	i->disk->used += ((int64_t)blocks - (int64_t)i->blocks) * BLOCK;
	i->blocks = blocks;
}

void pier_inode_leave(struct inode *i)
{
	if (!i->names && !i->opens)
		pier_inode_charge(i, 0);
}

/* ---- As programs see it -------------------------------------------------------------------------- */

static void wait_for_disk(struct inode *i, size_t begin, size_t end)
{
	size_t from = begin / SECTOR, to = (end + SECTOR - 1) / SECTOR;
	memset(i->waits + from, 1, to - from);
	if (i->from == i->to)
		i->from = from;
	i->from = from < i->from ? from : i->from;
	i->to = to > i->to ? to : i->to;
}

int64_t pier_inode_read(const struct inode *i, void *into, size_t len, int64_t offset)
{
	if (offset < 0)
		return -EINVAL;
	size_t at = (size_t)offset, size = i->size[NOW];
	if (at >= size)
		return 0;
	if (len > size - at)
		len = size - at;
	memcpy(into, i->bytes[NOW] + at, len);
	return (int64_t)len;
}

int64_t pier_inode_write(struct inode *i, const void *from, size_t len, int64_t offset)
{
	if (offset < 0)
		return -EINVAL;
	if (offset >= FILE_MAX)
		return -EFBIG;
	if (len == 0)
		return 0;
	if (bytes_make(i) < 0)
		return -ENOMEM;
	size_t at = (size_t)offset;
	size_t end = room_for(i, len < FILE_MAX - at ? at + len : FILE_MAX);
	if (end <= at)
		return -ENOSPC;
	if (end > i->blocks * BLOCK)
		pier_inode_charge(i, end);
	memcpy(i->bytes[NOW] + at, from, end - at);
	wait_for_disk(i, at, end);
	if (end > i->size[NOW])
		i->size[NOW] = end;
	i->changed = CALENDAR + pier_world->now;
	return (int64_t)(end - at);
}

/* A hole takes no room: it is taken when something is written there. */
int pier_inode_resize(struct inode *i, int64_t size)
{
	if (size < 0)
		return -EINVAL;
	if (size > FILE_MAX)
		return -EFBIG;
	if (bytes_make(i) < 0)
		return -ENOMEM;
	size_t to = (size_t)size, old = i->size[NOW];
	if (to < old) {
		memset(i->bytes[NOW] + to, 0, old - to);
		wait_for_disk(i, to, old);
	}
	if (to < i->blocks * BLOCK)
		pier_inode_charge(i, to);
	i->size[NOW] = to;
	i->least = to < i->least ? to : i->least;
	i->changed = CALENDAR + pier_world->now;
	return 0;
}

/* ---- As it is on the disk ------------------------------------------------------------------------ */

/* Who has the pages in his hand writes without a word. */
static void look_for_writes(struct inode *i)
{
	for (size_t at = 0; i->shared && at < i->size[NOW]; at += SECTOR)
		if (memcmp(i->bytes[NOW] + at, i->bytes[SAFE] + at, SECTOR) != 0)
			wait_for_disk(i, at, at + SECTOR);
}

/* What was cut off does not come back between the sectors that were written thereafter: either the cut is safe, or
 * nothing behind it. How far sectors may be written. */
static size_t settle_cut(struct inode *i, unsigned chance)
{
	if (i->least < i->size[SAFE]) {
		if (!likely(chance))
			return i->least / SECTOR * SECTOR;
		memset(i->bytes[SAFE] + i->least, 0, i->size[SAFE] - i->least);
		i->size[SAFE] = i->least;
	}
	i->least = i->size[NOW];
	return i->size[NOW];
}

static void settle_sector(struct inode *i, size_t sector)
{
	size_t at = sector * SECTOR, end = at + SECTOR;
	memcpy(i->bytes[SAFE] + at, i->bytes[NOW] + at, SECTOR);
	i->waits[sector] = 0;
	if (end > i->size[NOW])
		end = i->size[NOW];
	if (end > i->size[SAFE])
		i->size[SAFE] = end;
}

static void settle_size(struct inode *i, unsigned chance)
{
	size_t to = i->size[NOW], old = i->size[SAFE];
	if (!likely(chance))
		return;
	if (chance < 256 && pier_chance(2)) /* it grew step by step */
		to = (old + pier_chance(to - old)) / SECTOR * SECTOR;
	if (to > old)
		i->size[SAFE] = to;
}

void pier_inode_settle(struct inode *i, unsigned chance)
{
	look_for_writes(i);
	size_t end = settle_cut(i, chance);
	for (size_t s = i->from; s < i->to; s++)
		if (i->waits[s] && s * SECTOR < end && likely(chance))
			settle_sector(i, s);
	if (end == i->size[NOW] && i->size[SAFE] < end)
		settle_size(i, chance);
	if (chance >= 256)
		pier_inode_give_up(i);
}

void pier_inode_give_up(struct inode *i)
{
	if (i->to)
		memset(i->waits + i->from, 0, i->to - i->from);
	i->from = i->to = 0;
}

size_t pier_inode_revert(struct inode *i)
{
	size_t size = i->size[NOW] > i->size[SAFE] ? i->size[NOW] : i->size[SAFE], lost = 0;
	for (size_t s = i->from; s < i->to; s++)
		lost += i->waits[s];
	if (size)
		memcpy(i->bytes[NOW], i->bytes[SAFE], size);
	pier_inode_give_up(i);
	i->shared = false;
	i->size[NOW] = i->least = i->size[SAFE];
	return lost;
}
