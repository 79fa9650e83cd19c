/* The time. A look at the clock costs a little of it, so that a loop which waits for a moment by looking gets there. */
#include "libc.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define GLANCE 1000 /* ns, at most, that a look costs */
#define SECOND 1000000000

static int64_t look(void)
{
	pier_world->now += (int64_t)pier_chance(GLANCE);
	return pier_world->now;
}

static bool is_calendar(clockid_t id)
{
	return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI ||
	       id == CLOCK_REALTIME_ALARM;
}

static struct timespec spec(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

/* A processor's time is the world's: clock_gettime(2). */
static struct timespec time_of(clockid_t id)
{
	int64_t now = look();
	return spec(is_calendar(id) ? CALENDAR + now : now);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	if (!libc_task())
		return (int)syscall(SYS_clock_gettime, id, out);
	*out = time_of(id);
	return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec t;
	(void)zone;
	int err = clock_gettime(CLOCK_REALTIME, &t);
	if (err == 0)
		*out = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
	return err;
}

time_t time(time_t *out)
{
	struct timespec t = {0};
	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

int timespec_get(struct timespec *out, int base)
{
	return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, out) == 0 ? base : 0;
}

clock_t clock(void)
{
	struct timespec t = {0};
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * CLOCKS_PER_SEC + t.tv_nsec / (SECOND / CLOCKS_PER_SEC);
}

/* ---- Sleep: of the whole thread, as ever --------------------------------------------------------- */

static bool is_sane(const struct timespec *t)
{
	return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < SECOND;
}

/* Until a moment of that clock, or for so long. Nothing interrupts it. */
static int sleep_in(clockid_t id, bool absolute, const struct timespec *t)
{
	if (!is_sane(t))
		return EINVAL;
	time_t seconds = t->tv_sec - (absolute && is_calendar(id) ? CALENDAR / SECOND : 0);
	if (seconds > TIME_MAX / SECOND)
		seconds = TIME_MAX / SECOND;
	int64_t ns = seconds * SECOND + t->tv_nsec;
	pier_task_park(NULL, NULL, "sleep", absolute ? ns : pier_world->now + ns);
	return 0;
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *t, struct timespec *left)
{
	int before = errno;
	if (libc_task())
		return sleep_in(id, flags & TIMER_ABSTIME, t);
	int err = syscall(SYS_clock_nanosleep, id, flags, t, left) < 0 ? errno : 0;
	errno = before;
	return err;
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
	int err = clock_nanosleep(CLOCK_MONOTONIC, 0, t, left);
	if (err)
		errno = err;
	return err ? -1 : 0;
}

unsigned sleep(unsigned seconds)
{
	struct timespec left = {.tv_sec = seconds};
	return nanosleep(&left, &left) < 0 ? (unsigned)left.tv_sec : 0;
}

int usleep(useconds_t us)
{
	struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	return nanosleep(&t, NULL);
}
