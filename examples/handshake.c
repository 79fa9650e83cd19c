/* TCP made visible: what each call puts on the wire, handshake and teardown included (RFC 9293 §3.5, §3.6).
 *	handshake		as root */
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <pier.h>

static uint16_t port; /* the server's */

/* "client -> server  SYN|ACK  seq 0 ack 1": numbers count from each side's first. */
static void tell(pier_bytes packet)
{
	static uint32_t first[2];
	uint8_t ihl, protocol, offset, flags;
	uint16_t length, dest;
	uint32_t seq, ack;

	/* struct.unpack("!HHIIBB", packet[20:34]), and of the IP header before it (RFC 791 §3.1) what is needed */
	pier_unpack(packet, "!BxH 5xB 10x 2xHIIBB", &ihl, &length, &protocol, &dest, &seq, &ack,
		    &offset, &flags);
	if (protocol != IPPROTO_TCP)
		return;
	bool up = dest == port;
	int data = length - (ihl & 15) * 4 - (offset >> 4) * 4;
	if (flags & 0x02) /* SYN */
		first[up] = seq;
	printf("  %s  %s  seq %u", up ? "client -> server" : "server -> client",
	       PIER_FLAGS_STR(PIER_TCP_FLAGS, flags), seq - first[up]);
	if (flags & 0x10) /* ACK */
		printf(" ack %u", ack - first[!up]);
	printf(data ? ", %d bytes\n" : "\n", data);
}

/* The packets since the call before. */
static void show(pier_sock *wire, const char *call)
{
	char packet[40];

	puts(call);
	/* s.settimeout(0.1); packet = s.recv(40) */
	PIER_WITHIN (PIER_MS(100))
		while (pier_sock_recv(wire, packet, sizeof packet, 0) == sizeof packet)
			tell(pier_bytes_of(packet, sizeof packet));
	putchar('\n');
}

int main(void)
{
	PIER_AUTO_LISTENER *listener = NULL;
	pier_conn *server = NULL;

	/* socket.create_server(("127.0.0.1", 0)) */
	if (pier_listen("tcp://127.0.0.1:0", &listener) < 0)
		return 1;
	port = pier_listener_port(listener); /* l.getsockname()[1] */
	/* What comes from or goes to our port, 40 bytes of it. Python struct.packs the same numbers. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),		 /* past the IP header */
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),		 /* source port */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 2, 0), /* ours */
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),		 /* destination port */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1), /* ours, or not */
		BPF_STMT(BPF_RET, 40),				 /* the two headers */
		BPF_STMT(BPF_RET, 0),
	};
	/* wire = socket(AF_PACKET, SOCK_DGRAM, 0) */
	PIER_AUTO_SOCK wire = pier_sock_open(AF_PACKET, SOCK_DGRAM, 0);
	pier_sock_set_filter(&wire, code, sizeof code / sizeof *code); /* SO_ATTACH_FILTER */
	/* lo shows each twice */
	pier_sock_setopt_int(&wire, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	pier_sock_bind(&wire, PIER_ADDR_AT("packet:lo:0x0800")); /* wire.bind(("lo", ETH_P_IP)) */
	if (pier_sock_perror(&wire, "a packet socket on lo"))
		return 77;

	PIER_AUTO *client = pier_dial(pier_listener_url(listener)); /* create_connection(where) */
	show(&wire, "connect: the handshake");
	/* conn, _ = l.accept(): nothing, the kernel has shaken hands */
	pier_accept(listener, &server);
	pier_printf(client, "hello"); /* s.sendall(b"hello") */
	show(&wire, "send");
	pier_next(server);
	pier_finish(client); /* s.shutdown(SHUT_WR) */
	show(&wire, "shutdown: one direction ends");
	pier_close(server); /* conn.close() */
	show(&wire, "close: the other, too");
	return 0;
}
