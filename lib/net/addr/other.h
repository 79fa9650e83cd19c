/* Addresses of the families that are neither IP nor unix. */
#ifndef NET_ADDR_OTHER_H
#define NET_ADDR_OTHER_H

#include <pier/addr.h>

/* Writes one as text; "?" for what is unknown or too short. */
void pier_addr_format_other(const pier_addr *a, char *into, size_t room);

#endif
