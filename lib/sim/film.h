/* What happened last, kept for a picture: arrows between nodes, marks on them, cuts. Shared with the process of a seed, so
 * that it is there whatever ends that. */
#ifndef SIM_FILM_H
#define SIM_FILM_H

#include "world.h"

#include <stdarg.h>

#define FRAMES_MAX  4096 /* that are kept: the last ones */
#define LABEL_MAX   48	 /* bytes, cut there */
#define FAILURE_MAX 200

enum frame_kind {
	FRAME_SYN,
	FRAME_DATA,
	FRAME_DATAGRAM,
	FRAME_END,
	FRAME_RESET,
	FRAME_LOST, /* leaves, and does not arrive */
	/* Of one node: from. */
	FRAME_STARTS,
	FRAME_ENDS,
	FRAME_CRASHES,
	FRAME_PAUSES,
	FRAME_RESUMES,
	/* Of a way. */
	FRAME_CUT,
	FRAME_JOINED,
	FRAME_FAILURE,
};

struct frame {
	enum frame_kind kind;
	uint8_t from, to; /* numbers of nodes */
	int64_t sent, came;
	char label[LABEL_MAX];
};

struct film {
	uint64_t count; /* of all; frame i lies at i % FRAMES_MAX */
	unsigned nodes;
	char names[PIER_SIM_NODES][NAME_MAX_SIM];
	char failure[FAILURE_MAX];
	struct frame at[FRAMES_MAX];
};

/* Nothing, unless a picture was asked for. `sent` is when it left; it arrives now. */
void pier_film_arrow(enum frame_kind kind, const struct node *from, const struct node *to,
		     int64_t sent, const char *format, ...) PIER_PRINTF(5, 6);
void pier_film_mark(enum frame_kind kind, const struct node *n, const char *label);
void pier_film_failure(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
/* Whether a way is open may have changed. */
void pier_film_way(struct wire *l);

/* Draws it, with a title; a text in SVG 1.1, to be freed, or NULL without memory. */
char *pier_picture(const struct film *f, const char *title, size_t *len);

#endif
