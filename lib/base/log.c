#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

typedef void (*sink_fn)(pier_level level, const char *line, void *arg);

/* Function and argument change together, so a lock guards them; the flag keeps a silent library fast. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool on;
static sink_fn sink;
static void *sink_arg;

/* Another thread of the parent may have held it. */
static void fork_child(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, fork_child);
}

void pier_log_to(sink_fn to, void *arg)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&lock);
	sink = to;
	sink_arg = arg;
	atomic_store(&on, to != NULL);
	pthread_mutex_unlock(&lock);
}

bool pier_log_listens(void)
{
	return atomic_load_explicit(&on, memory_order_relaxed);
}

void pier_log_line(pier_level level, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list args;

	if (!pier_log_listens())
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	if (sink)
		sink(level, line, sink_arg);
	pthread_mutex_unlock(&lock);
}
