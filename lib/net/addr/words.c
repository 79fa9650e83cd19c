/* The names of numbers. What these headers or this libc do not know has its number from the kernel's. */
#include <pier/words.h>

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct word {
	const char *name;
	int value;
};

#define W(name)                                                                                    \
	{                                                                                          \
#name, name                                                                        \
	}
#define N(name, n)                                                                                 \
	{                                                                                          \
#name, n                                                                           \
	} /* newer than some headers */
#define TABLE(words)                                                                               \
	{                                                                                          \
		words, sizeof words / sizeof *words                                                \
	}

static const struct word families[] = {
	W(AF_UNSPEC), W(AF_UNIX),  W(AF_INET),	    W(AF_INET6),       W(AF_NETLINK), W(AF_PACKET),
	W(AF_ALG),    W(AF_VSOCK), W(AF_BLUETOOTH), W(AF_CAN),	       W(AF_TIPC),    W(AF_RDS),
	W(AF_X25),    W(AF_AX25),  W(AF_IPX),	    W(AF_KEY),	       W(AF_LLC),     W(AF_IB),
	W(AF_MPLS),   W(AF_PPPOX), W(AF_KCM),	    N(AF_QIPCRTR, 42), N(AF_SMC, 43), N(AF_XDP, 44),
};
static const struct word types[] = {
	W(SOCK_STREAM),	   W(SOCK_DGRAM), W(SOCK_RAW),	  W(SOCK_RDM),
	W(SOCK_SEQPACKET), W(SOCK_DCCP),  W(SOCK_PACKET),
};
static const struct word protocols[] = {
	W(IPPROTO_IP),	       W(IPPROTO_ICMP),	   W(IPPROTO_IGMP),    W(IPPROTO_IPIP),
	W(IPPROTO_TCP),	       W(IPPROTO_EGP),	   W(IPPROTO_PUP),     W(IPPROTO_UDP),
	W(IPPROTO_IDP),	       W(IPPROTO_TP),	   W(IPPROTO_DCCP),    W(IPPROTO_IPV6),
	W(IPPROTO_RSVP),       W(IPPROTO_GRE),	   W(IPPROTO_ESP),     W(IPPROTO_AH),
	W(IPPROTO_MTP),	       W(IPPROTO_ENCAP),   W(IPPROTO_PIM),     W(IPPROTO_COMP),
	W(IPPROTO_SCTP),       W(IPPROTO_UDPLITE), W(IPPROTO_MPLS),    W(IPPROTO_RAW),
	W(IPPROTO_ICMPV6),     W(IPPROTO_HOPOPTS), W(IPPROTO_ROUTING), W(IPPROTO_FRAGMENT),
	W(IPPROTO_NONE),       W(IPPROTO_DSTOPTS), W(IPPROTO_MH),      N(IPPROTO_ETHERNET, 143),
	N(IPPROTO_MPTCP, 262),
};
static const struct word levels[] = {
	W(SOL_SOCKET),	 W(IPPROTO_IP),	    W(IPPROTO_TCP),	 W(IPPROTO_UDP),
	W(IPPROTO_IPV6), W(IPPROTO_ICMPV6), W(IPPROTO_SCTP),	 W(IPPROTO_UDPLITE),
	W(SOL_RAW),	 W(SOL_PACKET),	    N(SOL_NETLINK, 270), N(SOL_TLS, 282),
};
static const struct word socket_options[] = {
	W(SO_DEBUG),
	W(SO_REUSEADDR),
	W(SO_TYPE),
	W(SO_ERROR),
	W(SO_DONTROUTE),
	W(SO_BROADCAST),
	W(SO_SNDBUF),
	W(SO_RCVBUF),
	W(SO_SNDBUFFORCE),
	W(SO_RCVBUFFORCE),
	W(SO_KEEPALIVE),
	W(SO_OOBINLINE),
	W(SO_PRIORITY),
	W(SO_LINGER),
	W(SO_REUSEPORT),
	W(SO_PASSCRED),
	W(SO_PEERCRED),
	W(SO_RCVLOWAT),
	W(SO_SNDLOWAT),
	W(SO_RCVTIMEO),
	W(SO_SNDTIMEO),
	W(SO_BINDTODEVICE),
	W(SO_PEERNAME),
	W(SO_TIMESTAMP),
	W(SO_ACCEPTCONN),
	W(SO_PEERSEC),
	W(SO_PASSSEC),
	W(SO_TIMESTAMPNS),
	W(SO_MARK),
	W(SO_TIMESTAMPING),
	W(SO_PROTOCOL),
	W(SO_DOMAIN),
	W(SO_RXQ_OVFL),
	W(SO_PEEK_OFF),
	W(SO_BUSY_POLL),
	W(SO_INCOMING_CPU),
	W(SO_INCOMING_NAPI_ID),
	W(SO_COOKIE),
	W(SO_ZEROCOPY),
	W(SO_TXTIME),
	N(SO_BINDTOIFINDEX, 62),
	N(SO_PREFER_BUSY_POLL, 69),
	N(SO_NETNS_COOKIE, 71),
	N(SO_BUF_LOCK, 72),
	N(SO_PASSPIDFD, 76),
	N(SO_PEERPIDFD, 77),
};
static const struct word ip_options[] = {
	W(IP_TOS),
	W(IP_TTL),
	W(IP_HDRINCL),
	W(IP_OPTIONS),
	W(IP_RECVOPTS),
	W(IP_RETOPTS),
	W(IP_PKTINFO),
	W(IP_MTU_DISCOVER),
	W(IP_RECVERR),
	W(IP_RECVTTL),
	W(IP_RECVTOS),
	W(IP_MTU),
	W(IP_FREEBIND),
	W(IP_TRANSPARENT),
	W(IP_RECVORIGDSTADDR),
	W(IP_MINTTL),
	W(IP_NODEFRAG),
	W(IP_BIND_ADDRESS_NO_PORT),
	W(IP_RECVFRAGSIZE),
	W(IP_MULTICAST_IF),
	W(IP_MULTICAST_TTL),
	W(IP_MULTICAST_LOOP),
	W(IP_ADD_MEMBERSHIP),
	W(IP_DROP_MEMBERSHIP),
	W(IP_UNBLOCK_SOURCE),
	W(IP_BLOCK_SOURCE),
	W(IP_ADD_SOURCE_MEMBERSHIP),
	W(IP_DROP_SOURCE_MEMBERSHIP),
	W(IP_MULTICAST_ALL),
	N(IP_LOCAL_PORT_RANGE, 51),
};
static const struct word ipv6_options[] = {
	W(IPV6_UNICAST_HOPS),	W(IPV6_MULTICAST_IF), W(IPV6_MULTICAST_HOPS),
	W(IPV6_MULTICAST_LOOP), W(IPV6_JOIN_GROUP),   W(IPV6_LEAVE_GROUP),
	W(IPV6_MTU_DISCOVER),	W(IPV6_MTU),	      W(IPV6_RECVERR),
	W(IPV6_V6ONLY),		W(IPV6_RECVPKTINFO),  W(IPV6_PKTINFO),
	W(IPV6_RECVHOPLIMIT),	W(IPV6_HOPLIMIT),     W(IPV6_RECVHOPOPTS),
	W(IPV6_HOPOPTS),	W(IPV6_RECVRTHDR),    W(IPV6_RTHDR),
	W(IPV6_RECVDSTOPTS),	W(IPV6_DSTOPTS),      W(IPV6_RECVPATHMTU),
	W(IPV6_PATHMTU),	W(IPV6_DONTFRAG),     W(IPV6_RECVTCLASS),
	W(IPV6_TCLASS),		W(IPV6_CHECKSUM),     W(IPV6_ADDR_PREFERENCES),
	W(IPV6_MINHOPCOUNT),	W(IPV6_FREEBIND),     W(IPV6_NEXTHOP),
	W(IPV6_RTHDRDSTOPTS),
};
static const struct word tcp_options[] = {
	W(TCP_NODELAY),		 W(TCP_MAXSEG),	       W(TCP_CORK),	    W(TCP_KEEPIDLE),
	W(TCP_KEEPINTVL),	 W(TCP_KEEPCNT),       W(TCP_SYNCNT),	    W(TCP_LINGER2),
	W(TCP_DEFER_ACCEPT),	 W(TCP_WINDOW_CLAMP),  W(TCP_INFO),	    W(TCP_QUICKACK),
	W(TCP_CONGESTION),	 W(TCP_MD5SIG),	       W(TCP_USER_TIMEOUT), W(TCP_FASTOPEN),
	W(TCP_TIMESTAMP),	 W(TCP_NOTSENT_LOWAT), W(TCP_SAVE_SYN),	    W(TCP_SAVED_SYN),
	W(TCP_FASTOPEN_CONNECT), W(TCP_ULP),	       W(TCP_FASTOPEN_KEY), W(TCP_INQ),
	W(TCP_TX_DELAY),
};
static const struct word udp_options[] = {
	N(UDP_CORK, 1),		  N(UDP_ENCAP, 100),   N(UDP_NO_CHECK6_TX, 101),
	N(UDP_NO_CHECK6_RX, 102), N(UDP_SEGMENT, 103), N(UDP_GRO, 104),
};
static const struct word packet_options[] = {
	W(PACKET_ADD_MEMBERSHIP), W(PACKET_DROP_MEMBERSHIP), W(PACKET_RX_RING),
	W(PACKET_STATISTICS),	  W(PACKET_AUXDATA),	     W(PACKET_VERSION),
	W(PACKET_TX_RING),	  W(PACKET_TIMESTAMP),	     W(PACKET_FANOUT),
};
static const struct word socket_items[] = {
	W(SCM_RIGHTS),	  N(SCM_CREDENTIALS, 2), N(SCM_SECURITY, 3),  N(SCM_PIDFD, 4),
	W(SCM_TIMESTAMP), W(SCM_TIMESTAMPNS),	 W(SCM_TIMESTAMPING),
};
static const struct word message_flags[] = {
	W(MSG_OOB),	   W(MSG_PEEK),	    W(MSG_DONTROUTE), W(MSG_CTRUNC),
	W(MSG_TRUNC),	   W(MSG_DONTWAIT), W(MSG_EOR),	      W(MSG_WAITALL),
	W(MSG_CONFIRM),	   W(MSG_ERRQUEUE), W(MSG_NOSIGNAL),  W(MSG_MORE),
	W(MSG_WAITFORONE), W(MSG_ZEROCOPY), W(MSG_FASTOPEN),  W(MSG_CMSG_CLOEXEC),
};
static const struct word name_flags[] = {
	W(AI_PASSIVE), W(AI_CANONNAME),	 W(AI_NUMERICHOST), W(AI_V4MAPPED),
	W(AI_ALL),     W(AI_ADDRCONFIG), W(AI_NUMERICSERV),
};
static const struct word interface_flags[] = {
	W(IFF_UP),
	W(IFF_BROADCAST),
	W(IFF_DEBUG),
	W(IFF_LOOPBACK),
	W(IFF_POINTOPOINT),
	W(IFF_NOTRAILERS),
	W(IFF_RUNNING),
	W(IFF_NOARP),
	W(IFF_PROMISC),
	W(IFF_ALLMULTI),
	W(IFF_MASTER),
	W(IFF_SLAVE),
	W(IFF_MULTICAST),
	W(IFF_PORTSEL),
	W(IFF_AUTOMEDIA),
	W(IFF_DYNAMIC),
	N(IFF_LOWER_UP, 1 << 16),
	N(IFF_DORMANT, 1 << 17),
	N(IFF_ECHO, 1 << 18),
};
static const struct word tcp_flags[] = {
	{"FIN", 0x01}, {"SYN", 0x02}, {"RST", 0x04}, {"PSH", 0x08},
	{"ACK", 0x10}, {"URG", 0x20}, {"ECE", 0x40}, {"CWR", 0x80},
};
static const struct word shutdowns[] = {W(SHUT_RD), W(SHUT_WR), W(SHUT_RDWR)};

