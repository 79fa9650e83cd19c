/* What is left of a seed that failed: a line on stderr, and a picture where one is asked for. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "film.h"

struct report {
	bool trace;	   /* every packet is a line */
	const char *path;  /* of the picture; NULL: none */
	struct film *film; /* shared with the processes of seeds */
};

void pier_report_open(struct report *r);
void pier_report_close(struct report *r);
void pier_report(const struct report *r, uint64_t seed, const char *why);
void pier_report_picture(const struct report *r, uint64_t seed);

#endif
