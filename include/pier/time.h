/* Time is a count of nanoseconds in an int64_t: 292 years, more than any deadline. */
#ifndef PIER_TIME_H
#define PIER_TIME_H

#include <pier/api.h>

PIER_BEGIN

#define PIER_US(n)   ((int64_t)(n)*1000)
#define PIER_MS(n)   ((int64_t)(n)*1000000)
#define PIER_S(n)    ((int64_t)(n)*1000000000)
#define PIER_MIN(n)  PIER_S((int64_t)(n)*60)
#define PIER_FOREVER INT64_MAX

/* The monotonic clock, in nanoseconds since some start. On a fiber it is the worker's clock, read
 * once per turn of its loop. Python: time.monotonic_ns. clock_gettime(2), CLOCK_MONOTONIC. */
PIER_API int64_t pier_now(void);

/* The calendar clock: nanoseconds since 1970-01-01 UTC; it can jump. Python: time.time_ns. */
PIER_API int64_t pier_wall(void);

/* Waits `ns` nanoseconds; other fibers run meanwhile. Returns 0 after the whole time, -ETIMEDOUT when
 * a deadline around it came first, -ECANCELED when cancelled. Python: time.sleep. */
PIER_API int pier_sleep(int64_t ns);

PIER_END

#endif
