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

#ifdef __cplusplus
#define PIER_BEGIN extern "C" {
#define PIER_END   }
#else
#define PIER_BEGIN
#define PIER_END
#endif

#endif
