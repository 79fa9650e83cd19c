/* Network interfaces, by name and by number: the kernel knows both. Neither call waits. */
#ifndef PIER_IO_INTERFACE_H
#define PIER_IO_INTERFACE_H

#include <net/if.h>
#include <stdint.h>

/* The index of an interface, or 0 when there is none of that name. if_nametoindex(3). */
uint32_t pier_io_interface(const char *name);

/* The name of an interface, which may be gone by now: then its number. Returns `into`. */
const char *pier_io_interface_name(uint32_t index, char into[IF_NAMESIZE]);

#endif