static const struct {
	const struct word *words;
	size_t count;
} tables[] = {
	[PIER_FAMILIES] = TABLE(families),
	[PIER_TYPES] = TABLE(types),
	[PIER_PROTOCOLS] = TABLE(protocols),
	[PIER_LEVELS] = TABLE(levels),
	[PIER_SOCKET_OPTIONS] = TABLE(socket_options),
	[PIER_IP_OPTIONS] = TABLE(ip_options),
	[PIER_IPV6_OPTIONS] = TABLE(ipv6_options),
	[PIER_TCP_OPTIONS] = TABLE(tcp_options),
	[PIER_UDP_OPTIONS] = TABLE(udp_options),
	[PIER_PACKET_OPTIONS] = TABLE(packet_options),
	[PIER_SOCKET_ITEMS] = TABLE(socket_items),
	[PIER_MESSAGE_FLAGS] = TABLE(message_flags),
	[PIER_NAME_FLAGS] = TABLE(name_flags),
	[PIER_INTERFACE_FLAGS] = TABLE(interface_flags),
	[PIER_SHUTDOWNS] = TABLE(shutdowns),
	[PIER_TCP_FLAGS] = TABLE(tcp_flags),
};

const char *pier_word_at(pier_words of, unsigned n, int *value)
{
	if ((size_t)of >= sizeof tables / sizeof *tables || n >= tables[of].count)
		return NULL;
	*value = tables[of].words[n].value;
	return tables[of].words[n].name;
}

