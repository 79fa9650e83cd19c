/* Network interfaces, by name and by number. */
#include "io/interface.h"

#include "kernel.h"

#include <pier/interface.h>
#include <stdio.h>

uint32_t pier_io_interface(const char *name)
{
	return pier_io_kernel ? pier_io_kernel->interface(name) : if_nametoindex(name);
}

const char *pier_io_interface_name(uint32_t index, char into[IF_NAMESIZE])
{
	if (pier_io_kernel)
		return pier_io_kernel->interface_name(index, into);
	if (!if_indextoname(index, into))
		snprintf(into, IF_NAMESIZE, "%u", index);
	return into;
}

unsigned pier_interface_index(const char *name)
{
	return pier_io_interface(name);
}

const char *pier_interface_name(unsigned index, char *into)
{
	return pier_io_interface_name(index, into);
}
