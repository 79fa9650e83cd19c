/* A line for whoever listens. Without a sink it costs one load. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <pier/log.h>
#include <stdbool.h>

#define LOG_LINE_MAX 512 /* bytes of a line; longer ones are cut */

/* True when there is a sink: for what costs something to know. */
bool pier_log_listens(void);

void pier_log_line(pier_level level, const char *format, ...) PIER_PRINTF(2, 3);

#endif
