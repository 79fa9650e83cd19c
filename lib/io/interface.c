/* Network interfaces, by name and by number. */
#include "io/interface.h"

#include <stdio.h>

uint32_t pier_io_interface(const char *name)
{
	return if_nametoindex(name);
}

const char *pier_io_interface_name(uint32_t index, char into[IF_NAMESIZE])
{
	if (!if_indextoname(index, into))
		snprintf(into, IF_NAMESIZE, "%u", index);
	return into;
}