const char *pier_word(pier_words of, int value, char *into)
{
	int known;
	const char *name;
	for (unsigned i = 0; (name = pier_word_at(of, i, &known)); i++) {
		if (known == value) {
			snprintf(into, PIER_WORD, "%s", name);
			return into;
		}
	}
	snprintf(into, PIER_WORD, "%d", value);
	return into;
}

int pier_word_value(pier_words of, const char *name, int *out)
{
	int value;
	const char *known;
	for (unsigned i = 0; (known = pier_word_at(of, i, &value)); i++) {
		if (!strcmp(known, name)) {
			*out = value;
			return 0;
		}
	}
	return -ENOENT;
}

/* Appends "|text", cut at the end of the room. */
static size_t append(char *into, size_t room, size_t at, const char *text)
{
	if (at >= room)
		return at;
	int n = snprintf(into + at, room - at, "%s%s", at ? "|" : "", text);
	return n < 0 ? at : at + (size_t)n;
}

const char *pier_word_flags(pier_words of, unsigned flags, char *into, size_t room)
{
	char rest[16];
	size_t at = 0;
	int value;
	const char *name;

	for (unsigned i = 0; (name = pier_word_at(of, i, &value)); i++) {
		if (value && (flags & (unsigned)value) == (unsigned)value) {
			at = append(into, room, at, name);
			flags &= ~(unsigned)value;
		}
	}
	snprintf(rest, sizeof rest, flags ? "0x%x" : "0", flags);
	if (flags || at == 0)
		append(into, room, at, rest);
	return into;
}
