/* TCP made visible: what each call puts on the wire, handshake and teardown included (RFC 9293 §3.5, §3.6).
 *	handshake		as root */
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <pier.h>

static pier_sock wire = PIER_SOCK;
static uint16_t port; /* the server's */

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
};

/* "client -> server  SYN ACK  seq 0 ack 1": numbers count from each side's first. */
static void tell(const struct packet *p)
{
	static const char *const flags[] = {"FIN ", "SYN ", "RST ", "PSH ", "ACK "};
	static uint32_t first[2];
	bool up = ntohs(p->tcp.dest) == port;
	int data = ntohs(p->ip.tot_len) - p->ip.ihl * 4 - p->tcp.doff * 4;

	if (p->tcp.syn)
		first[up] = ntohl(p->tcp.seq); /* struct.unpack("!HHIIBB", …) */
	printf("  %s  ", up ? "client -> server" : "server -> client");
	for (unsigned i = 0; i < 5; i++)
		fputs(p->tcp.th_flags & 1u << i ? flags[i] : "", stdout);
	printf(" seq %u", ntohl(p->tcp.seq) - first[up]);
	if (p->tcp.ack)
		printf(" ack %u", ntohl(p->tcp.ack_seq) - first[!up]);
	printf(data ? ", %d bytes\n" : "\n", data);
}

/* Takes from all that loopback carries what comes from or goes to our port. Python has no words for this: it would
 * struct.pack the same numbers. */
static int listen_in(pier_sock *s, uint16_t to)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),	       /* past the IP header */
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),	       /* source port */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, to, 2, 0), /* ours */
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),	       /* destination port */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, to, 0, 1), /* ours, or not */
		BPF_STMT(BPF_RET, sizeof(struct packet)),      BPF_STMT(BPF_RET, 0),
	};
	struct sock_fprog filter = {sizeof code / sizeof *code, code};
	pier_addr lo;

	pier_addr_read(pier_text("packet:lo:0x0800"), &lo);
	int err = pier_sock_setopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
	return err < 0 ? err : pier_sock_bind(s, &lo); /* s.bind(("lo", ETH_P_IP)) */
}

/* The packets since the call before. Loopback shows each twice: going out, coming in. */
static void show(const char *call)
{
	struct packet p;
	pier_addr from;

	puts(call);
	PIER_WITHIN (PIER_MS(100)) /* s.settimeout(0.1); p, from = s.recvfrom(40) */
		while (pier_sock_recvfrom(&wire, &p, sizeof p, 0, &from) == sizeof p) {
			const struct sockaddr_ll *link = (const void *)&from.storage;
			if (link->sll_pkttype != PACKET_OUTGOING && p.ip.protocol == IPPROTO_TCP)
				tell(&p);
		}
	putchar('\n');
}

int main(void)
{
	pier_listener *listener = NULL;
	pier_conn *server = NULL;
	pier_addr at;
	char where[PIER_ADDR_TEXT];

	/* socket(AF_PACKET, SOCK_DGRAM, 0): hears nothing before it is bound */
	int err = pier_socket(AF_PACKET, SOCK_DGRAM, 0, &wire);
	if (err < 0)
		return fprintf(stderr, "no packet socket here: %s\n", pier_strerror(err)), 77;
	if (pier_listen("tcp://127.0.0.1:0", &listener) < 0 ||
	    pier_listener_addr(listener, &at) < 0)
		return 1;
	port = pier_addr_port(&at);
	err = listen_in(&wire, port);
	if (err < 0)
		return fprintf(stderr, "lo: %s\n", pier_strerror(err)), 1;

	pier_conn *client = pier_dial(pier_addr_format(&at, where, sizeof where));
	show("connect: the handshake"); /* create_connection(where) */
	/* conn, _ = l.accept(): nothing, the kernel has shaken hands */
	pier_accept(listener, &server);
	pier_printf(client, "hello"); /* s.sendall(b"hello") */
	show("send");
	pier_next(server);
	pier_finish(client); /* s.shutdown(SHUT_WR) */
	show("shutdown: one direction ends");
	pier_close(server); /* conn.close() */
	show("close: the other, too");
	pier_close(client);
	pier_listener_close(listener);
	pier_sock_close(&wire);
	return 0;
}
