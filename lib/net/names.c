/* Names to addresses: numbers at once, the rest on the names pool. */
#include "conn.h"

#include <errno.h>
#include <pier/names.h>
#include <string.h>

#define HOST_MAX 255

int pier_resolve(pier_bytes host, uint16_t port, bool passive, pier_addrs *out)
{
	char name[HOST_MAX + 1];
	pier_addrs found = {.count = 1};

	if (host.len && pier_addr_parse(host, port, &found.at[0]) == 0) {
		*out = found;
		return 0;
	}
	if (host.len > HOST_MAX || (host.len && memchr(host.p, 0, host.len)))
		return -PIER_ENONAME;
	if (host.len)
		memcpy(name, host.p, host.len);
	name[host.len] = '\0';

	struct io_op op = {.kind = IO_LOOKUP};
	op.lookup.host = name;
	op.lookup.port = port;
	op.lookup.passive = passive;
	op.lookup.out = &found;
	found.count = 0;
	int64_t err = pier_await(&op, PIER_FOREVER, "a name");
	if (err < 0)
		return (int)err;
	*out = found;
	return 0;
}
