/* Handlers that are called per message: very many conns, fairness, memory, topics. */
#include "quiet_town.h"

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#define CROWD 1500
#else
#define CROWD 9500 /* two descriptors each, of 20,000 */
#endif
#define IDLE_MAX 768 /* bytes of a conn; it is some 500 */

static int raw[CROWD];

struct dialling {
	const struct town *town;
	int n;
	atomic_int done;
};

/* On a thread: the worker has to accept meanwhile. */
static void *dial_on_thread(void *arg)
{
	struct dialling *d = arg;
	pier_addr at;
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.1"),
				 (uint16_t)atoi(strrchr(d->town->where, ':') + 1), &at));
	for (int i = 0; i < d->n; i++) {
		raw[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK_OK(raw[i]);
		CHECK_EQ(connect(raw[i], &at.sa, at.len), 0);
	}
	d->done = 1;
	return NULL;
}

static void dial_raw(const struct town *t, int n)
{
	struct dialling d = {.town = t, .n = n};
	pthread_t thread;
	CHECK_EQ(pthread_create(&thread, NULL, dial_on_thread, &d), 0);
	while (!d.done)
		pier_sleep(PIER_MS(1));
	pthread_join(thread, NULL);
}

/* All speak before any listens. */
static void ask_all(struct town *t, int n)
{
	char got[8];
	int before = t->ended;
	for (int i = 0; i < n; i++)
		CHECK_EQ(write(raw[i], "hello\n", 6), 6);
	await(&t->ended, before + n);
	for (int i = 0; i < n; i++) {
		CHECK_EQ(read(raw[i], got, 6), 6);
		CHECK(memcmp(got, "hello\n", 6) == 0);
	}
}

static void close_raw(int n)
{
	for (int i = 0; i < n; i++)
		close(raw[i]);
}

static uint64_t fibers(void)
{
	pier_worker_stats s;
	uint64_t sum = 0;
	for (unsigned w = 0; pier_stats(w, &s) == 0; w++)
		sum += s.fibers;
	return sum;
}

ON_FIBER_WITHIN(60, thousands_idle_and_all_answer)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", answer);
	uint64_t before;
	open_town(&t);
	pier_sleep(PIER_MS(50));
	before = fibers();
	dial_raw(&t, CROWD);
	await(&opened, CROWD);
	for (int i = 0; i < 3; i++)
		ask_all(&t, CROWD);
	CHECK_EQ(t.begun, 3 * CROWD);
	pier_sleep(PIER_MS(50));
	CHECK(fibers() <= before + 8);
	close_raw(CROWD);
	await(&closed, CROWD);
	close_quiet_town(&t);
	CHECK_EQ(t.errors, 0);
}

static size_t resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	CHECK(fscanf(f, "%*d %ld", &pages) == 1);
	fclose(f);
	return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Memory that is free counts for nothing; musl gives it back by itself. */
static void give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

ON_FIBER_WITHIN(60, an_idle_conn_costs_half_a_kibibyte)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", answer);
	t.o.workers = 1;
	open_town(&t);
	dial_raw(&t, 500); /* stacks, buffers and tables that are for all */
	ask_all(&t, 500);
	close_raw(500);
	await(&closed, 500);
	give_back();
	size_t before = resident();
	dial_raw(&t, CROWD);
	await(&opened, 500 + CROWD);
	for (int at = 0; at < 2; at++)
		ask_all(&t, CROWD);
	pier_sleep(PIER_MS(1500)); /* stacks that are free for long give their pages back */
	give_back();
	size_t after = resident(), each = (after - before) / CROWD;
	fprintf(stderr, "%zu bytes for each of %d idle conns\n", each, CROWD);
#ifndef SANITIZED
	CHECK(each <= IDLE_MAX);
#endif
	close_raw(CROWD);
	await(&closed, 500 + CROWD);
	close_quiet_town(&t);
}

