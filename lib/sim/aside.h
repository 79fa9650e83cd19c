/* Memory of the world itself, which is no node's: neither counted as what a node has, nor ever refused. */
#ifndef SIM_ASIDE_H
#define SIM_ASIDE_H

#include <stdlib.h>
#include <string.h>

/* Above 0 while the world allocates, also on the stack of a task. Compilers believe that malloc looks at nothing. */
extern volatile unsigned pier_aside;

static inline void *aside_malloc(size_t len)
{
	pier_aside++;
	void *p = malloc(len);
	pier_aside--;
	return p;
}

static inline void *aside_calloc(size_t count, size_t len)
{
	pier_aside++;
	void *p = calloc(count, len);
	pier_aside--;
	return p;
}

static inline char *aside_strdup(const char *text)
{
	pier_aside++;
	char *p = strdup(text);
	pier_aside--;
	return p;
}

/* All of lib/sim, whatever it was written with. */
#define malloc(len)	   aside_malloc(len)
#define calloc(count, len) aside_calloc(count, len)
#define strdup(text)	   aside_strdup(text)

#endif
