/* How pier's headers mark what they promise. */
#ifndef PIER_API_H
#define PIER_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PIER_API	       __attribute__((visibility("default")))
#define PIER_PRINTF(at, first) __attribute__((format(printf, at, first)))
#define PIER_CLEANUP(ender)    __attribute__((cleanup(ender)))

/* Each item of a list that has `count` of them `at`: addresses, ways, tries, files.
 *	PIER_EACH (a, &addrs) puts(PIER_HOST_STR(a)); */
#define PIER_EACH(item, list)                                                                      \
	for (__typeof__(&(list)->at[0]) item = &(list)->at[0];                                     \
	     item < &(list)->at[0] + (list)->count; item++)

#ifdef __cplusplus
#define PIER_BEGIN extern "C" {
#define PIER_END   }
#else
#define PIER_BEGIN
#define PIER_END
#endif

#endif