/* ---- Fairness -------------------------------------------------------------------------------------- */

static atomic_int flood_done;

static void answer_or_count(pier_conn *c, void *arg)
{
	struct town *t = arg;
	pier_bytes m = pier_next(c);
	t->begun++;
	if (m.len && *m.p == 'f')
		flood_done++;
	else
		pier_printf(c, "%d", flood_done);
	t->ended++;
}

ON_FIBER(one_who_sends_a_thousand_at_once_shares_with_others)
{
	enum {
		FLOOD = 20000
	};
	struct town t = quiet_town("tcp://127.0.0.1:0", answer_or_count);
	t.o.workers = 1;
	open_town(&t);
	PIER_AUTO *hot = pier_dial(t.where);
	PIER_AUTO *other = pier_dial(t.where, .frame = PIER_LINES);
	char *all = malloc(FLOOD * 2);
	for (int i = 0; i < FLOOD; i++)
		memcpy(all + i * 2, "f\n", 2);
	say(other, "early");
	CHECK_BYTES(pier_next(other), "0");
	flood_done = 0;
	say(other, "between"); /* it is behind some, and before most */
	CHECK_OK(pier_send(hot, all, FLOOD * 2));
	pier_bytes m = pier_next(other);
	CHECK(m.p && atoi(m.p) < FLOOD / 2);
	await(&flood_done, FLOOD);
	close_quiet_town(&t);
	free(all);
}

/* ---- Topics ---------------------------------------------------------------------------------------- */

static pier_topic *room;

static void join(pier_conn *c, void *arg)
{
	note_open(c, arg);
	CHECK_OK(pier_topic_add(room, c));
}

static void tell_room(pier_conn *c, void *arg)
{
	struct town *t = arg;
	t->begun++;
	CHECK_OK(pier_say(room, c, pier_next(c)));
	t->ended++;
}

ON_FIBER(who_idles_hears_what_is_said)
{
	enum {
		MEMBERS = 40
	};
	struct town t = quiet_town("tcp://127.0.0.1:0", tell_room);
	pier_conn *c[MEMBERS];
	char text[16];
	room = pier_topic_new(.backlog = 8);
	t.o.on_open = join;
	open_town(&t);
	for (int i = 0; i < MEMBERS; i++)
		c[i] = pier_dial(t.where, .frame = PIER_LINES);
	await(&opened, MEMBERS);
	pier_sleep(PIER_MS(20));
	for (int i = 0; i < MEMBERS; i++) {
		snprintf(text, sizeof text, "from %d", i);
		say(c[i], text);
		for (int k = 0; k < MEMBERS; k++)
			if (k != i)
				CHECK_BYTES(pier_next(c[k]), text);
	}
	for (int i = 0; i < MEMBERS; i++)
		pier_close(c[i]);
	await(&closed, MEMBERS);
	close_quiet_town(&t);
	pier_topic_free(room);
}

static int speak(void *arg)
{
	static char text[60000];
	struct town *t = arg;
	while (closed == 0 && t->errors == 0) {
		CHECK_OK(pier_say(room, NULL, (pier_bytes){text, sizeof text}));
		pier_sleep(PIER_MS(1));
	}
	return 0;
}

ON_FIBER(one_who_idles_and_does_not_read_is_cut_off)
{
	struct town t = quiet_town("tcp://127.0.0.1:0", tell_room);
	pier_group g = PIER_GROUP;
	room = pier_topic_new(.backlog = 8, .on_full = PIER_CLOSE_SLOW);
	t.o.on_open = join;
	open_town(&t);
	dial_raw(&t, 1);
	await(&opened, 1);
	CHECK_OK(pier_go(&g, speak, &t));
	await(&closed, 1);
	CHECK_EQ(t.error, -PIER_ESLOW);
	CHECK_OK(pier_group_wait(&g));
	close_raw(1);
	close_quiet_town(&t);
	pier_topic_free(room);
}
