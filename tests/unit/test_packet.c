/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "packet_build.h"

#include "base/hash.h"

#define DLT_NULL 0
#define DLT_ETHER 1
#define DLT_PPP 9
#define DLT_RAW 12
#define DLT_SERIAL 50
#define DLT_HDLC 104
#define DLT_LOOP 108
#define DLT_SLL 113
#define DLT_IPV4 228
#define DLT_IPV6 229
#define DLT_SLL2 276

#define A "192.0.2.1"
#define B "198.51.100.2"
#define A6 "2001:db8::1"
#define B6 "2001:db8::2"
#define OUT_A "203.0.113.1"
#define OUT_B "203.0.113.2"
#define UDP4 A " 4000 > " B " 5000 proto 17"
#define UDP6 A6 " 4000 > " B6 " 5000 proto 17"

static struct build b;
static struct counts counts;
static struct packet pkt;

static int reset(void **state)
{
	(void)state;
	memset(&counts, 0, sizeof counts);
	return 0;
}

static void udp4(void)
{
	build_begin(&b, "payload", 7);
	build_udp(&b, 4000, 5000);
	build_ip4(&b, 17, A, B);
}

static void udp6(void)
{
	build_begin(&b, "payload", 7);
	build_udp(&b, 4000, 5000);
	build_ip6(&b, 17, A6, B6);
}

static void expect(uint16_t link, const char *ends)
{
	assert_int_equal(build_decode(&b, link, &counts, &pkt), DECODE_OK);
	assert_string_equal(build_ends(&pkt), ends);
}

static void expect_payload(uint16_t link, const char *ends)
{
	expect(link, ends);
	assert_int_equal(pkt.payload_len, 7);
	assert_int_equal(pkt.payload_wire, 7);
	assert_memory_equal(pkt.payload, "payload", 7);
	assert_int_equal(pkt.flags, 0);
}

static void expect_none(uint16_t link, enum counter why)
{
	uint64_t before = counts.n[why];

	assert_int_equal(build_decode(&b, link, &counts, &pkt), DECODE_NONE);
	assert_int_equal(counts.n[why], before + 1);
}

static void ethernet_udp(void **state)
{
	(void)state;
	udp4();
	build_ether(&b, 0x0800);
	expect_payload(DLT_ETHER, UDP4);
	assert_int_equal(pkt.ip_v, 4);
	assert_int_equal(pkt.ip_len, 35);
	assert_int_equal(pkt.n_vlan, 0);
	assert_int_equal(pkt.n_tunnel, 0);
	assert_int_equal(pkt.tunnel_hash, 0);
	assert_int_equal(pkt.tcp_flags, 0);
	assert_int_equal(pkt.tcp_seq, 0);
}

static void ethernet_tcp(void **state)
{
	(void)state;
	build_begin(&b, "payload", 7);
	build_tcp(&b, 80, 1024, 0x18);
	build_ip6(&b, 6, A6, B6);
	build_ether(&b, 0x86dd);
	expect_payload(DLT_ETHER, A6 " 80 > " B6 " 1024 proto 6");
	assert_int_equal(pkt.ip_v, 6);
	assert_int_equal(pkt.ip_len, 67);
	assert_int_equal(pkt.tcp_flags, 0x18);
	assert_int_equal(pkt.tcp_seq, 0x01020304);
	assert_int_equal(pkt.tcp_ack, 0x05060708);
}

