/* What code of a node asks libc for by itself comes from the seed too: the time, sleep, chance. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/utsname.h>
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

/* ---- Who one is ---------------------------------------------------------------------------------- */

static int say_who(void)
{
	char name[65] = "";
	struct utsname u;
	pid_t pid = getpid(), tid = gettid();
	int cpu = sched_getcpu();
	CHECK_EQ(gethostname(name, sizeof name), 0);
	CHECK_EQ(uname(&u), 0);
	CHECK_STR(name, "srv");
	CHECK_STR(u.nodename, "srv");
	CHECK_EQ(pid, tid);
	CHECK_EQ(kill(pid, 0), 0);
	CHECK_EQ(kill(1, 0), -1);
	uint64_t chance = (uint64_t)random(); /* no two seeds say the same */
	SAY(chance);
	SAY(pid);
	SAY(cpu);
	return 0;
}

TEST(a_node_has_a_name_and_numbers_of_its_own)
{
	compare(say_who);
}

static int leave_inside(void *arg)
{
	(void)arg;
	pier_sleep(PIER_MS(1));
	exit(7); /* with the runtime, its fibers and descriptors as they are */
}

static int leave_by_exit(void)
{
	return pier_run(leave_inside, NULL);
}

static int see_it_leave(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", leave_by_exit));
	pier_sleep(PIER_S(1));
	CHECK_EQ(pier_sim_restart(s, "srv"), 0);
	pier_sleep(PIER_S(1));
	return pier_sim_check(s, pier_sim_wait(s, "srv") == 7);
}

static int end_oneself(void)
{
	kill(getpid(), SIGTERM);
	return 0;
}

static int see_it_end(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", end_oneself));
	pier_sleep(PIER_S(1));
	return pier_sim_check(s, pier_sim_wait(s, "srv") == -ESRCH);
}

TEST(a_program_may_end_itself)
{
#ifdef __GLIBC__
	CHECK_EQ(pier_sim_run(see_it_leave, .seeds = 10), 0);
#else
	(void)see_it_leave;
#endif
	CHECK_EQ(pier_sim_run(see_it_end, .seeds = 10), 0);
}

/* ---- Threads ------------------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS	50

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static sem_t done;
static int inside, rounds;

/* Sleeps in the middle: another that came in would be seen. */
static void *contend(void *arg)
{
	pthread_mutex_t *m = arg;
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(pthread_mutex_lock(m), 0);
		CHECK_EQ(inside++, 0);
		usleep((useconds_t)(random() % 300));
		CHECK_EQ(--inside, 0);
		rounds++;
		CHECK_EQ(pthread_cond_signal(&changed), 0);
		CHECK_EQ(pthread_mutex_unlock(m), 0);
	}
	CHECK_EQ(sem_post(&done), 0);
	return arg;
}

static void contend_for(pthread_mutex_t *m)
{
	pthread_t threads[THREADS];
	struct timespec soon;
	void *result;
	rounds = 0;
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, contend, m), 0);
	CHECK_EQ(pthread_mutex_lock(m), 0);
	while (rounds < THREADS * ROUNDS)
		CHECK_EQ(pthread_cond_wait(&changed, m), 0);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_sec += 1;
	CHECK_EQ(pthread_cond_timedwait(&changed, m, &soon), ETIMEDOUT);
	CHECK_EQ(pthread_mutex_unlock(m), 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK_EQ(sem_wait(&done), 0);
		CHECK_EQ(pthread_join(threads[i], &result), 0);
		CHECK(result == m);
	}
}

static int use_threads(void)
{
	pthread_mutex_t nested;
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&nested, &attr);
	CHECK_EQ(sem_init(&done, 0, 0), 0);
	contend_for(&lock);
	CHECK_EQ(pthread_mutex_lock(&nested), 0);
	CHECK_EQ(pthread_mutex_trylock(&nested), 0); /* as its kind is */
	CHECK_EQ(pthread_mutex_unlock(&nested), 0);
	CHECK_EQ(pthread_mutex_unlock(&nested), 0);
	contend_for(&nested);
	int64_t took = clock_now();
	SAY(took);
	return 0;
}

TEST(threads_locks_and_conditions_of_a_program_are_simulated)
{
	compare(use_threads);
}

static pthread_rwlock_t book = PTHREAD_RWLOCK_INITIALIZER;
static int readers, readers_most, writers;

