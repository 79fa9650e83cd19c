/* Names to addresses: numbers at once, the rest on the names pool. */
#include "net/conn.h"

#include <pier/names.h>

int pier_resolve(pier_bytes host, uint16_t port, bool passive, pier_addrs *out)
{
	char name[PIER_NAME_MAX];
	pier_addrs found = {.count = 1};

	if (host.len && pier_addr_parse(host, port, &found.at[0]) == 0) {
		*out = found;
		return 0;
	}
	if (pier_name_ascii(host, name, sizeof name) < 0)
		return -PIER_ENONAME;

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
