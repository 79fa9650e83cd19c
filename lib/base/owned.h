/* Things that end with their scope; a take_ hands one over instead. */
#ifndef BASE_OWNED_H
#define BASE_OWNED_H

#include <stdlib.h>

static inline void owned_free_(void *p)
{
	free(*(void **)p);
}

#define OWNED_MEM __attribute__((cleanup(owned_free_)))

static inline void *take_mem(void *slot)
{
	void *p = *(void **)slot;
	*(void **)slot = NULL;
	return p;
}

#endif
