/* The library is silent. Whoever wants to hear it gives it a sink. */
#ifndef PIER_LOG_H
#define PIER_LOG_H

#include <pier/api.h>

PIER_BEGIN

typedef enum pier_level {
	PIER_DEBUG,
	PIER_INFO,
	PIER_WARN,
	PIER_ERROR
} pier_level;

/* Sets the sink for the whole process; NULL is silence again. It is called on any thread, one line at
 * a time without a newline, and must not wait. */
PIER_API void pier_log_to(void (*sink)(pier_level level, const char *line, void *arg), void *arg);

PIER_END

#endif
