#include "test.h"

#include <errno.h>
#include <pier.h>
#include <pthread.h>
#include <string.h>

#define ON_FIBERS(count, name)                                                                     \
	static int name##_body(void *arg);                                                         \
	TEST_WITHIN(30, name)                                                                      \
	{                                                                                          \
		CHECK_EQ(pier_run(name##_body, NULL, .workers = count), 0);                        \
	}                                                                                          \
	static int name##_body(void *arg __attribute__((unused)))

#define WORKERS 4
#define FIBERS	8

struct away {
	unsigned worker;
	int (*fn)(void *);
	void *arg;
};

static int call_away(void *arg)
{
	struct away *a = arg;
	return pier_call(a->worker, a->fn, a->arg);
}

/* fn(arg) in FIBERS fibers, two on each worker; the group's result. */
static int everywhere(int (*fn)(void *), void *arg)
{
	pier_group g = PIER_GROUP;
	struct away away[FIBERS];
	for (unsigned i = 0; i < FIBERS; i++) {
		away[i] = (struct away){i % WORKERS, fn, arg};
		CHECK_OK(pier_go(&g, call_away, &away[i]));
	}
	return pier_group_wait(&g);
}

/* ---- Mutex --------------------------------------------------------------------------------------- */

#define ROUNDS 5000

static pier_mutex mutex = PIER_MUTEX;
static long total; /* under the mutex */

static int add_often(void *waits)
{
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_OK(pier_mutex_lock(&mutex));
		long before = total;
		if (waits && i % 10 == 0)
			pier_yield();
		total = before + 1;
		pier_mutex_unlock(&mutex);
	}
	return 0;
}

ON_FIBERS(WORKERS, a_mutex_lets_one_in_at_a_time)
{
	CHECK_OK(everywhere(add_often, NULL));
	CHECK_EQ(total, FIBERS * ROUNDS);
	CHECK_OK(everywhere(add_often, &mutex));
	CHECK_EQ(total, 2 * FIBERS * ROUNDS);
	return 0;
}

static void *add_on_thread(void *arg)
{
	add_often(arg);
	return NULL;
}

TEST_WITHIN(30, a_mutex_serves_threads_too)
{
	test_skip_simulated("it has a thread of its own");
	pthread_t t[3];
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, add_on_thread, NULL), 0);
	CHECK_EQ(pier_run(add_often, &mutex, .workers = 1), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(total, 4 * ROUNDS);
}

struct turn {
	pier_mutex *m;
	char name, *log;
	int err;
};

static int take_turn(void *arg)
{
	struct turn *t = arg;
	t->err = pier_mutex_lock(t->m);
	if (t->err < 0)
		return 0;
	*strchr(t->log, '\0') = t->name;
	pier_mutex_unlock(t->m);
	return 0;
}

ON_FIBERS(1, a_mutex_goes_to_who_waits_longest)
{
	pier_group g = PIER_GROUP;
	pier_mutex m = PIER_MUTEX;
	char log[8] = "";
	struct turn turns[3] = {{&m, 'a', log, 0}, {&m, 'b', log, 0}, {&m, 'c', log, 0}};

	CHECK_OK(pier_mutex_lock(&m));
	for (int i = 0; i < 3; i++)
		CHECK_OK(pier_go(&g, take_turn, &turns[i]));
	pier_yield();
	pier_mutex_unlock(&m);
	CHECK(!pier_mutex_try_lock(&m)); /* it is a's already */
	CHECK_OK(pier_group_wait(&g));
	CHECK_STR(log, "abc");
	CHECK(pier_mutex_try_lock(&m));
	pier_mutex_unlock(&m);
	return 0;
}

ON_FIBERS(1, a_wait_for_a_mutex_can_end_without_it)
{
	pier_group g = PIER_GROUP;
	pier_mutex m = PIER_MUTEX;
	char log[8] = "";
	struct turn t = {&m, 'a', log, 0};

	CHECK_OK(pier_mutex_lock(&m));
	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(pier_mutex_lock(&m), -ETIMEDOUT);
	CHECK_OK(pier_go(&g, take_turn, &t));
	pier_yield();
	pier_group_end(&g);
	CHECK_EQ(t.err, -ECANCELED);
	CHECK_STR(log, "");
	pier_mutex_unlock(&m);
	CHECK(pier_mutex_try_lock(&m)); /* it did not go to one that has left */
	return 0;
}

ON_FIBERS(1, a_free_mutex_is_locked_also_out_of_time)
{
	pier_mutex m = PIER_MUTEX;
	PIER_WITHIN (0) {
		CHECK_EQ(pier_stopped(), -ETIMEDOUT);
		CHECK_OK(pier_mutex_lock(&m));
		pier_mutex_unlock(&m);
	}
	return 0;
}

static int lock_in_haste(void *count)
{
	for (int i = 0; i < 1000; i++) {
		PIER_WITHIN (PIER_US(i % 50)) {
			if (pier_mutex_lock(&mutex) == 0) {
				++*(long *)count;
				total++;
				if (i % 3 == 0)
					pier_yield();
				pier_mutex_unlock(&mutex);
			}
		}
	}
	return 0;
}

ON_FIBERS(WORKERS, a_mutex_is_not_lost_to_who_gives_up)
{
	long count = 0; /* under the mutex as well */
	CHECK_OK(everywhere(lock_in_haste, &count));
	CHECK_EQ(total, count);
	CHECK(count >= 1000);
	CHECK(pier_mutex_try_lock(&mutex));
	return 0;
}

/* ---- Condition ----------------------------------------------------------------------------------- */

static pier_cond cond = PIER_COND;
static int tokens, ended;

