/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What phones say: frames of SIP, of RTP, and of other flows. */
#include "storm.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PEERS   1021        /* prime to PHONES: the same two hosts meet once in eight million calls */
#define SIP_SERVERS 16
#define SIP_PORT 5060
#define SAMPLES_MS 8        /* of G.711 */
#define RTP 12
#define ANSWER_MS 20        /* from INVITE to 200 */

/* --- frames --- */

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t checksum(const uint8_t *p, size_t n) /* RFC 1071 */
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct path { uint32_t from, to; uint16_t from_port, to_port; };

static struct path turned(struct path p)
{
	return (struct path){ p.to, p.from, p.to_port, p.from_port };
}

void flush(struct end *e)
{
	for (unsigned done = 0; done < e->n;) {
		int n = sendmmsg(e->fd, e->mm + done, e->n - done, 0);

		if (n <= 0) { /* the device's queue is full: that frame is lost, as on a wire */
			e->refused++;
			n = 1;
		} else {
			e->sent += (uint64_t)n;
		}
		done += (unsigned)n;
	}
	e->n = 0;
}

/* Room for a UDP payload of `len` bytes on its way; filled by the caller before the next call. */
static uint8_t *datagram(struct end *e, struct path p, size_t len)
{
	uint8_t *f, *ip;

	if (e->n == BATCH)
		flush(e);
	f = e->frame[e->n];
	ip = f + ETH;
	memcpy(f, e->gateway, 6);
	memcpy(f + 6, "\x02\x00\x00\x00\x99\x01", 6);
	put16(f + 12, ETH_P_IP);
	memset(ip, 0, IP + UDP);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(IP + UDP + len));
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	put32(ip + 12, p.from);
	put32(ip + 16, p.to);
	put16(ip + 10, checksum(ip, IP));
	put16(ip + IP, p.from_port);
	put16(ip + IP + 2, p.to_port);
	put16(ip + IP + 4, (uint32_t)(UDP + len)); /* no checksum: IPv4 allows it */
	e->iov[e->n].iov_len = ETH + IP + UDP + len;
	e->n++;
	return ip + IP + UDP;
}

/* --- one call --- */

static struct path media_path(uint32_t i)
{
	return (struct path){ INSIDE + FIRST + i % PHONES, OUTSIDE + FIRST + i % PEERS,
		(uint16_t)(MEDIA_PORT + i / PHONES * 2), (uint16_t)(MEDIA_PORT + 2 * (i / PEERS)) };
}

static struct path sip_path(uint32_t i)
{
	return (struct path){ INSIDE + FIRST + i % PHONES, SERVERS + 1 + i % SIP_SERVERS,
		(uint16_t)(SIP_PORT + i / PHONES), SIP_PORT };
}

static void say(struct end *e, struct path p, const char *fmt, ...)
{
	char text[FRAME_BYTES - ETH - IP - UDP];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	memcpy(datagram(e, p, (size_t)n), text, (size_t)n);
}

#define DOTS(a) (a) >> 24, (a) >> 16 & 255, (a) >> 8 & 255, (a) & 255
#define QUAD "%u.%u.%u.%u"

static void sip_offer(char *to, size_t size, uint32_t host, unsigned port)
{
	snprintf(to, size, "v=0\r\no=- 1 1 IN IP4 " QUAD "\r\ns=-\r\nc=IN IP4 " QUAD "\r\nt=0 0\r\n"
	    "m=audio %u RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:%u\r\n", DOTS(host), DOTS(host), port, opt.ptime);
}

enum sip_step { SIP_INVITE, SIP_ANSWER, SIP_ACK };

static void sip_say(uint32_t i, enum sip_step step)
{
	static const char *const first[] = { "INVITE sip:callee@example.net SIP/2.0", "SIP/2.0 200 OK",
		"ACK sip:callee@example.net SIP/2.0" };
	struct path p = sip_path(i), m = media_path(i);
	bool back = step == SIP_ANSWER;
	char body[400] = "";

	if (step != SIP_ACK)
		sip_offer(body, sizeof body, back ? m.to : m.from, back ? m.to_port : m.from_port);
	say(back ? &far_end : &near_end, back ? turned(p) : p,
	    "%s\r\nVia: SIP/2.0/UDP " QUAD ":%u;branch=z9hG4bK%u\r\nMax-Forwards: 70\r\nFrom: <sip:p%u@example.org>;tag=a%u\r\n"
	    "To: <sip:callee@example.net>%s\r\nCall-ID: storm%u@example.org\r\nCSeq: 1 %s\r\nContact: <sip:p%u@" QUAD ":%u>\r\n"
	    "%sContent-Length: %zu\r\n\r\n%s", first[step], DOTS(p.from), p.from_port, i, i, i,
	    step == SIP_INVITE ? "" : ";tag=b", i, step == SIP_ACK ? "ACK" : "INVITE", i, DOTS(p.from), p.from_port,
	    body[0] != '\0' ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

static void speak(struct end *e, struct path p, uint32_t i, uint16_t seq, uint32_t ssrc)
{
	size_t speech = opt.ptime * SAMPLES_MS;
	uint8_t *b = datagram(e, p, RTP + speech);

	b[0] = 0x80;
	b[1] = 0; /* PCMU */
	put16(b + 2, seq);
	put32(b + 4, (uint32_t)(seq * speech + i));
	put32(b + 8, ssrc);
	for (size_t k = 0; k < speech; k++)
		b[RTP + k] = (uint8_t)(0xff ^ ((k * 7 + seq * 13u + i) & 0x3f));
}

/* Setting up: what call i says `ms` milliseconds after its beginning. */
void set_up(uint32_t i, uint64_t ms)
{
	if (!opt.sip)
		return;
	if (ms == 0)
		sip_say(i, SIP_INVITE);
	if (ms == ANSWER_MS)
		sip_say(i, SIP_ANSWER);
	if (ms == TALK_MS - 1)
		sip_say(i, SIP_ACK);
}

void talk(uint32_t i, uint64_t now_ns)
{
	struct call *c = &calls[i];

	if (c->media_ns == 0)
		c->media_ns = now_ns;
	speak(&near_end, media_path(i), i, c->seq, 0x10000000u + i * 2654435761u);
	if (opt.both)
		speak(&far_end, turned(media_path(i)), i, c->seq, 0x20000000u + i * 2654435761u);
	c->seq++;
}

/* --- other flows --- */

static uint64_t mix(uint64_t x) /* splitmix64's finaliser (Steele, Lea, Flood 2014) */
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void scatter_one(uint32_t n, unsigned k)
{
	uint64_t r = mix(n + 1), x = mix(r + k);
	struct path p = { INSIDE + OTHERS + (r & 0xbfff) % 0xbf00, OUTSIDE + (r >> 16 & 0xffff), (uint16_t)(1024 + (r >> 32) % 60000),
		(uint16_t)(1 + (r >> 48)) };
	size_t len = 16 + x % 400;
	uint8_t *b = datagram(&near_end, p, len);

	for (size_t i = 0; i < len; i += 8, x = mix(x))
		memcpy(b + i, &x, len - i < 8 ? len - i : 8);
}

void scatter(uint32_t n)
{
	for (unsigned k = 0; k <= mix(n) % 2; k++)
		scatter_one(n, k);
}
