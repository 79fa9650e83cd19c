/* The PROXY protocol, of server/forwarded.h. */
#include "test.h"

#include "server/forwarded.h"

#include <errno.h>
#include <sys/un.h>

#define V2	  "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(a)  pier_bytes_of((a), sizeof(a) - 1)
#define UNTOUCHED ((struct forwarded){.from.len = 99})

static const char *from(const struct forwarded *f)
{
	static char text[PIER_ADDR_TEXT];
	return pier_addr_format(&f->from, text, sizeof text);
}

/* It is read when it is all there, and asked for more at each byte before. */
static void whole(pier_bytes header, struct forwarded *out)
{
	char text[512];
	for (size_t len = 0; len < header.len; len++) {
		*out = UNTOUCHED;
		CHECK_EQ(pier_forwarded_decode((pier_bytes){header.p, len}, out), 0);
		CHECK_EQ(out->from.len, 99);
	}
	memcpy(text, header.p, header.len);
	memcpy(text + header.len, "GET /", 5);
	CHECK_EQ(pier_forwarded_decode((pier_bytes){text, header.len + 5}, out),
		 (ssize_t)header.len);
}

TEST(a_line_tells_the_client)
{
	struct forwarded f;
	char to[PIER_ADDR_TEXT];
	whole(BYTES("PROXY TCP4 192.0.2.1 198.51.100.7 50412 443\r\n"), &f);
	CHECK_STR(from(&f), "192.0.2.1:50412");
	CHECK_STR(pier_addr_format(&f.to, to, sizeof to), "198.51.100.7:443");
	CHECK(!f.local);
	whole(BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"), &f);
	CHECK_STR(from(&f), "[2001:db8::1]:1");
	whole(BYTES("PROXY UNKNOWN\r\n"), &f);
	CHECK_EQ(f.from.len, 0);
	whole(BYTES("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), &f);
	CHECK_EQ(f.from.len, 0);
}

TEST(bytes_tell_the_client)
{
	struct forwarded f;
	whole(BYTES(V2 "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xc4\xec\1\xbb"), &f);
	CHECK_STR(from(&f), "192.0.2.1:50412");
	whole(BYTES(V2 "\x21\x21\0\x24\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
		       "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\2"),
	      &f);
	CHECK_STR(from(&f), "[2001:db8::1]:1");
	/* What comes behind the addresses (TLVs) is passed over. */
	whole(BYTES(V2 "\x21\x11\0\x0f\xc0\0\2\1\xc6\x33\x64\7\xc4\xec\1\xbb\1\0\0"), &f);
	CHECK_STR(from(&f), "192.0.2.1:50412");
	whole(BYTES(V2 "\x20\0\0\0"), &f);
	CHECK(f.local && f.from.len == 0);
	whole(BYTES(V2 "\x20\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xc4\xec\1\xbb"), &f);
	CHECK(f.local && f.from.len == 0);
	whole(BYTES(V2 "\x21\0\0\2ab"), &f); /* AF_UNSPEC */
	CHECK(!f.local && f.from.len == 0);
	char local[16 + 216] = V2 "\x21\x31\0\xd8";
	whole(pier_bytes_of(local, sizeof local), &f);
	CHECK_STR(from(&f), "unix");
}

TEST(what_is_no_header_is_refused)
{
	const struct {
		pier_bytes in;
		ssize_t err;
	} bad[] = {
		{BYTES("GET / HTTP/1.1\r\n"), -EPROTO},
		{BYTES("PROXY\n"), -EPROTO},
		{BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n"), -EPROTO},
		{BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n"), -EPROTO},
		{BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n"), -EPROTO},
		{BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n"), -EPROTO},
		{BYTES("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n"), -EPROTO},
		{BYTES("PROXY TCP4 ::1 ::2 1 2\r\n"), -EPROTO},
		{BYTES("PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n"), -EPROTO},
		{BYTES("PROXY TCP6 [::1] ::2 1 2\r\n"), -EPROTO},
		{BYTES("PROXY TCP4 1.1.1.1:7 2.2.2.2 1 2\r\n"), -EPROTO},
		{BYTES("PROXY TCP4 host other 1 2\r\n"), -EPROTO},
		{BYTES("PROXY TCP4 1.1.1.1 2.2.2.2\0 1 2\r\n"), -EPROTO},
		{BYTES("PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n"), -EPROTO},
		{BYTES(V2 "\x11\x11\0\0"), -EPROTO},
		{BYTES(V2 "\x22\x11\0\0"), -EPROTO},
		{BYTES(V2 "\x21\x11\0\x0b\1\1\1\1\2\2\2\2\0\1\0"), -EPROTO},
		{BYTES(V2 "\x21\x21\0\0"), -EPROTO},
		{BYTES(V2 "\x21\x11\xff\xff"), -EMSGSIZE},
	};
	char endless[200];
	struct forwarded f = UNTOUCHED;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_EQ(pier_forwarded_decode(bad[i].in, &f), bad[i].err);
	memset(endless, ' ', sizeof endless);
	memcpy(endless, "PROXY ", 6);
	CHECK_EQ(pier_forwarded_decode(pier_bytes_of(endless, 106), &f), 0);
	CHECK_EQ(pier_forwarded_decode(pier_bytes_of(endless, 107), &f), -EPROTO);
	CHECK_EQ(f.from.len, 99);
}
