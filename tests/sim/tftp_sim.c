/* examples/tftp_get.c as it is, on a wire that loses, doubles and reorders: the file on its disk is the one that the server
 * has, or there is none. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define FILE_MOST 12000
#define TRIES	  60

int tftp_get_main(int argc, char **argv); /* built with -Dmain=tftp_get_main */

enum {
	RRQ = 1,
	DATA = 3,
	ACK,
	OACK = 6
};

static char file[FILE_MOST];
static size_t file_len, block_size;

/* ---- The server ------------------------------------------------------------------------------------ */

static bool is_ack(pier_bytes b, uint16_t number)
{
	uint16_t op, acked;
	return pier_unpack(b, "!HH", &op, &acked) >= 0 && op == ACK && acked == number;
}

/* Again and again; an old acknowledgement makes nothing leave twice (RFC 1123 §4.2.3.1). */
static bool send_until_acked(pier_conn *c, const char *packet, size_t len, uint16_t number)
{
	for (int i = 0; i < TRIES; i++) {
		pier_clear(c);
		pier_send(c, packet, len);
		PIER_WITHIN (PIER_MS(700))
			for (pier_bytes b; (b = pier_next(c)).p;)
				if (is_ack(b, number))
					return true;
		if (pier_err(c) != -ETIMEDOUT)
			return false;
	}
	return false;
}

static bool agree_on_size(pier_conn *c)
{
	char packet[64];
	if (block_size == 512)
		return true; /* a server that knows no options */
	ssize_t len = pier_pack(packet, sizeof packet, "!Hzz", OACK, "blksize", "1428");
	CHECK_OK(len);
	return send_until_acked(c, packet, (size_t)len, 0);
}

static void give(pier_conn *c, void *arg)
{
	char packet[4 + 1428];
	pier_bytes asked = pier_next(c);
	(void)arg;
	if (asked.len < 2 || asked.p[1] != RRQ || !agree_on_size(c))
		return;
	for (size_t at = 0, len = block_size, number = 1; len == block_size; at += len, number++) {
		len = file_len - at < block_size ? file_len - at : block_size;
		pier_pack(packet, sizeof packet, "!HH", DATA, (int)number);
		memcpy(packet + 4, file + at, len);
		if (!send_until_acked(c, packet, 4 + len, (uint16_t)number))
			return;
	}
}

static int server(void)
{
	return pier_serve("udp://:69", give, .quiet = true);
}

/* ---- The client ------------------------------------------------------------------------------------ */

static bool over;
static int result;

/* Names are not what it takes: the second machine is the server. */
static int client(void)
{
	char *argv[] = {"tftp_get", "10.0.0.2:69", "file", "/var/file", NULL};
	result = tftp_get_main(4, argv);
	over = true;
	return 0;
}

static int download(pier_sim *s)
{
	pier_bytes got;
	block_size = pier_sim_chance(s, 2) ? 512 : 1428;
	file_len = pier_sim_chance(s, 4) ? pier_sim_chance(s, FILE_MOST) : 3 * block_size;
	for (size_t i = 0; i < file_len; i++)
		file[i] = (char)pier_sim_chance(s, 256);
	CHECK_OK(pier_sim_file_put(s, "client", "/var/other", pier_text("")));
	CHECK_OK(pier_sim_node(s, "srv", server));
	CHECK_OK(pier_sim_node(s, "client", client));
	for (int i = 0; i < 3600 && !over; i++)
		pier_sleep(PIER_S(1));
	CHECK(over);
	int err = pier_sim_file_get(s, "client", "/var/file", false, &got);
	if (result)
		return pier_sim_check(s, err == -ENOENT);
	CHECK_OK(err);
	return pier_sim_check(s, got.len == file_len && !memcmp(got.p, file, file_len));
}

TEST_WITHIN(60, a_file_that_comes_by_tftp_is_that_file)
{
	CHECK_EQ(pier_sim_run(download, .seeds = 500, .loss = 0.2, .twice = 0.3, .reorder = 0.3,
			      .delay = PIER_MS(400)),
		 0);
}
