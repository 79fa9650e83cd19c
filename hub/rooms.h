/* Who is where. Rooms and people live while somebody is there; what was said lives in the store.
 *
 * One mutex guards it all, held only for sections that never wait, so fibers of every worker and
 * the pool thread that publishes may take it. Whatever is heard in a room is said under it, which
 * gives the one order that all members see. */
#ifndef HUB_ROOMS_H
#define HUB_ROOMS_H

#include "hub.h"
#include "names.h"
#include "store.h"

#define ROOM_FIRST  "lobby" /* where everybody starts; 大厅 is another name for it */
#define ROOMS_MAX   1000
#define ROOMS_SHOWN 100 /* by /rooms */
#define WHO_SHOWN   200 /* by /who */
#define HISTORY_MAX 200 /* lines shown on joining or by /history */
#define BACKLOG_LINES                                                                              \
	1024 /* lines that may wait for one who reads slowly; more, and it is cut off */
#define BACKLOG_BYTES (1u << 20)

struct rooms;

/* A conn in the chat, in its fiber's memory. The fields are the rooms'. */
struct member {
	pier_conn *conn;
	struct person *person;
	struct room *room;
	struct member *prev, *next; /* in the room */
	bool again; /* the same person is in this room by an earlier conn, so comes and goes
		       unnoticed */
};

int rooms_new(const struct hub_opts *opts, struct store *s, struct rooms **out);
void rooms_free(struct rooms *r);

/* Comes into the chat, into no room yet; `name` is the account's. Returns 0 or -ENOMEM. */
int rooms_arrive(struct rooms *r, struct member *m, pier_conn *c, const char *name);
/* Leaves the room and the chat. Safe after a failed arrive. */
void rooms_depart(struct rooms *r, struct member *m);

/* Goes to a room, made when missing; the others are told. What the member hears from now on has ids
 * above `upto`, and all up to it is in the history: nothing is missed and nothing comes twice.
 * Returns 0, -EALREADY, -EINVAL (the name), -ENOSPC (too many rooms), -ENOMEM. */
struct welcome {
	int64_t upto;
	unsigned people; /* with the member */
};
int rooms_join(struct rooms *r, struct member *m, const char *room, struct welcome *out);

/* The name that a room is kept under, and the one that people see. */
const char *rooms_name(const struct member *m);
const char *rooms_title(const struct rooms *r, const char *room);

/* The last line that was published. */
int64_t rooms_upto(struct rooms *r);

/* Says a line to the member's room. Waits for the disk. Returns 0 or store_say's error. */
int rooms_say(struct rooms *r, struct member *m, const char *text);

/* A line for one person, on all of their conns; not stored. Returns 0 or -ENOENT. */
int rooms_tell(struct rooms *r, struct member *m, const char *name, const char *text);

/* Counts one line of the person and returns 0; or counts none and returns how long to wait before asking
 * again, in ns. So conns of the same person that wait together leave no debt when they end. */
int64_t rooms_pace(struct rooms *r, struct member *m);

/* People of a room as text, WHO_SHOWN at most, each once. Returns their count, or -ENOENT. */
#define ROSTER_MAX (WHO_SHOWN * (NAME_MAX_BYTES + 4))
int rooms_who(struct rooms *r, const char *room, char roster[ROSTER_MAX]);

/* Rooms with their counts, ROOMS_SHOWN at most. Returns how many are filled in. */
struct room_count {
	char name[NAME_MAX_BYTES + 1];
	unsigned people;
};
unsigned rooms_list(struct rooms *r, struct room_count list[ROOMS_SHOWN]);

#endif