static void *read_or_write(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool writes = random() % 4 == 0;
		CHECK_EQ((writes ? pthread_rwlock_wrlock : pthread_rwlock_rdlock)(&book), 0);
		*(writes ? &writers : &readers) += 1;
		CHECK(writers == 0 || (writers == 1 && readers == 0));
		readers_most = readers > readers_most ? readers : readers_most;
		usleep(100);
		*(writes ? &writers : &readers) -= 1;
		CHECK_EQ(pthread_rwlock_unlock(&book), 0);
	}
	return arg;
}

static int read_together(void)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, read_or_write, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK(readers_most > 1);
	int64_t took = clock_now();
	SAY(took);
	return 0;
}

TEST(readers_read_together_and_a_writer_writes_alone)
{
	compare(read_together);
}

static int die_with_the_lock(void)
{
	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	sleep(3600);
	CHECK_EQ(pthread_mutex_unlock(&lock), 0);
	return 0;
}

static int crash_within(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", die_with_the_lock));
	CHECK_OK(pier_sim_crash(s, "srv"));
	CHECK_OK(pier_sim_restart(s, "srv"));
	pier_sleep(PIER_S(4000));
	return pier_sim_check(s, pier_sim_wait(s, "srv") == 0);
}

TEST(a_lock_of_the_dead_is_free)
{
	CHECK_EQ(pier_sim_run(crash_within, .seeds = 5), 0);
}

/* Two locks in two orders: found when a seed takes them so, and told. */
static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;

static void *lock_backwards(void *arg)
{
	pthread_mutex_lock(&second);
	usleep(10);
	pthread_mutex_lock(&first);
	pthread_mutex_unlock(&first);
	pthread_mutex_unlock(&second);
	return arg;
}

static int lock_in_two_orders(void)
{
	pthread_t other;
	pthread_create(&other, NULL, lock_backwards, NULL);
	usleep((useconds_t)(random() % 20));
	pthread_mutex_lock(&first);
	usleep(10);
	pthread_mutex_lock(&second);
	pthread_mutex_unlock(&second);
	pthread_mutex_unlock(&first);
	pthread_join(other, NULL);
	return 0;
}

static int wait_for_both(pier_sim *s)
{
	int result = -1;
	CHECK_OK(pier_sim_node(s, "srv", lock_in_two_orders));
	PIER_WITHIN (PIER_S(1))
		result = pier_sim_wait(s, "srv");
	return pier_sim_check(s, result == 0);
}

TEST(locks_taken_in_two_orders_are_found)
{
	CHECK_EQ(pier_sim_run(wait_for_both, .seeds = 50), 1);
}

TEST(outside_of_a_simulation_threads_are_real)
{
	pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
	CHECK_EQ(sem_init(&done, 0, 0), 0);
	contend_for(&own);
	(void)read_or_write(NULL);
}

/* ---- Memory -------------------------------------------------------------------------------------- */

/* Volatile: a compiler may leave out what nobody looks at. */
static void *volatile kept, *volatile cached;

/* What is static is made once, and kept; what it forgets each time is another thing. */
static int forgetful(void)
{
	if (!cached)
		cached = malloc(1000);
	void *volatile used = realloc(calloc(3, 40), 500);
	kept = malloc(77); /* lost when the next run sets it anew */
	free(used);
	return 0;
}

static int tidy(void)
{
	forgetful();
	free(kept);
	return 0;
}

static int (*program)(void);

static int run_thrice(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", program));
	for (int i = 0; i < 2; i++)
		CHECK_OK(pier_sim_restart(s, "srv"));
	return 0;
}

TEST(memory_that_a_later_run_leaves_behind_is_found)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || !defined __GLIBC__
	test_skip("memory is counted by glibc's names, and not beneath a sanitizer");
#endif
	program = tidy;
	CHECK_EQ(pier_sim_run(run_thrice, .seeds = 5, .leaks = true), 0);
	program = forgetful;
	CHECK_EQ(pier_sim_run(run_thrice, .seeds = 5, .leaks = true), 1);
}

static bool seen_refused;

static int ask_for_memory(void)
{
	for (int i = 0; i < 200; i++) {
		void *volatile p = malloc(10);
		seen_refused |= !p && errno == ENOMEM;
		free(p);
	}
	return 0;
}

static int see_it_refused(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", ask_for_memory));
	CHECK(malloc(10) != NULL); /* the scenario's own never is */
	return pier_sim_check(s, !seen_refused);
}

TEST(memory_is_refused_when_the_scenario_wants_that)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || !defined __GLIBC__
	test_skip("memory is counted by glibc's names, and not beneath a sanitizer");
#endif
	CHECK_EQ(pier_sim_run(see_it_refused, .seeds = 20), 0);
	CHECK_EQ(pier_sim_run(see_it_refused, .seeds = 20, .memory_faults = 0.1), 1);
}
