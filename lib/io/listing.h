/* A folder's entries. */
#ifndef IO_LISTING_H
#define IO_LISTING_H

#include <pier/file.h>
#include <stdint.h>

/* Fills `list` (a pier_list) from the open folder `fd`, at most `max` entries, sorted. 0 or an error. */
int64_t pier_io_listing(int fd, size_t max, pier_list *list);

#endif
