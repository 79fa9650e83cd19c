/* Giving up privileges: setuid(2), in the order that keeps the right to do each step until it is done. */
#include "backend.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define RECORD_MAX (1u << 16) /* bytes of one entry of the user or group database */

struct who {
	uid_t uid;
	gid_t gid;
	bool user, group;
};

static int find_user(const char *name, char *room, struct who *out)
{
	struct passwd entry, *found = NULL;
	int err = getpwnam_r(name, &entry, room, RECORD_MAX, &found);
	if (!found)
		return err ? -err : -ESRCH;
	out->uid = found->pw_uid;
	out->gid = found->pw_gid;
	out->user = out->group = true;
	return 0;
}

static int find_group(const char *name, char *room, struct who *out)
{
	struct group entry, *found = NULL;
	int err = getgrnam_r(name, &entry, room, RECORD_MAX, &found);
	if (!found)
		return err ? -err : -ESRCH;
	out->gid = found->gr_gid;
	out->group = true;
	return 0;
}

static int find(const char *user, const char *group, struct who *out)
{
	char *room = malloc(RECORD_MAX);
	if (!room)
		return -ENOMEM;
	int err = user ? find_user(user, room, out) : 0;
	if (err == 0 && group)
		err = find_group(group, room, out);
	free(room);
	return err;
}

int pier_io_become(const char *user, const char *group)
{
	struct who who = {0};
	int err = find(user, group, &who);
	if (err < 0)
		return err;
	/* Groups first: after setuid the right to change them is gone. */
	if (who.user && !group && initgroups(user, who.gid) < 0)
		return -errno;
	if (group && setgroups(1, &who.gid) < 0)
		return -errno;
	if (who.group && setgid(who.gid) < 0)
		return -errno;
	if (who.user && setuid(who.uid) < 0)
		return -errno;
	/* What can be taken back was not given up. */
	if (who.user && who.uid != 0 && setuid(0) == 0)
		return -EPERM;
	return 0;
}
