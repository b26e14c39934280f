/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * storm: many calls, or many flows, through a gateway, and what became of them.
 *
 *     storm NEAR FAR KEY=VALUE...
 *
 * NEAR and FAR are network namespaces with a device eth0 each; the gateway
 * between them must route INSIDE to NEAR and OUTSIDE to FAR. Frames are made
 * here and go through packet sockets, so that ten thousand phones need no
 * sockets of their own. Phones never hang up and never heed that they are not
 * heard. Prints one JSON object.
 *
 *     near_mac, far_mac   of the gateway, towards NEAR and FAR
 *     rate, seconds       new calls a second, for so long; then `tail` seconds go on
 *     sip=1               each call is set up by SIP first, at another server than its media's
 *     both=1              the far end speaks too
 *     ptime               milliseconds of speech in a packet (20)
 *     flows               other flows, spread evenly over `seconds`: a datagram or two each
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

#define INSIDE  0x0a4d0000u /* 10.77.0.0/16: phones */
#define OUTSIDE 0xc6120000u /* 198.18.0.0/15, RFC 2544: whom they call */
#define SERVERS 0xc6130000u /* 198.19.0.0/16 of it: SIP */
#define PHONES  8192        /* inside addresses; a call more than this shares one */
#define PEERS   1021        /* prime to PHONES: the same two hosts meet once in eight million calls */
#define SIP_SERVERS 16
#define SIP_PORT 5060
#define MEDIA_PORT 16384

#define SAMPLES_MS 8        /* of G.711 */
#define PTIME_MAX 60        /* ms */
#define FRAME_BYTES 1024
#define BATCH 256
#define ETH 14
#define IP 20
#define UDP 8
#define RTP 12
#define ANSWER_MS 20        /* from INVITE to 200 */
#define TALK_MS 40          /* from INVITE to the first media */
#define STILL_NS (2 * NS_PER_S) /* heard so lately at the end: not cut */
#define RECEIVE_BYTES (64 << 20)

struct end {
	int fd;
	uint8_t mac[6], gateway[6];
	unsigned n;
	struct mmsghdr mm[BATCH];
	struct iovec iov[BATCH];
	uint8_t frame[BATCH][FRAME_BYTES];
	uint64_t sent, refused;
};

struct call {
	uint64_t begun_ms;           /* of the run */
	uint64_t media_ns;           /* first media sent */
	_Atomic uint64_t heard_ns;   /* last media that arrived, at either end */
	uint32_t next;               /* of those that talk in the same millisecond */
	uint16_t seq;
};

struct ear { int fd; bool far; };

static struct {
	uint32_t rate, seconds, tail, sip, both, ptime, flows;
} opt = { .tail = 5, .ptime = 20 };

static struct end near_end, far_end;
static struct call *calls;
static uint32_t n_calls;            /* all that will be */
static _Atomic uint64_t delivered;  /* media packets */
static _Atomic uint64_t others;     /* datagrams of other flows that arrived */
static atomic_bool over;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t); /* the clock of SO_TIMESTAMPNS */
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

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

static void flush(struct end *e)
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
	memcpy(f + 6, e->mac, 6);
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
	return (struct path){ INSIDE + 256 + i % PHONES, OUTSIDE + 256 + i % PEERS,
		(uint16_t)(MEDIA_PORT + i / PHONES * 2), (uint16_t)(MEDIA_PORT + 2 * (i / PEERS)) };
}