static int consume(void *arg)
{
	(void)arg;
	CHECK_OK(pier_mutex_lock(&mutex));
	for (int i = 0; i < 500; i++) {
		while (tokens == 0)
			CHECK_OK(pier_cond_wait(&cond, &mutex));
		tokens--;
		total++;
	}
	ended++;
	pier_mutex_unlock(&mutex);
	return 0;
}

static int produce(void *arg)
{
	(void)arg;
	for (int i = 0; i < FIBERS * 500; i++) {
		CHECK_OK(pier_mutex_lock(&mutex));
		tokens++;
		pier_mutex_unlock(&mutex);
		pier_cond_signal(&cond);
	}
	return 0;
}

ON_FIBERS(WORKERS, every_signal_is_good_for_one)
{
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, produce, NULL));
	CHECK_OK(everywhere(consume, NULL));
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(total, FIBERS * 500);
	CHECK_EQ(tokens, 0);
	return 0;
}

static bool gate;
static int arrived;

static int pass_gate(void *arg)
{
	(void)arg;
	CHECK_OK(pier_mutex_lock(&mutex));
	arrived++;
	while (!gate)
		CHECK_OK(pier_cond_wait(&cond, &mutex));
	total++;
	pier_mutex_unlock(&mutex);
	return 0;
}

static int open_gate(void *arg)
{
	int here = 0;
	(void)arg;
	while (here < FIBERS) {
		pier_sleep(PIER_MS(1));
		CHECK_OK(pier_mutex_lock(&mutex));
		here = arrived;
		gate = here == FIBERS;
		pier_mutex_unlock(&mutex);
	}
	pier_cond_broadcast(&cond);
	return 0;
}

ON_FIBERS(WORKERS, a_broadcast_wakes_all)
{
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, open_gate, NULL));
	CHECK_OK(everywhere(pass_gate, NULL));
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(total, FIBERS);
	return 0;
}

TEST(a_condition_out_of_time_has_the_mutex_again)
{
	pier_mutex m = PIER_MUTEX;
	pier_cond c = PIER_COND;
	CHECK_OK(pier_mutex_lock(&m));
	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(pier_cond_wait(&c, &m), -ETIMEDOUT);
	CHECK(!pier_mutex_try_lock(&m));
	pier_mutex_unlock(&m);
	pier_cond_signal(&c); /* nobody waits any more */
	CHECK(pier_mutex_try_lock(&m));
}

static int wait_cond(void *arg)
{
	int *err = arg;
	CHECK_OK(pier_mutex_lock(&mutex));
	*err = pier_cond_wait(&cond, &mutex);
	CHECK(!pier_mutex_try_lock(&mutex));
	pier_mutex_unlock(&mutex);
	return 0;
}

ON_FIBERS(1, a_cancelled_wait_for_a_condition_has_the_mutex_again)
{
	pier_group g = PIER_GROUP;
	int err = 0;
	CHECK_OK(pier_go(&g, wait_cond, &err));
	pier_yield();
	CHECK_OK(pier_mutex_lock(&mutex));
	pier_group_cancel(&g);
	for (int i = 0; i < 3; i++)
		pier_yield(); /* it waits for the mutex, cancelled as it is */
	CHECK_EQ(err, 0);
	pier_mutex_unlock(&mutex);
	pier_group_wait(&g);
	CHECK_EQ(err, -ECANCELED);
	return 0;
}

/* ---- Semaphore ----------------------------------------------------------------------------------- */

static pier_sem sem = PIER_SEM(3);
static int inside, most;

static int enter_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < 500; i++) {
		CHECK_OK(pier_sem_take(&sem));
		int now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		CHECK(now <= 3);
		if (now > __atomic_load_n(&most, __ATOMIC_RELAXED))
			__atomic_store_n(&most, now, __ATOMIC_RELAXED);
		pier_yield();
		__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
		pier_sem_give(&sem);
	}
	return 0;
}

ON_FIBERS(WORKERS, a_semaphore_lets_as_many_in_as_it_has)
{
	CHECK_OK(everywhere(enter_often, NULL));
	CHECK(most > 1);
	for (int i = 0; i < 3; i++)
		CHECK(pier_sem_try_take(&sem));
	CHECK(!pier_sem_try_take(&sem));
	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(pier_sem_take(&sem), -ETIMEDOUT);
	pier_sem_give(&sem);
	CHECK(pier_sem_try_take(&sem));
	return 0;
}

/* ---- Once ---------------------------------------------------------------------------------------- */

static pier_once once = PIER_ONCE;

static void slow_start(void *arg)
{
	pier_sleep(PIER_MS(20));
	++*(int *)arg;
}

static int start_once(void *arg)
{
	CHECK_OK(pier_once_do(&once, slow_start, arg));
	CHECK_EQ(*(int *)arg, 1);
	return 0;
}

ON_FIBERS(WORKERS, once_is_once_and_done_for_all_who_return)
{
	int count = 0;
	CHECK_OK(everywhere(start_once, &count));
	CHECK_EQ(count, 1);
	return 0;
}

ON_FIBERS(1, a_wait_for_once_can_end)
{
	pier_group g = PIER_GROUP;
	int count = 0;
	CHECK_OK(pier_go(&g, start_once, &count));
	pier_yield();
	PIER_WITHIN (PIER_MS(2))
		CHECK_EQ(pier_once_do(&once, slow_start, &count), -ETIMEDOUT);
	CHECK_OK(pier_group_wait(&g));
	CHECK_OK(pier_once_do(&once, slow_start, &count));
	CHECK_EQ(count, 1);
	return 0;
}