/* One packet behind every header that may lie below IP. */
static void link_headers(void **state)
{
	static const struct {
		uint16_t link;
		uint8_t n;
		bool v6;
		const char *head;
	} rows[] = {
		{ DLT_RAW, 0, false, "" }, { DLT_RAW, 0, true, "" },
		{ 14, 0, false, "" }, { 101, 0, true, "" },
		{ DLT_IPV4, 0, false, "" }, { DLT_IPV6, 0, true, "" },
		{ DLT_NULL, 4, false, "\2\0\0\0" }, { DLT_NULL, 4, false, "\0\0\0\2" },
		{ DLT_NULL, 4, true, "\36\0\0\0" }, { DLT_NULL, 4, true, "\34\0\0\0" },
		{ DLT_LOOP, 4, true, "\0\0\0\30" }, { DLT_LOOP, 4, false, "\0\0\0\2" },
		{ DLT_SLL, 16, false, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0" },
		{ DLT_SLL, 16, true, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x86\xdd" },
		{ DLT_SLL2, 20, false, "\x08\0\0\0\0\0\0\1\0\1\0\6\2\0\0\0\0\1\0\0" },
		{ DLT_PPP, 4, false, "\xff\3\0\x21" }, { DLT_PPP, 2, true, "\0\x57" },
		{ DLT_PPP, 1, false, "\x21" }, { DLT_PPP, 3, false, "\xff\3\x21" },
		{ DLT_SERIAL, 4, false, "\xff\3\0\x21" }, { DLT_SERIAL, 4, false, "\x0f\0\x08\0" },
		{ DLT_PPP, 4, false, "\x0f\0\x08\0" },
		{ DLT_HDLC, 4, true, "\x8f\0\x86\xdd" },
		{ 51, 8, false, "\x11\0\0\1\0\x25\0\x21" },
		{ 204, 5, false, "\1\xff\3\0\x21" }, { 205, 5, false, "\0\x0f\0\x08\0" },
		{ 219, 4, false, "\0\1\1\x40" }, { 219, 8, true, "\0\1\0\x40\0\2\1\x40" },
		{ 11, 8, false, "\xaa\xaa\3\0\0\0\x08\0" },
		{ DLT_ETHER, 22, false, "\1\2\3\4\5\6\1\2\3\4\5\7\0\x2b\xaa\xaa\3\0\0\0\x08\0" },
		{ DLT_ETHER, 17, false, "\1\2\3\4\5\6\1\2\3\4\5\7\0\x26\6\6\3" },
		{ DLT_ETHER, 22, true, "\1\2\3\4\5\6\1\2\3\4\5\7\x88\x64\x11\0\0\1\0\x25\0\x57" },
		{ DLT_ETHER, 18, false, "\1\2\3\4\5\6\1\2\3\4\5\7\x88\x47\0\1\1\x40" },
		/* MPLS, control word, Ethernet */
		{ DLT_ETHER, 36, false, "\1\2\3\4\5\6\1\2\3\4\5\7\x88\x47\0\1\1\x40\0\0\0\0"
		    "\1\2\3\4\5\6\1\2\3\4\5\7\x08\0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].v6)
			udp6();
		else
			udp4();
		build_bytes(&b, rows[i].head, rows[i].n);
		assert_true(packet_link_known(rows[i].link));
		expect_payload(rows[i].link, rows[i].v6 ? UDP6 : UDP4);
	}
}

static void no_ip(void **state)
{
	(void)state;
	udp4();
	expect_none(147, COUNT_LINK_UNKNOWN);
	expect_none(65535, COUNT_LINK_UNKNOWN);
	assert_false(packet_link_known(147));
	assert_false(packet_link_known(-1));
	assert_false(packet_link_known(65535));
	build_ether(&b, 0x0806);
	expect_none(DLT_ETHER, COUNT_NOT_IP);
	udp4();
	build_bytes(&b, "\1\2\3\4\5\6\1\2\3\4\5\7\0\x26\x42\x42\3", 17);
	expect_none(DLT_ETHER, COUNT_NOT_IP);
	build_begin(&b, "\x50\0\0\0", 4);
	expect_none(DLT_RAW, COUNT_NOT_IP);
	build_begin(&b, "", 0);
	expect_none(DLT_ETHER, COUNT_TRUNCATED);
	expect_none(DLT_RAW, COUNT_TRUNCATED);
	udp4();
	build_bytes(&b, "\x11\1\0\1\0\x25\0\x21", 8); /* PPPoE with a code */
	expect_none(51, COUNT_NOT_IP);
}

static void vlan_stack(void **state)
{
	(void)state;
	udp4();
	build_type(&b, 0x0800);
	build_type(&b, 0x2007);  /* priority 1, VLAN 7 */
	build_ether(&b, 0x8100);
	expect_payload(DLT_ETHER, UDP4);
	assert_int_equal(pkt.n_vlan, 1);
	assert_int_equal(pkt.vlan[0], 7);
	assert_int_equal(pkt.vlan[1], 0);

	udp4();
	build_type(&b, 0x0800);
	build_type(&b, 3);
	build_type(&b, 0x8100);
	build_type(&b, 2);
	build_type(&b, 0x9100);
	build_type(&b, 1);
	build_ether(&b, 0x88a8);
	expect_payload(DLT_ETHER, UDP4);
	assert_int_equal(pkt.n_vlan, VLAN_MAX);
	assert_int_equal(pkt.vlan[0], 1);
	assert_int_equal(pkt.vlan[1], 2);

	udp4();
	build_type(&b, 0x0800);
	build_type(&b, 0xe000);  /* a priority, no VLAN */
	build_ether(&b, 0x8100);
	expect_payload(DLT_ETHER, UDP4);
	assert_int_equal(pkt.n_vlan, 0);
}

/* A frame of n VLAN tags around an IPv4 packet. */
static void tags(int n)
{
	udp4();
	build_type(&b, 0x0800);
	for (int i = 0; i < n; i++) {
		build_type(&b, 1);
		build_type(&b, 0x8100);
	}
	build_bytes(&b, "\1\2\3\4\5\6\1\2\3\4\5\7", 12);
}

static void tags_without_end(void **state)
{
	(void)state;
	tags(30); /* with Ethernet and IP: 32 headers */
	expect_payload(DLT_ETHER, UDP4);
	tags(31);
	expect_none(DLT_ETHER, COUNT_HEADERS_DEEP);
	build_begin(&b, NULL, 0);
	for (int i = 0; i < 500; i++)
		build_bytes(&b, "\0\1\0\x40", 4); /* labels without a bottom */
	build_ether(&b, 0x8847);
	expect_none(DLT_ETHER, COUNT_HEADERS_DEEP);
}

static void mpls_of_unknown_content(void **state)
{
	(void)state;
	build_begin(&b, "\0\0\0\0" "\1\2\3\4\5\6\1\2\3\4\5\7\x88\xcc", 18);
	build_bytes(&b, "\0\1\1\x40", 4);
	build_ether(&b, 0x8847);
	expect_none(DLT_ETHER, COUNT_NOT_IP);
	build_begin(&b, "\x12\0\0\0", 4);
	build_bytes(&b, "\0\1\1\x40", 4);
	build_ether(&b, 0x8847);
	expect_none(DLT_ETHER, COUNT_NOT_IP);
}

static void ip4_options_and_padding(void **state)
{
	uint8_t *ip;

	(void)state;
	build_begin(&b, "payload", 7);
	build_udp(&b, 4000, 5000);
	build_bytes(&b, "\7\7\4\0\0\0\0\0", 8);
	build_ip4(&b, 17, A, B);
	ip = b.p;
	ip[0] = 0x47;
	build_ether(&b, 0x0800);
	memset(b.p + b.n, 0xee, 30); /* trailer behind the IP packet */
	b.n += 30;
	expect_payload(DLT_ETHER, UDP4);
	assert_int_equal(pkt.ip_len, 43);
}

static void ip4_lies(void **state)
{
	(void)state;
	udp4();
	b.p[0] = 0x44;
	expect_none(DLT_RAW, COUNT_MALFORMED);
	udp4();
	build_u16(b.p + 2, 19);
	expect_none(DLT_RAW, COUNT_MALFORMED);
	udp4();
	b.p[0] = 0x65;
	expect_none(DLT_RAW, COUNT_TRUNCATED); /* as IPv6 it is too short */
	udp4();
	b.p[0] = 0x65;
	build_ether(&b, 0x0800);
	expect_none(DLT_ETHER, COUNT_MALFORMED);
	udp6();
	b.p[0] = 0x45;
	build_ether(&b, 0x86dd);
	expect_none(DLT_ETHER, COUNT_MALFORMED);
	udp4();
	b.p[0] = 0x4f; /* options beyond the end */
	expect_none(DLT_RAW, COUNT_MALFORMED);
}

/* Every cut of a frame: never more than was captured, always what the headers say was sent. */
static void every_cut(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= 49; cut++) {
		enum decode d;

		udp4();
		build_ether(&b, 0x0800);
		d = build_decode_cut(&b, cut, DLT_ETHER, NULL, &counts, 0, &pkt);
		if (cut < 34) {
			assert_int_equal(d, DECODE_NONE);
			continue;
		}
		assert_int_equal(d, DECODE_OK);
		assert_int_equal(pkt.ip_len, 35);
		assert_int_equal((pkt.flags & PACKET_PORTLESS) != 0, cut < 38);
		assert_int_equal(pkt.port[1], cut < 38 ? 0 : 5000);
		assert_int_equal((pkt.flags & PACKET_SHORT) != 0, cut < 49);
		assert_int_equal(pkt.payload_wire, cut < 38 ? 15 : 7);
		assert_int_equal(pkt.payload_len, cut < 38 ? cut - 34 : cut < 42 ? 0 : cut - 42);
	}
	assert_int_equal(counts.n[COUNT_TRUNCATED], 34 + 8);
}

static void tcp_damaged(void **state)
{
	(void)state;
	build_begin(&b, "payload", 7);
	build_tcp(&b, 80, 1024, 0x02);
	b.p[12] = 4 << 4;
	build_ip4(&b, 6, A, B);
	expect(DLT_RAW, A " 80 > " B " 1024 proto 6");
	assert_int_equal(pkt.payload_len, 0);
	assert_int_equal(pkt.payload_wire, 0);
	assert_int_equal(counts.n[COUNT_MALFORMED], 1);

	build_begin(&b, "payload", 7);
	build_tcp(&b, 80, 1024, 0x02);
	b.p[12] = 15 << 4; /* longer than the packet */
	build_ip4(&b, 6, A, B);
	expect(DLT_RAW, A " 80 > " B " 1024 proto 6");
	assert_int_equal(pkt.payload_len, 0);
	assert_int_equal(counts.n[COUNT_MALFORMED], 2);

	build_begin(&b, "payload", 7);
	build_bytes(&b, "\1\1\1\1", 4);
	build_tcp(&b, 80, 1024, 0x02);
	b.p[12] = 6 << 4;
	build_ip4(&b, 6, A, B);
	expect_payload(DLT_RAW, A " 80 > " B " 1024 proto 6");
	assert_int_equal(build_decode_cut(&b, 42, DLT_RAW, NULL, &counts, 0, &pkt), DECODE_OK);
	assert_int_equal(pkt.port[0], 80);
	assert_int_equal(pkt.tcp_flags, 2);
	assert_int_equal(pkt.payload_len, 0);
	assert_int_equal(pkt.payload_wire, 7);
	assert_int_equal(pkt.flags, PACKET_SHORT);
	assert_int_equal(build_decode_cut(&b, 30, DLT_RAW, NULL, &counts, 0, &pkt), DECODE_OK);
	assert_int_equal(pkt.port[0], 80);
	assert_int_equal(pkt.tcp_flags, 0);
	assert_int_equal(pkt.payload_len, 0);
}

static void udp_length_field(void **state)
{
	static const struct {
		uint16_t field;
		uint32_t wire, malformed;
	} rows[] = { { 15, 7, 0 }, { 11, 3, 0 }, { 8, 0, 0 }, { 0, 7, 0 }, { 5, 7, 1 }, { 900, 7, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		udp4();
		build_u16(b.p + 24, rows[i].field);
		expect(DLT_RAW, UDP4);
		assert_int_equal(pkt.payload_wire, rows[i].wire);
		assert_int_equal(pkt.payload_len, rows[i].wire);
		assert_int_equal(counts.n[COUNT_MALFORMED], rows[i].malformed);
	}
}

static void super_packets(void **state)
{
	static uint8_t big[70000];

	(void)state;
	build_begin(&b, big, 1572); /* IP length 1600 */
	build_udp(&b, 4000, 5000);
	build_ip4(&b, 17, A, B);
	expect(DLT_RAW, UDP4);
	assert_int_equal(pkt.flags, 0);
	build_begin(&b, big, 1573);
	build_udp(&b, 4000, 5000);
	build_ip4(&b, 17, A, B);
	expect(DLT_RAW, UDP4);
	assert_int_equal(pkt.flags, PACKET_MERGED);
	assert_int_equal(counts.n[COUNT_MERGED], 1);

	build_begin(&b, big, 3000); /* captured before the lengths were filled in */
	build_tcp(&b, 80, 1024, 0x10);
	build_ip4(&b, 6, A, B);
	build_u16(b.p + 2, 0);
	expect(DLT_RAW, A " 80 > " B " 1024 proto 6");
	assert_int_equal(pkt.payload_wire, 3000);
	assert_int_equal(pkt.ip_len, 3040);
	assert_int_equal(pkt.flags, PACKET_MERGED);

	build_begin(&b, big, sizeof big); /* beyond 16 bits: lengths are 0 */
	build_udp(&b, 4000, 5000);
	build_u16(b.p + 4, 0);
	build_ip6(&b, 17, A6, B6);
	expect(DLT_RAW, UDP6);
	assert_int_equal(pkt.payload_len, sizeof big);
	assert_int_equal(pkt.ip_len, 40 + 8 + sizeof big);
	assert_int_equal(pkt.flags, PACKET_MERGED);
}

static void ip6_extensions(void **state)
{
	(void)state;
	build_begin(&b, "payload", 7);
	build_udp(&b, 4000, 5000);
	build_bytes(&b, "\x11\4\0\0\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0", 24); /* AH: 6 words */
	build_ext(&b, 51, 2);
	build_bytes(&b, "\x3c\0\0\0\0\0\0\1", 8); /* atomic fragment */
	build_ext(&b, 44, 3);
	build_ext(&b, 43, 1);
	build_ext(&b, 60, 1);
	build_ip6(&b, 0, A6, B6);
	expect_payload(DLT_RAW, UDP6);
	assert_int_equal(counts.n[COUNT_FRAGMENTS], 0);
}

static void ip6_extensions_stop(void **state)
{
	(void)state;
	udp6();
	b.p[6] = 59;
	expect(DLT_RAW, A6 " 0 > " B6 " 0 proto 59");
	udp6();
	b.p[6] = 50;
	expect(DLT_RAW, A6 " 0 > " B6 " 0 proto 50");
	assert_int_equal(pkt.payload_len, 15);
	assert_int_equal(counts.n[COUNT_EXTENSION_UNKNOWN], 0);
	udp6();
	b.p[6] = 253;
	expect(DLT_RAW, A6 " 0 > " B6 " 0 proto 253");
	assert_int_equal(counts.n[COUNT_EXTENSION_UNKNOWN], 1);
	udp4();
	b.p[9] = 0; /* in IPv4 no extension header */
	expect(DLT_RAW, A " 0 > " B " 0 proto 0");
	assert_int_equal(pkt.payload_len, 15);

	build_begin(&b, "payload", 7);
	build_udp(&b, 4000, 5000);
	build_ext(&b, 17, 1);
	for (int i = 0; i < 6; i++)
		build_ext(&b, 60, 1);
	build_ip6(&b, 60, A6, B6);
	expect_payload(DLT_RAW, UDP6);
	b.p += 40;
	b.n -= 40;
	build_ext(&b, 60, 1);
	build_ip6(&b, 60, A6, B6);
	expect(DLT_RAW, A6 " 0 > " B6 " 0 proto 60");
	assert_int_equal(pkt.flags, PACKET_PORTLESS);
	assert_int_equal(counts.n[COUNT_HEADERS_DEEP], 1);

	build_begin(&b, "\x11\xff\0\0\0\0\0\0", 8); /* longer than the packet */
	build_ip6(&b, 60, A6, B6);
	expect(DLT_RAW, A6 " 0 > " B6 " 0 proto 60");
	assert_int_equal(pkt.flags, PACKET_PORTLESS);
	assert_int_equal(counts.n[COUNT_TRUNCATED], 1);
}

static void other_protocols(void **state)
{
	static const struct { uint8_t proto; uint16_t from, to; } rows[] = {
		{ 1, 0, 0 }, { 58, 0, 0 }, { 50, 0, 0 }, { 89, 0, 0 },
		{ 132, 0x0102, 0x0304 }, { 33, 0x0102, 0x0304 }, { 136, 0x0102, 0x0304 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		build_begin(&b, "\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c", 12);
		build_ip4(&b, rows[i].proto, A, B);
		assert_int_equal(build_decode(&b, DLT_RAW, &counts, &pkt), DECODE_OK);
		assert_int_equal(pkt.port[0], rows[i].from);
		assert_int_equal(pkt.port[1], rows[i].to);
		assert_int_equal(pkt.payload_len, 12);
		assert_int_equal(pkt.payload[0], 1);
		assert_int_equal(pkt.flags, 0);
	}
}

/* Puts the outer IP header and Ethernet on; `back` swaps the ends. */
static void outer(uint8_t proto, bool back)
{
	build_ip4(&b, proto, back ? OUT_B : OUT_A, back ? OUT_A : OUT_B);
	build_ether(&b, 0x0800);
}

static void outer_udp(uint16_t to, bool back)
{
	build_udp(&b, 2000, to);
	outer(17, back);
}

static void gtpu(uint8_t flags, uint32_t teid)
{
	size_t len = b.n;
	uint8_t *p = build_front(&b, 8);

	p[0] = flags;
	p[1] = 0xff;
	build_u16(p + 2, (uint32_t)len);
	build_u32(p + 4, teid);
}

static void vxlan(uint32_t vni)
{
	uint8_t *p = build_front(&b, 8);

	p[0] = 8;
	build_u32(p + 4, vni << 8);
}

static void expect_tunnel(const char *ends, enum tunnel_kind kind, uint32_t id)
{
	char text[ADDR_TEXT_LEN];

	expect_payload(DLT_ETHER, ends);
	assert_int_equal(pkt.n_tunnel, 1);
	assert_int_equal(pkt.tunnel[0].kind, kind);
	assert_int_equal(pkt.tunnel[0].id, id);
	assert_string_equal(addr_text(&pkt.tunnel[0].ip[0], text), OUT_A);
	assert_string_equal(addr_text(&pkt.tunnel[0].ip[1], text), OUT_B);
	assert_int_not_equal(pkt.tunnel_hash, 0);
}

static void tunnels_plain(void **state)
{
	(void)state;
	udp4();
	outer(4, false);
	expect_tunnel(UDP4, TUNNEL_IPIP, 0);
	udp6();
	outer(41, false);
	expect_tunnel(UDP6, TUNNEL_6IN4, 0);
	udp4();
	build_ip6(&b, 4, A6, B6);
	expect_payload(DLT_RAW, UDP4);
	assert_int_equal(pkt.tunnel[0].kind, TUNNEL_4IN6);
	udp6();
	build_ip6(&b, 41, B6, A6);
	expect_payload(DLT_RAW, UDP6);
	assert_int_equal(pkt.tunnel[0].kind, TUNNEL_IPIP);
	assert_int_equal(counts.n[COUNT_TUNNELLED], 4);
}

static void tunnels_gre(void **state)
{
	static const struct {
		uint8_t n;
		const char *head;
		uint32_t id;
	} rows[] = {
		{ 4, "\0\0\x08\0", 0 },
		{ 8, "\x80\0\x08\0\1\2\0\0", 0 },
		{ 8, "\x20\0\x08\0\0\0\1\2", 0x102 },
		{ 16, "\xb0\0\x08\0\1\2\0\0\0\0\1\2\0\0\0\5", 0x102 },
		{ 18, "\0\0\x65\x58\1\2\3\4\5\6\1\2\3\4\5\7\x08\0", 0 },
		{ 22, "\0\0\x65\x58\1\2\3\4\5\6\1\2\3\4\5\7\x81\0\0\0\x08\0", 0 },
		{ 16, "\x30\x81\x88\x0b\0\x25\0\7\0\0\0\1\0\0\0\1", 0 }, /* PPTP, PPP below */
		{ 30, "\x10\0\x88\xbe\0\0\0\1\x10\0\0\0\0\0\0\0\1\2\3\4\5\6\1\2\3\4\5\7\x08\0", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		udp4();
		if (i == 6)
			build_bytes(&b, "\xff\3\0\x21", 4);
		build_bytes(&b, rows[i].head, rows[i].n);
		outer(47, false);
		expect_tunnel(UDP4, TUNNEL_GRE, rows[i].id);
	}
}

static void tunnels_gtpu(void **state)
{
	(void)state;
	udp4();
	gtpu(0x30, 77);
	outer_udp(2152, false);
	expect_tunnel(UDP4, TUNNEL_GTPU, 77);
	udp6();
	build_bytes(&b, "\0\1\0\0", 4); /* a sequence number */
	gtpu(0x32, 78);
	outer_udp(2152, false);
	expect_tunnel(UDP6, TUNNEL_GTPU, 78);
	udp4();
	build_bytes(&b, "\1\0\7\0", 4);       /* PDU session container, and the last */
	build_bytes(&b, "\0\0\0\x85", 4);
	gtpu(0x34, 79);
	outer_udp(2152, false);
	expect_tunnel(UDP4, TUNNEL_GTPU, 79);
}

/* n extension headers of GTP-U; the last names no next. */
static void gtpu_extended(int n)
{
	udp4();
	for (int i = 0; i < n; i++)
		build_bytes(&b, i == 0 ? "\1\0\7\0" : "\1\0\7\x85", 4);
	build_bytes(&b, "\0\0\0\x85", 4);
	gtpu(0x34, 80);
	outer_udp(2152, false);
}

static void gtpu_extensions_are_bounded(void **state)
{
	(void)state;
	gtpu_extended(8);
	expect_tunnel(UDP4, TUNNEL_GTPU, 80);
	gtpu_extended(9);
	expect(DLT_ETHER, OUT_A " 2000 > " OUT_B " 2152 proto 17");
	assert_int_equal(pkt.n_tunnel, 0);
	udp4();
	build_bytes(&b, "\0\0\7\0", 4);       /* length 0 would never end */
	build_bytes(&b, "\0\0\0\x85", 4);
	gtpu(0x34, 80);
	outer_udp(2152, false);
	expect(DLT_ETHER, OUT_A " 2000 > " OUT_B " 2152 proto 17");
}

static void tunnels_vxlan(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		udp4();
		build_ether(&b, 0x0800);
		vxlan(5);
		outer_udp(i == 0 ? 4789 : 8472, false);
		expect_tunnel(UDP4, TUNNEL_VXLAN, 5);
	}
}

/* Traffic on the port of a tunnel that is none stays what it is. */
static void tunnels_that_are_none(void **state)
{
	static const char dns[] = "\x30\xff\0\x1c\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1";

	(void)state;
	build_begin(&b, dns, sizeof dns - 1);
	outer_udp(2152, false);
	expect(DLT_ETHER, OUT_A " 2000 > " OUT_B " 2152 proto 17");
	assert_int_equal(pkt.n_tunnel, 0);
	assert_int_equal(pkt.tunnel_hash, 0);
	assert_memory_equal(pkt.payload, dns, sizeof dns - 1);

	udp4();
	gtpu(0x30, 77);
	b.p[8 + 3]++;                         /* the inner length does not fit */
	outer_udp(2152, false);
	expect(DLT_ETHER, OUT_A " 2000 > " OUT_B " 2152 proto 17");

	udp4();
	gtpu(0x30, 77);
	build_udp(&b, 2152, 53);              /* from the port, not to it */
	outer(17, false);
	expect(DLT_ETHER, OUT_A " 2152 > " OUT_B " 53 proto 17");

	build_begin(&b, "arp", 3);
	build_ether(&b, 0x0806);
	vxlan(5);
	outer_udp(4789, false);
	expect(DLT_ETHER, OUT_A " 2000 > " OUT_B " 4789 proto 17");
	assert_int_equal(pkt.n_tunnel, 0);
	assert_int_equal(pkt.tunnel_hash, 0);
	assert_int_equal(pkt.payload_len, 8 + 14 + 3);
	assert_memory_equal(pkt.payload + 8 + 14, "arp", 3);

	udp4();
	build_bytes(&b, "\0\0\x88\xb7", 4);   /* GRE of something else */
	outer(47, false);
	expect(DLT_ETHER, OUT_A " 0 > " OUT_B " 0 proto 47");
	udp4();
	build_bytes(&b, "\x40\0\x08\0\0\0\0\0", 8); /* source routes */
	outer(47, false);
	expect(DLT_ETHER, OUT_A " 0 > " OUT_B " 0 proto 47");
	udp4();
	b.p[0] = 0x41;
	outer(4, false);
	expect(DLT_ETHER, OUT_A " 0 > " OUT_B " 0 proto 4");
	assert_int_equal(counts.n[COUNT_TUNNELLED], 0);
	assert_int_equal(counts.n[COUNT_NOT_IP], 0);
}

static uint32_t hash_of_gtpu(uint32_t teid, bool back)
{
	udp4();
	gtpu(0x30, teid);
	outer_udp(2152, back);
	expect(DLT_ETHER, UDP4);
	return pkt.tunnel_hash;
}

static uint32_t hash_of_vxlan(uint32_t vni, bool back)
{
	udp4();
	build_ether(&b, 0x0800);
	vxlan(vni);
	outer_udp(4789, back);
	expect(DLT_ETHER, UDP4);
	return pkt.tunnel_hash;
}

static void tunnel_hashes(void **state)
{
	(void)state;
	assert_int_equal(hash_of_gtpu(1, false), hash_of_gtpu(2, true));
	assert_int_equal(hash_of_vxlan(1, false), hash_of_vxlan(1, true));
	assert_int_not_equal(hash_of_vxlan(1, false), hash_of_vxlan(2, false));
	assert_int_not_equal(hash_of_vxlan(1, false), hash_of_gtpu(1, false));
}

static void tunnels_inside_one_another(void **state)
{
	(void)state;
	udp4();
	for (int i = 0; i < TUNNEL_MAX; i++)
		build_ip4(&b, 4, OUT_A, OUT_B);
	build_ether(&b, 0x0800);
	expect_payload(DLT_ETHER, UDP4);
	assert_int_equal(pkt.n_tunnel, TUNNEL_MAX);
	assert_int_equal(counts.n[COUNT_HEADERS_DEEP], 0);

	udp4();
	for (int i = 0; i < TUNNEL_MAX + 1; i++)
		build_ip4(&b, 4, OUT_A, OUT_B);
	build_ether(&b, 0x0800);
	expect(DLT_ETHER, OUT_A " 0 > " OUT_B " 0 proto 4");
	assert_int_equal(pkt.n_tunnel, TUNNEL_MAX);
	assert_int_equal(counts.n[COUNT_HEADERS_DEEP], 1);

	/* The way is kept outermost first, and the failure inside the second gives the first's inside. */
	build_begin(&b, "arp", 3);
	build_ether(&b, 0x0806);
	vxlan(9);
	build_udp(&b, 1000, 4789);
	build_ip4(&b, 17, A, B);
	build_bytes(&b, "\0\0\x08\0", 4);
	outer(47, false);
	expect(DLT_ETHER, A " 1000 > " B " 4789 proto 17");
	assert_int_equal(pkt.n_tunnel, 1);
	assert_int_equal(pkt.tunnel[0].kind, TUNNEL_GRE);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(tunnel_name(TUNNEL_GRE), "gre");
	assert_string_equal(tunnel_name(TUNNEL_VXLAN), "vxlan");
	for (int i = 0; i < TUNNEL_KINDS; i++)
		assert_non_null(tunnel_name(i));
}

#define T(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ethernet_udp), T(ethernet_tcp), T(link_headers), T(no_ip), T(vlan_stack),
		T(tags_without_end), T(mpls_of_unknown_content), T(ip4_options_and_padding),
		T(ip4_lies), T(every_cut), T(tcp_damaged), T(udp_length_field), T(super_packets),
		T(ip6_extensions), T(ip6_extensions_stop), T(other_protocols), T(tunnels_plain),
		T(tunnels_gre), T(tunnels_gtpu), T(gtpu_extensions_are_bounded),
		T(tunnels_vxlan), T(tunnels_that_are_none),
		T(tunnel_hashes), T(tunnels_inside_one_another), T(names),
	};

	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
