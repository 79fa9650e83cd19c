/* Who is where. */
#include "rooms.h"

#include <pthread.h>
#include <stdlib.h>

#include "pace.h"
#include "sentences.h"

struct room {
	struct named named; /* first: found by its name */
	pier_topic *topic;
	struct member *members;
	unsigned people; /* members that are not there `again` */
};

/* Somebody who is logged in, by one conn or several. */
struct person {
	struct named named; /* first */
	char name[ACCOUNT_NAME_MAX + 1];
	pier_topic *topic; /* of private lines */
	unsigned conns;
	struct pace pace;
};

struct rooms {
	pthread_mutex_t lock;
	struct store *store;
	enum hub_lang lang;
	int64_t interval; /* of a person's lines */
	unsigned burst;
	int64_t published; /* the highest id that was published, in any room */
	struct names rooms, people;
};

#define LOCKED PIER_CLEANUP(unlock) struct rooms
static struct rooms *lock(struct rooms *r)
{
	pthread_mutex_lock(&r->lock);
	return r;
}

static void unlock(struct rooms **r)
{
	pthread_mutex_unlock(&(*r)->lock);
}

static pier_topic *new_topic(void)
{
	return pier_topic_new(.backlog = BACKLOG_LINES, .backlog_max = BACKLOG_BYTES);
}

/* ---- Publishing ----------------------------------------------------------------------------- */

/* On a pool thread, once for each line, in the order of ids. */
static void publish(const struct said *said, void *arg)
{
	LOCKED *r = lock(arg);
	struct room *room = (struct room *)names_find(&r->rooms, said->room);

	r->published = said->id;
	if (room)
		pier_sayf(room->topic, said->from, "%s: %s\n", said->who, said->text);
}

static int64_t last_id(void *arg)
{
	struct rooms *r = arg;

	return store_last_id(r->store, &r->published);
}

int rooms_new(const struct hub_opts *opts, struct store *s, struct rooms **out)
{
	struct rooms *r = calloc(1, sizeof *r);

	if (!r)
		return -ENOMEM;
	r->store = s;
	r->lang = opts->lang;
	r->interval = PIER_MIN(1) / opts->lines_per_minute;
	r->burst = opts->lines_per_minute / 4 + 1;
	names_init(&r->rooms);
	names_init(&r->people);
	int err = (int)pier_offload(last_id, r);
	if (err < 0) {
		free(r);
		return err;
	}
	pthread_mutex_init(&r->lock, NULL);
	store_on_said(s, publish, r);
	*out = r;
	return 0;
}