static struct path sip_path(uint32_t i)
{
	return (struct path){ INSIDE + 256 + i % PHONES, SERVERS + 1 + i % SIP_SERVERS,
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
static void set_up(uint32_t i, uint64_t ms)
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

static void talk(uint32_t i, uint64_t now)
{
	struct call *c = &calls[i];

	if (c->media_ns == 0)
		c->media_ns = now;
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

/* Datagram `k` of flow n: from anywhere inside to anywhere outside, of any bytes. */
static void scatter(uint32_t n, unsigned k)
{
	uint64_t r = mix(n + 1), x = mix(r + k);
	struct path p = { INSIDE + 0x4000 + (r & 0xbfff) % 0xbf00, OUTSIDE + (r >> 16 & 0xffff), (uint16_t)(1024 + (r >> 32) % 60000),
		(uint16_t)(1 + (r >> 48)) };
	size_t len = 16 + x % 400;
	uint8_t *b = datagram(&near_end, p, len);

	for (size_t i = 0; i < len; i += 8, x = mix(x))
		memcpy(b + i, &x, len - i < 8 ? len - i : 8);
}

/* --- ends --- */

static void mac_parse(const char *text, uint8_t mac[6])
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
		fail(text);
}

/* A packet socket on eth0 of a namespace; protocol 0 hears nothing. */
static int packet_socket(const char *ns, uint16_t protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	char path[64 + IFNAMSIZ];
	int ns_fd, fd;

	snprintf(path, sizeof path, "/run/netns/%s", ns);
	if ((ns_fd = open(path, O_RDONLY)) < 0 || setns(ns_fd, CLONE_NEWNET) != 0)
		fail(path);
	close(ns_fd);
	fd = socket(AF_PACKET, SOCK_RAW, htons(protocol));
	at.sll_ifindex = (int)if_nametoindex("eth0");
	if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
		fail(ns);
	return fd;
}

static void end_open(struct end *e, const char *ns)
{
	int one = 1, bytes = RECEIVE_BYTES;

	e->fd = packet_socket(ns, 0);
	memcpy(e->mac, "\x02\x00\x00\x00\x99\x01", sizeof e->mac);
	setsockopt(e->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	setsockopt(e->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	for (unsigned i = 0; i < BATCH; i++) {
		e->iov[i].iov_base = e->frame[i];
		e->mm[i].msg_hdr.msg_iov = &e->iov[i];
		e->mm[i].msg_hdr.msg_iovlen = 1;
	}
}

/* --- hearing --- */

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The call by its media's ends: the phone tells it but for a multiple of PHONES, its port the rest. */
static void heard(const uint8_t *f, size_t len, bool far, uint64_t at)
{
	const uint8_t *ip = f + ETH, *udp = ip + IP;
	uint32_t phone = get32(ip + (far ? 12 : 16)), i;
	unsigned port;

	if (len < ETH + IP + UDP || ip[9] != IPPROTO_UDP || phone >> 16 != INSIDE >> 16)
		return;
	port = far ? (unsigned)(udp[0] << 8 | udp[1]) : (unsigned)(udp[2] << 8 | udp[3]);
	if (phone >= INSIDE + 0x4000) {
		atomic_fetch_add(&others, 1);
		return;
	}
	i = phone - INSIDE - 256 + (port - MEDIA_PORT) / 2 * PHONES;
	if (port < MEDIA_PORT || i >= n_calls)
		return;
	atomic_store(&calls[i].heard_ns, at);
	atomic_fetch_add(&delivered, 1);
}

static void *listen_main(void *arg)
{
	const struct ear *ear = arg;
	static _Thread_local uint8_t frame[2048], control[64];
	struct pollfd p = { .fd = ear->fd, .events = POLLIN };

	while (!atomic_load(&over)) {
		struct iovec iov = { frame, sizeof frame };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
		ssize_t n = recvmsg(ear->fd, &m, MSG_DONTWAIT);
		struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
		struct timespec at;

		if (n < 0) {
			(void)poll(&p, 1, 50);
			continue;
		}
		if (c == NULL || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof at);
		heard(frame, (size_t)n, ear->far, (uint64_t)at.tv_sec * NS_PER_S + (uint64_t)at.tv_nsec);
	}
	return NULL;
}

static pthread_t listen_at(struct ear *ear, const char *ns)
{
	int one = 1, bytes = RECEIVE_BYTES;
	pthread_t thread;

	ear->fd = packet_socket(ns, ETH_P_IP);
	setsockopt(ear->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
	setsockopt(ear->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	setsockopt(ear->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	if (pthread_create(&thread, NULL, listen_main, ear) != 0)
		fail("thread");
	return thread;
}

/* --- the storm --- */

#define NONE UINT32_MAX

/* Calls that talk, by the millisecond of their packets. */
static uint32_t talking[PTIME_MAX];

static void calls_step(uint64_t t)
{
	static uint32_t begun, set; /* calls begun, and of them those set up; in order of time */
	const uint64_t until_talk = opt.sip ? TALK_MS : 0;
	uint64_t now = now_ns();

	while (begun < n_calls && (uint64_t)begun * 1000 / opt.rate <= t)
		calls[begun++].begun_ms = t;
	for (uint32_t i = set; i < begun; i++)
		set_up(i, t - calls[i].begun_ms);
	for (; set < begun && t - calls[set].begun_ms >= until_talk; set++) {
		calls[set].next = talking[t % opt.ptime];
		talking[t % opt.ptime] = set;
	}
	for (uint32_t i = talking[t % opt.ptime]; i != NONE; i = calls[i].next)
		talk(i, now);
}

static void flows_step(uint64_t t)
{
	static uint32_t begun;
	uint64_t due = (t + 1) * opt.flows / (opt.seconds * 1000ull);

	for (; begun < opt.flows && begun < due; begun++)
		for (unsigned k = 0; k <= mix(begun) % 2; k++)
			scatter(begun, k);
}

static uint64_t late_ms; /* the most that a millisecond began too late */

static void run(void)
{
	uint64_t begin = now_ns(), last = (opt.seconds + opt.tail) * 1000ull;

	for (uint64_t t = 0; t < last; t++) {
		uint64_t due = begin + t * NS_PER_MS, now = now_ns();

		if (now < due) {
			struct timespec wait = { 0, (long)(due - now) };

			nanosleep(&wait, NULL);
		} else if ((now - due) / NS_PER_MS > late_ms) {
			late_ms = (now - due) / NS_PER_MS;
		}
		calls_step(t);
		flows_step(t);
		flush(&near_end);
		flush(&far_end);
	}
}

/* --- what became of it --- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void report(void)
{
	uint64_t *lived = calloc(n_calls + 1, sizeof *lived), end = now_ns();
	uint32_t cut = 0, alive = 0, unheard = 0;

	if (lived == NULL)
		fail("memory");
	for (uint32_t i = 0; i < n_calls; i++) {
		uint64_t at = atomic_load(&calls[i].heard_ns);

		if (at == 0)
			unheard++;
		else if (at + STILL_NS > end)
			alive++;
		else
			lived[cut++] = at < calls[i].media_ns ? 0 : (at - calls[i].media_ns) / NS_PER_MS;
	}
	qsort(lived, cut, sizeof *lived, by_number);
	printf("{\"calls\": %u, \"cut\": %u, \"alive\": %u, \"unheard\": %u, \"p50_ms\": %llu, \"p95_ms\": %llu, \"max_ms\": %llu, "
	    "\"sent\": %llu, \"refused\": %llu, \"delivered\": %llu, \"others\": %llu, \"late_ms\": %llu}\n",
	    n_calls, cut, alive, unheard, (unsigned long long)lived[cut / 2], (unsigned long long)lived[cut * 95ull / 100],
	    (unsigned long long)(cut == 0 ? 0 : lived[cut - 1]), (unsigned long long)(near_end.sent + far_end.sent),
	    (unsigned long long)(near_end.refused + far_end.refused), (unsigned long long)atomic_load(&delivered),
	    (unsigned long long)atomic_load(&others), (unsigned long long)late_ms);
	free(lived);
}

static const struct { const char *key; uint32_t *to; } numbers[] = {
	{ "rate", &opt.rate }, { "seconds", &opt.seconds }, { "tail", &opt.tail }, { "sip", &opt.sip },
	{ "both", &opt.both }, { "ptime", &opt.ptime }, { "flows", &opt.flows },
};

static void option(const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t len = value == NULL ? 0 : (size_t)(value - arg);

	if (len == 8 && strncmp(arg, "near_mac", len) == 0) {
		mac_parse(value + 1, near_end.gateway);
		return;
	}
	if (len == 7 && strncmp(arg, "far_mac", len) == 0) {
		mac_parse(value + 1, far_end.gateway);
		return;
	}
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (len == strlen(numbers[i].key) && strncmp(arg, numbers[i].key, len) == 0) {
			*numbers[i].to = (uint32_t)strtoul(value + 1, NULL, 10);
			return;
		}
	errno = EINVAL;
	fail(arg);
}

int main(int argc, char **argv)
{
	struct ear ears[] = { { -1, true }, { -1, false } };
	pthread_t threads[2];

	for (int i = 3; i < argc; i++)
		option(argv[i]);
	errno = EINVAL;
	if (argc < 3 || opt.seconds == 0 || opt.ptime == 0 || opt.ptime > PTIME_MAX)
		fail("storm NEAR FAR rate=N seconds=N ...");
	n_calls = opt.rate * opt.seconds;
	calls = calloc(n_calls + 1, sizeof *calls);
	memset(talking, 0xff, sizeof talking);
	end_open(&near_end, argv[1]);
	threads[1] = listen_at(&ears[1], argv[1]);
	end_open(&far_end, argv[2]);
	threads[0] = listen_at(&ears[0], argv[2]);
	run();
	atomic_store(&over, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	report();
	return 0;
}
