/* What asyncio and threading have to make tasks wait for each other, without a lock about the loop. */
#include <pier.h>

static pier_sem seats = PIER_SEM(2);  /* asyncio.Semaphore(2) */
static pier_mutex lock = PIER_MUTEX;  /* asyncio.Lock() */
static pier_cond changed = PIER_COND; /* asyncio.Condition(lock) */
static pier_once first = PIER_ONCE;
static int done, name; /* under `lock`; name: contextvars.ContextVar("name") */

static void say_hello(void *arg)
{
	puts(arg);
}

static int64_t add_up(void *upto) /* computes, so it must not hold up the worker */
{
	int64_t sum = 0;
	for (int64_t i = 1; i <= *(int64_t *)upto; i++)
		sum += i;
	return sum;
}

static int job(void *arg)
{
	pier_local_set(name, arg);		 /* name.set(arg) */
	pier_once_do(&first, say_hello, "once"); /* functools.cache */
	pier_sem_take(&seats);			 /* async with seats: */
	pier_sleep(PIER_MS(10));		 /*         await asyncio.sleep(0.01) */
	pier_sem_give(&seats);
	pier_mutex_lock(&lock); /* async with lock: */
	done += pier_local_get(name) == arg;
	pier_cond_broadcast(&changed); /*         changed.notify_all() */
	pier_mutex_unlock(&lock);
	return 0;
}

static int sleep_long(void *arg)
{
	int err = pier_sleep(PIER_MIN(1)); /* except asyncio.CancelledError: */
	*(int *)arg = err;
	PIER_SHIELD (PIER_MS(100)) /* await asyncio.shield(…): cleaning up may still wait */
		pier_sleep(PIER_MS(1));
	return err;
}

static int all(void *arg)
{
	/* async with asyncio.TaskGroup() as jobs: */
	PIER_AUTO_GROUP jobs = PIER_GROUP, sleepers = PIER_GROUP;
	pier_chan *left = pier_chan_new(sizeof(int), 1), *right = pier_chan_new(sizeof(int), 1);
	int why = 0, got = 0;
	(void)arg;

	name = pier_local_key(NULL);
	for (int i = 0; i < 5; i++)
		pier_go(&jobs, job, &jobs); /* jobs.create_task(job(…)) */
	pier_mutex_lock(&lock);
	while (done < 5)
		pier_cond_wait(&changed, &lock); /* await changed.wait_for(lambda: done == 5) */
	pier_mutex_unlock(&lock);
	printf("%d jobs done\n", done);

	pier_go(&sleepers, sleep_long, &why);
	pier_yield();		      /* await asyncio.sleep(0) */
	pier_group_cancel(&sleepers); /* task.cancel() */
	pier_group_wait(&sleepers);
	printf("the sleeper: %s\n", pier_strerror(why));

	/* await asyncio.to_thread(…) */
	printf("sum %lld\n", (long long)pier_offload(add_up, &(int64_t){1000000}));
	pier_chan_send(right, &(int){7}); /* await right.put(7) */
	int which = pier_select(
		(pier_case[]){{.chan = left, .recv = &got}, {.chan = right, .recv = &got}}, 2);
	/* asyncio.wait(…, FIRST_COMPLETED) */
	printf("%s brought %d\n", which ? "right" : "left", got);
	pier_chan_free(left);
	pier_chan_free(right);
	return 0;
}

int main(void)
{
	return pier_run(all, NULL) != 0; /* asyncio.run(all()) */
}
