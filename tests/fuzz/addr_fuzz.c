/* Endpoints and addresses from a configuration or a command line that an enemy wrote. What is read
 * must be written in a way that is read as the same. */
#include <pier/addr.h>
#include <pier/names.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(pier_bytes part, const char *url, size_t len)
{
	if (part.p && (part.p < url || part.len > (size_t)(url + len - part.p)))
		abort();
}

static void endpoint(const char *url, size_t len)
{
	pier_endpoint e;

	if (pier_endpoint_parse(url, &e) < 0)
		return;
	check_inside(e.host, url, len);
	check_inside(e.query, url, len);
	if (e.scheme < PIER_TCP || e.scheme > PIER_UNIXGRAM)
		abort();
}

static void inet(pier_bytes text)
{
	char written[PIER_ADDR_TEXT];
	pier_addr a, b;

	if (pier_addr_parse(text, 1, &a) < 0)
		return;
	pier_addr_format(&a, written, sizeof written);
	if (pier_addr_parse(pier_text(written), 2, &b) < 0 || !pier_addr_eq(&a, &b))
		abort();
}

static void local(pier_bytes text)
{
	char written[PIER_ADDR_TEXT];
	pier_addr a;

	if (pier_addr_unix(text, &a) < 0)
		return;
	if (strlen(pier_addr_format(&a, written, sizeof written)) != text.len)
		abort();
	pier_addr_format(&a, written, text.len);
}

/* What DNS is asked for is ASCII, and asking for that changes nothing more. */
static void name(pier_bytes text)
{
	char known[PIER_NAME_MAX], again[PIER_NAME_MAX];
	size_t beyond = 0;

	if (pier_name_ascii(text, known, sizeof known) < 0)
		return;
	for (size_t i = 0; i < text.len; i++)
		beyond += (text.p[i] & 0x80) != 0;
	for (const char *c = known; beyond && *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", *c))
			abort();
	if (!beyond && !pier_bytes_eq(text, known))
		abort();
	if (pier_name_ascii(pier_text(known), again, sizeof again) < 0 || strcmp(known, again) != 0)
		abort();
}

/* Of any family. */
static void any(pier_bytes text)
{
	char written[PIER_ADDR_TEXT];
	pier_addr a, b;

	if (pier_addr_read(text, &a) < 0 || a.sa.sa_family == AF_UNIX)
		return; /* what of a path cannot be printed is written otherwise: see local */
	pier_addr_format(&a, written, sizeof written);
	if (pier_addr_read(pier_text(written), &b) < 0 || !pier_addr_eq(&a, &b))
		abort();
}

/* An address as a kernel might give it, cut anywhere. */
static void raw(const char *data, size_t size)
{
	char written[PIER_ADDR_TEXT], shorter[8], host[PIER_ADDR_TEXT];
	pier_addr a = {0};

	a.len = (socklen_t)(size < sizeof a.storage ? size : sizeof a.storage);
	if (a.len)
		memcpy(&a.storage, data, a.len);
	if (strlen(pier_addr_format(&a, written, sizeof written)) >= sizeof written ||
	    strlen(pier_addr_format(&a, shorter, sizeof shorter)) >= sizeof shorter ||
	    strlen(pier_addr_host(&a, host, sizeof host)) >= sizeof host)
		abort();
	pier_addr_port(&a);
	if (!pier_addr_eq(&a, &a))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1); /* exact, so that a read past the end is seen */

	if (!copy)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = 0;
	endpoint(copy, strlen(copy));
	inet(pier_bytes_of(copy, size));
	local(pier_bytes_of(copy, size));
	name(pier_bytes_of(copy, size));
	any(pier_bytes_of(copy, size));
	raw(copy, size);
	free(copy);
	return 0;
}
