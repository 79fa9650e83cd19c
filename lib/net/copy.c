/* From one conn to another. */
#include <pier/conn.h>

int64_t pier_copy(pier_conn *from, pier_conn *to)
{
	int64_t sum = 0;

	for (pier_bytes b; (b = pier_next(from)).p; sum += (int64_t)b.len)
		if (pier_send(to, b.p, b.len) < 0)
			return pier_err(to);
	return pier_err(from) < 0 ? pier_err(from) : sum;
}
