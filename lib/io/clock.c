/* The clocks, the dice, the cores, the maps. */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define MAPS_USUAL 65530 /* DEFAULT_MAX_MAP_COUNT of Linux, for where /proc is missing */

static int64_t read_clock(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t pier_io_clock(void)
{
	return pier_io_kernel ? pier_io_kernel->clock() : read_clock(CLOCK_MONOTONIC);
}

int64_t pier_io_calendar(void)
{
	return pier_io_kernel ? pier_io_kernel->calendar() : read_clock(CLOCK_REALTIME);
}

void pier_io_random(void *into, size_t len)
{
	char *at = into;
	if (pier_io_kernel) {
		pier_io_kernel->random(into, len);
		return;
	}
	while (len) {
		ssize_t n = getrandom(at, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			abort(); /* a kernel without getrandom(2) is older than any that pier runs on */
		at += n;
		len -= (size_t)n;
	}
}

unsigned pier_io_cores(void)
{
	cpu_set_t set;
	if (pier_io_kernel)
		return pier_io_kernel->cores();
	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	int n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}

unsigned pier_io_maps_max(void)
{
	char text[32] = "";
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t n = read(fd, text, sizeof text - 1);
		text[n > 0 ? n : 0] = 0;
		close(fd);
	}
	unsigned long max = strtoul(text, NULL, 10);
	return max > 0 && max < UINT_MAX ? (unsigned)max : MAPS_USUAL;
}