void rooms_free(struct rooms *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int64_t rooms_upto(struct rooms *rooms)
{
	LOCKED *r = lock(rooms);

	return r->published;
}

/* ---- People --------------------------------------------------------------------------------- */

static struct person *person_new(struct rooms *r, const char *name)
{
	struct person *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->topic = new_topic();
	if (!p->topic) {
		free(p);
		return NULL;
	}
	snprintf(p->name, sizeof p->name, "%s", name);
	name_fold(name, p->named.folded);
	names_add(&r->people, &p->named);
	return p;
}

static struct person *person_find(struct rooms *r, const char *name)
{
	char folded[NAME_MAX_BYTES + 1];

	if (strlen(name) > NAME_MAX_BYTES)
		return NULL;
	name_fold(name, folded);
	return (struct person *)names_find(&r->people, folded);
}

static void person_release(struct rooms *r, struct person *p)
{
	if (p->conns > 0)
		return;
	names_remove(&r->people, &p->named);
	pier_topic_free(p->topic);
	free(p);
}

int rooms_arrive(struct rooms *rooms, struct member *m, pier_conn *c, const char *name)
{
	LOCKED *r = lock(rooms);
	struct person *p = person_find(r, name);

	*m = (struct member){0};
	if (!p)
		p = person_new(r, name);
	if (!p)
		return -ENOMEM;
	int err = pier_topic_add(p->topic, c);
	if (err < 0) {
		person_release(r, p);
		return err;
	}
	p->conns++;
	m->conn = c;
	m->person = p;
	return 0;
}

int64_t rooms_pace(struct rooms *rooms, struct member *m)
{
	LOCKED *r = lock(rooms);
	int64_t now = pier_now();
	int64_t wait = pace_wait(&m->person->pace, now, r->interval, r->burst);

	if (wait == 0)
		pace_take(&m->person->pace, now, r->interval);
	return wait;
}

int rooms_tell(struct rooms *rooms, struct member *m, const char *name, const char *text)
{
	LOCKED *r = lock(rooms);
	struct person *p = person_find(r, name);

	if (!p)
		return -ENOENT;
	return pier_sayf(p->topic, m->conn, SAY_PRIVATE(r->lang), m->person->name, text);
}

/* ---- Rooms ---------------------------------------------------------------------------------- */

static int room_name(const char *asked, char folded[NAME_MAX_BYTES + 1])
{
	if (strcmp(asked, SAY_LOBBY(HUB_ZH)) == 0)
		asked = ROOM_FIRST;
	int err = name_check(asked);
	if (err == 0)
		name_fold(asked, folded);
	return err;
}

const char *rooms_name(const struct member *m)
{
	return m->room->named.folded;
}

const char *rooms_title(const struct rooms *r, const char *room)
{
	return strcmp(room, ROOM_FIRST) == 0 ? SAY_LOBBY(r->lang) : room;
}

static int room_open(struct rooms *r, const char *folded, struct room **out)
{
	struct room *room = (struct room *)names_find(&r->rooms, folded);

	if (!room) {
		if (r->rooms.count >= ROOMS_MAX && strcmp(folded, ROOM_FIRST) != 0)
			return -ENOSPC;
		room = calloc(1, sizeof *room);
		if (!room)
			return -ENOMEM;
		room->topic = new_topic();
		if (!room->topic) {
			free(room);
			return -ENOMEM;
		}
		snprintf(room->named.folded, sizeof room->named.folded, "%s", folded);
		names_add(&r->rooms, &room->named);
	}
	*out = room;
	return 0;
}

static void room_release(struct rooms *r, struct room *room)
{
	if (room->members)
		return;
	names_remove(&r->rooms, &room->named);
	pier_topic_free(room->topic);
	free(room);
}

/* Another conn of the same person in the room. */
static struct member *twin_of(struct room *room, struct member *m)
{
	struct member *at = m->person->conns > 1 ? room->members : NULL;

	while (at && (at == m || at->person != m->person))
		at = at->next;
	return at;
}

static void enter(struct rooms *r, struct member *m, struct room *room)
{
	m->again = twin_of(room, m) != NULL;
	m->room = room;
	m->prev = NULL;
	m->next = room->members;
	if (m->next)
		m->next->prev = m;
	room->members = m;
	if (!m->again) {
		room->people++;
		pier_sayf(room->topic, m->conn, SAY_CAME(r->lang), m->person->name);
	}
}

static void leave(struct rooms *r, struct member *m)
{
	struct room *room = m->room;

	if (!room)
		return;
	pier_topic_remove(room->topic, m->conn);
	*(m->prev ? &m->prev->next : &room->members) = m->next;
	if (m->next)
		m->next->prev = m->prev;
	m->room = NULL;

	struct member *twin = twin_of(room, m);
	if (!m->again && twin) {
		twin->again = false; /* now it is this one that counts */
	} else if (!m->again) {
		room->people--;
		pier_sayf(room->topic, NULL, SAY_LEFT(r->lang), m->person->name);
	}
	room_release(r, room);
}

int rooms_join(struct rooms *rooms, struct member *m, const char *name, struct welcome *out)
{
	char folded[NAME_MAX_BYTES + 1];
	struct room *room;
	int err = room_name(name, folded);

	if (err < 0)
		return err;
	LOCKED *r = lock(rooms);
	if (m->room && strcmp(m->room->named.folded, folded) == 0)
		return -EALREADY;
	err = room_open(r, folded, &room);
	if (err < 0)
		return err;
	err = pier_topic_add(room->topic, m->conn);
	if (err < 0) {
		room_release(r, room);
		return err; /* and stays where it is */
	}
	leave(r, m);
	enter(r, m, room);
	*out = (struct welcome){.upto = r->published, .people = room->people};
	return 0;
}

void rooms_depart(struct rooms *rooms, struct member *m)
{
	if (!m->person)
		return;
	LOCKED *r = lock(rooms);
	leave(r, m);
	pier_topic_remove(m->person->topic, m->conn);
	m->person->conns--;
	person_release(r, m->person);
	m->person = NULL;
}

/* Without the lock: the room stays while its member waits here. */
int rooms_say(struct rooms *r, struct member *m, const char *text)
{
	int64_t id = store_say(r->store, rooms_name(m), m->person->name, text, m->conn);

	return id < 0 ? (int)id : 0;
}

/* ---- Asking --------------------------------------------------------------------------------- */

int rooms_who(struct rooms *rooms, const char *name, char roster[ROSTER_MAX])
{
	char folded[NAME_MAX_BYTES + 1];
	unsigned shown = 0;
	char *to = roster;

	if (room_name(name, folded) < 0)
		return -ENOENT;
	LOCKED *r = lock(rooms);
	struct room *room = (struct room *)names_find(&r->rooms, folded);
	if (!room)
		return -ENOENT;
	for (struct member *at = room->members; at && shown < WHO_SHOWN; at = at->next) {
		if (at->again)
			continue;
		to = stpcpy(to, shown++ ? SAY_AND(r->lang) : "");
		to = stpcpy(to, at->person->name);
	}
	*to = '\0';
	return (int)room->people;
}

unsigned rooms_list(struct rooms *rooms, struct room_count list[ROOMS_SHOWN])
{
	LOCKED *r = lock(rooms);
	unsigned count = 0;

	for (unsigned i = 0; i < NAMES_BUCKETS; i++) {
		struct named *at = r->rooms.buckets[i];
		for (; at && count < ROOMS_SHOWN; at = at->next, count++) {
			snprintf(list[count].name, sizeof list[count].name, "%s", at->folded);
			list[count].people = ((struct room *)at)->people;
		}
	}
	return count;
}
