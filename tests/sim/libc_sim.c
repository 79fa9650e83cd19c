/* What code of a node asks libc for by itself comes from the seed too: the time, sleep, chance. */
#include "test.h"

#include <pier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_OPENSSL
#include <openssl/rand.h>
#endif

#define SEEDS	 20
#define SAID_MAX 2048

/* What the node saw, in words; shared with the seeds' processes, a row for each run. */
struct said {
	size_t len;
	char text[SAID_MAX];
};

static struct said *said;

static void say(const char *what, const void *value, size_t len)
{
	const unsigned char *at = value;
	said->len += (size_t)snprintf(said->text + said->len, SAID_MAX - said->len, "%s ", what);
	for (size_t i = 0; i < len; i++)
		said->len += (size_t)snprintf(said->text + said->len, SAID_MAX - said->len, "%02x",
					      at[i]);
	said->len += (size_t)snprintf(said->text + said->len, SAID_MAX - said->len, "\n");
}

#define SAY(value) say(#value, &(value), sizeof(value))

/* Runs `node` under each seed, twice: the same seed says the same, and each seed another thing. */
static struct said rows[2][SEEDS];

static int (*node)(void);

static int ask(pier_sim *s)
{
	*said = (struct said){0};
	CHECK_OK(pier_sim_node(s, "srv", node));
	pier_sleep(PIER_S(7200)); /* whatever it does, it has done it by then */
	return pier_sim_check(s, said->len > 0);
}

static void ask_all_seeds(struct said *rows_of)
{
	for (unsigned i = 0; i < SEEDS; i++) {
		CHECK_EQ(pier_sim_run(ask, .seeds = 1, .seed = i + 1), 0);
		rows_of[i] = *said;
	}
}

static void compare(int (*main_fn)(void))
{
	node = main_fn;
	said = mmap(NULL, sizeof *said, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(said != MAP_FAILED);
	ask_all_seeds(rows[0]);
	usleep(1000);
	ask_all_seeds(rows[1]);
	for (unsigned i = 0; i < SEEDS; i++)
		CHECK_STR(rows[0][i].text, rows[1][i].text);
	for (unsigned i = 1; i < SEEDS; i++)
		CHECK(strcmp(rows[0][i].text, rows[0][0].text) != 0);
}

/* ---- Time ---------------------------------------------------------------------------------------- */

static int look_at_clocks(void)
{
	struct timespec mono, real, utc;
	struct timeval day;
	CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &mono), 0);
	CHECK_EQ(clock_gettime(CLOCK_REALTIME, &real), 0);
	CHECK_EQ(gettimeofday(&day, NULL), 0);
	CHECK_EQ(timespec_get(&utc, TIME_UTC), TIME_UTC);
	time_t now = time(NULL);
	clock_t spent = clock();
	SAY(mono);
	SAY(real);
	SAY(utc);
	SAY(day);
	SAY(now);
	SAY(spent);
	CHECK(now - 1 <= real.tv_sec && real.tv_sec <= now);
	return 0;
}

TEST(clocks_show_the_time_of_the_world)
{
	compare(look_at_clocks);
}

static int64_t clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int sleep_in_all_ways(void)
{
	int64_t began = clock_now();
	CHECK_EQ(sleep(3600), 0);
	CHECK_EQ(usleep(500000), 0);
	CHECK_EQ(nanosleep(&(struct timespec){.tv_sec = 3}, NULL), 0);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_sec = 2}, NULL), 0);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL), 0);
	CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL), 0);
	int64_t took = clock_now() - began;
	SAY(took);
	CHECK(took >= PIER_MS(3615500) && took < PIER_MS(3615600));
	return 0;
}

TEST(sleep_takes_time_of_the_world)
{
	compare(sleep_in_all_ways);
}

static int spin(void)
{
	int64_t end = clock_now() + PIER_MS(10);
	int looks = 0;
	while (clock_now() < end)
		looks++;
	SAY(looks);
	return 0;
}

TEST(who_waits_by_looking_at_the_clock_gets_there)
{
	compare(spin);
}

/* ---- Chance -------------------------------------------------------------------------------------- */

static int throw_dice(void)
{
	char a[16] = "", b[16] = "";
	CHECK_EQ(getrandom(a, sizeof a, 0), sizeof a);
	CHECK_EQ(getentropy(b, sizeof b), 0);
	SAY(a);
	SAY(b);
	int c = rand();
	long d = random();
	SAY(c);
	SAY(d);
#ifdef HAVE_OPENSSL
	unsigned char e[16], f[16];
	CHECK_EQ(RAND_bytes(e, sizeof e), 1);
	CHECK_EQ(RAND_priv_bytes(f, sizeof f), 1);
	SAY(e);
	SAY(f);
#endif
#ifdef __GLIBC__
	uint32_t g = arc4random(), h = arc4random_uniform(1000);
	CHECK(h < 1000);
	SAY(g);
	SAY(h);
#endif
	return 0;
}

TEST(chance_comes_from_the_seed)
{
	compare(throw_dice);
}

static int repeat_a_row(void)
{
	int first[4], again[4];
	srand(7);
	for (int i = 0; i < 4; i++)
		first[i] = rand();
	srand(7);
	for (int i = 0; i < 4; i++)
		again[i] = rand();
	CHECK(memcmp(first, again, sizeof first) == 0);
	CHECK(first[0] != first[1]);
	SAY((int){rand() & 0});
	return 0;
}

static int run_repeat(pier_sim *s)
{
	static struct said own;
	said = &own;
	return pier_sim_node(s, "srv", repeat_a_row);
}

TEST(srand_begins_a_row_anew)
{
	CHECK_EQ(pier_sim_run(run_repeat, .seeds = 3), 0);
}

/* ---- Outside ------------------------------------------------------------------------------------- */

TEST(outside_of_a_simulation_all_is_as_ever)
{
	char a[16] = "", b[16] = "";
	int64_t began = clock_now();
	CHECK_EQ(usleep(2000), 0);
	CHECK(clock_now() - began >= PIER_MS(2));
	CHECK(time(NULL) > 1700000000 + 3600);
	CHECK_EQ(getrandom(a, sizeof a, 0), sizeof a);
	CHECK_EQ(getentropy(b, sizeof b), 0);
	CHECK(memcmp(a, b, sizeof a) != 0);
	CHECK_EQ(nanosleep(&(struct timespec){.tv_nsec = -1}, NULL), -1);
}
