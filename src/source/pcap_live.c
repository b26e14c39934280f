/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Live capture. The kernel hands packets over in blocks that may be old, so that
 * what one interface delivers now can be older than what another delivered
 * before. A frame is therefore kept until every other interface has shown
 * something later, or was found empty HOLD_NS after it: then nothing earlier can
 * come. Ticks lag by the same span. The engine so sees the order and the stamps
 * that a capture file of the same packets would have shown it.
 * Its clock is live_clock.h.
 */
#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/now.h"
#include "source/capture.h"
#include "source/live_clock.h"
#include "source/source.h"

#define HOLD_NS     (120 * NS_PER_MS)        /* two times CAPTURE_READ_MS, and what a busy machine is late */
#define RECHECK_NS  (1 * NS_PER_MS)          /* between two looks at an empty interface while others are busy */
#define HEALTH_NS   (1 * NS_PER_S)           /* between two looks at drops and at the interface's state */
#define NAMES_MAX   (LIVE_IFACES_MAX + 1)

/* An interface, and its earliest packet not handed out yet. */
struct handle {
	pcap_t *pcap;              /* NULL: gone */
	const char *name;
	uint16_t link, iface;
	bool nano;                 /* stamps are in nanoseconds, not microseconds */
	bool has;                  /* `head` and `data` are one */
	bool idle;                 /* was empty at empty_ns; not asked again until there is a reason */
	struct pcap_pkthdr *head;
	const u_char *data;
	uint64_t mono_ns;          /* of the head */
	uint64_t empty_ns;
	struct pcap_stat seen;     /* its counters wrap: as they were when we added them up */
};

struct live {
	struct source base;
	struct handle handle[LIVE_IFACES_MAX];
	unsigned n, open;
	const char *names[NAMES_MAX];
	struct handle *failed;     /* to be reported before anything else */
	char why[PCAP_ERRBUF_SIZE];
	int control;               /* any socket, for ioctl */
	struct live_clock clock;
	uint64_t health_ns;
	uint64_t number;
};

/* --- time --- */

static void look_at_clock(struct live *s)
{
	live_clock_look(&s->clock, now_ns(CLOCK_MONOTONIC), now_ns(CLOCK_REALTIME));
}

static uint64_t wall_of(const struct handle *h)
{
	uint64_t part = (uint64_t)h->head->ts.tv_usec;

	return (uint64_t)h->head->ts.tv_sec * NS_PER_S + (h->nano ? part : part * NS_PER_US);
}

static uint64_t mono_of(struct live *s, uint64_t wall_ns)
{
	if (live_clock_odd(&s->clock, wall_ns))
		look_at_clock(s);
	return live_clock_mono(&s->clock, wall_ns);
}

uint64_t source_live_now(const struct source *base)
{
	const struct live *s = (const struct live *)base;

	return now_ns(CLOCK_MONOTONIC) + (uint64_t)s->clock.base_ns;
}

/* --- health --- */

static void count_drops(struct live *s, struct handle *h)
{
	struct pcap_stat now;

	if (h->pcap == NULL || pcap_stats(h->pcap, &now) != 0)
		return;
	s->base.lost_kernel += now.ps_drop - h->seen.ps_drop;
	s->base.lost_iface += now.ps_ifdrop - h->seen.ps_ifdrop;
	h->seen = now;
}

void source_live_refresh(struct source *base)
{
	struct live *s = (struct live *)base;

	for (unsigned i = 0; i < s->n; i++)
		count_drops(s, &s->handle[i]);
}

static void give_up(struct live *s, struct handle *h, const char *why)
{
	count_drops(s, h);
	snprintf(s->why, sizeof s->why, "%s", why);
	pcap_close(h->pcap);
	h->pcap = NULL;
	h->has = false;
	s->open--;
	s->failed = h;
}

/* libpcap goes on waiting when an interface is taken down. "any" has no state of its own. */
static void check_state(struct live *s, struct handle *h)
{
	struct ifreq req = { 0 };

	snprintf(req.ifr_name, sizeof req.ifr_name, "%s", h->name);
	if (strcmp(h->name, "any") == 0)
		return;
	if (ioctl(s->control, SIOCGIFFLAGS, &req) != 0)
		give_up(s, h, errno == ENODEV ? "the interface is gone" : strerror(errno));
	else if (!(req.ifr_flags & IFF_UP))
		give_up(s, h, "the interface went down");
}

/* What an interface still holds when it goes down is delivered first. */
static void check_health(struct live *s)
{
	if (s->clock.now_ns - s->health_ns < HEALTH_NS)
		return;
	s->health_ns = s->clock.now_ns;
	for (unsigned i = 0; i < s->n && s->failed == NULL; i++) {
		struct handle *h = &s->handle[i];

		count_drops(s, h);
		if (h->pcap != NULL && h->idle)
			check_state(s, h);
	}
}

/* --- which packet is next --- */

static void fill(struct live *s, struct handle *h)
{
	int r;

	if (h->pcap == NULL || h->has || h->idle)
		return;
	r = pcap_next_ex(h->pcap, &h->head, &h->data);
	if (r == 1) {
		h->has = true;
		h->mono_ns = mono_of(s, wall_of(h));
	} else if (r == 0) {
		h->idle = true;
		h->empty_ns = s->clock.now_ns;
	} else {
		give_up(s, h, pcap_geterr(h->pcap));
	}
}

static struct handle *earliest(struct live *s)
{
	struct handle *first = NULL;

	for (unsigned i = 0; i < s->n && s->failed == NULL; i++) {
		struct handle *h = &s->handle[i];

		fill(s, h);
		if (h->has && (first == NULL || h->mono_ns < first->mono_ns))
			first = h;
	}
	return first;
}

/* True when no interface can deliver anything before `first` any more. */
static bool may_go(struct live *s, const struct handle *first)
{
	bool may = true;

	for (unsigned i = 0; i < s->n; i++) {
		struct handle *h = &s->handle[i];

		if (h->pcap == NULL || h->has || h->empty_ns >= first->mono_ns + HOLD_NS)
			continue;
		may = false;
		if (s->clock.now_ns - h->empty_ns >= RECHECK_NS)
			h->idle = false;
	}
	return may;
}

static bool anyone_to_ask(const struct live *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->handle[i].pcap != NULL && !s->handle[i].has && !s->handle[i].idle)
			return true;
	return false;
}

/* --- waiting --- */

static int wait_ms(const struct live *s, const struct handle *held)
{
	uint64_t until = held != NULL ? held->mono_ns + HOLD_NS : s->clock.out_ns + TICK_NS + HOLD_NS;

	if (until <= s->clock.now_ns)
		return held != NULL ? 1 : 0;
	until -= s->clock.now_ns;
	return (int)((until > TICK_NS ? TICK_NS : until) / NS_PER_MS) + 1;
}

/* False when a signal came. */
static bool wait_for_packets(struct live *s, const struct handle *held)
{
	struct pollfd fds[LIVE_IFACES_MAX];
	bool signalled, woken = false;
	nfds_t n = 0;

	for (unsigned i = 0; i < s->n; i++)
		if (s->handle[i].pcap != NULL && !s->handle[i].has)
			fds[n++] = (struct pollfd){ .fd = pcap_get_selectable_fd(s->handle[i].pcap), .events = POLLIN };
	signalled = poll(fds, n, wait_ms(s, held)) < 0;
	look_at_clock(s);
	for (nfds_t i = 0; !signalled && i < n; i++)
		woken |= (fds[i].revents & ~POLLIN) != 0;
	if (woken) /* something is wrong with one of them: look now */
		s->health_ns = s->clock.now_ns - HEALTH_NS;
	for (unsigned i = 0; i < s->n; i++)
		s->handle[i].idle = false;
	return !signalled;
}

/* --- handing out --- */

static enum source_next hand_out(struct live *s, struct handle *h, struct frame *f)
{
	const struct pcap_pkthdr *p = h->head;

	h->has = false;
	if (h->mono_ns < s->clock.out_ns)
		h->mono_ns = s->clock.out_ns;
	s->clock.out_ns = h->mono_ns;
	*f = (struct frame){
		.data = h->data, .caplen = p->caplen, .len = p->len < p->caplen ? p->caplen : p->len,
		.number = ++s->number, .mono_ns = h->mono_ns, .wall_ns = wall_of(h),
		.link = h->link, .iface = h->iface,
	};
	return SOURCE_FRAME;
}

/* What is older than HOLD_NS was seen, but for a packet that waits for its turn. */
static enum source_next tick(struct live *s, const struct handle *held, struct frame *f)
{
	uint64_t at = s->clock.now_ns - HOLD_NS;

	if (held != NULL && held->mono_ns < at)
		at = held->mono_ns;
	if (at > s->clock.out_ns)
		s->clock.out_ns = at;
	*f = (struct frame){ .mono_ns = s->clock.out_ns, .wall_ns = live_clock_wall(&s->clock, s->clock.out_ns) };
	return SOURCE_TICK;
}

static enum source_next report(struct live *s)
{
	snprintf(s->base.error, SOURCE_ERROR_LEN, "%s: %s", s->failed->name, s->why);
	s->failed = NULL;
	return SOURCE_ERROR;
}

static enum source_next live_next(struct source *base, struct frame *f)
{
	struct live *s = (struct live *)base;
	bool wake = false;

	for (;;) {
		struct handle *h = earliest(s);

		check_health(s);
		if (s->failed != NULL)
			return report(s);
		if (s->open == 0)
			return SOURCE_END;
		if (h != NULL && may_go(s, h))
			return hand_out(s, h, f);
		if (anyone_to_ask(s)) {
			look_at_clock(s);
			continue;
		}
		if (wake || s->clock.now_ns >= s->clock.out_ns + TICK_NS + HOLD_NS)
			return tick(s, h, f);
		wake = !wait_for_packets(s, h);
	}
}

/* --- beginning and end --- */

static void live_close(struct source *base)
{
	struct live *s = (struct live *)base;

	for (unsigned i = 0; i < s->n; i++)
		if (s->handle[i].pcap != NULL)
			pcap_close(s->handle[i].pcap);
	if (s->control >= 0)
		close(s->control);
	free(s);
}

static const struct source_ops live_ops = { live_next, live_close };

struct source *source_live(const struct live_conf *c, char error[static SOURCE_ERROR_LEN])
{
	struct live *s = calloc(1, sizeof *s);

	if (s == NULL) {
		snprintf(error, SOURCE_ERROR_LEN, "%s", strerror(ENOMEM));
		return NULL;
	}
	s->base.ops = &live_ops;
	s->base.iface_names = s->names;
	s->control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (unsigned i = 0; i < c->n && i < LIVE_IFACES_MAX; i++) {
		struct handle *h = &s->handle[s->n++];

		h->name = s->names[i + 1] = c->ifaces[i];
		h->iface = (uint16_t)(i + 1);
		if ((h->pcap = capture_open(h->name, c, error)) == NULL) {
			live_close(&s->base);
			return NULL;
		}
		h->link = (uint16_t)pcap_datalink(h->pcap);
		h->nano = pcap_get_tstamp_precision(h->pcap) == PCAP_TSTAMP_PRECISION_NANO;
		s->open++;
	}
	live_clock_start(&s->clock, now_ns(CLOCK_MONOTONIC), now_ns(CLOCK_REALTIME));
	s->clock.out_ns = s->clock.now_ns - HOLD_NS;
	s->health_ns = s->clock.now_ns;
	return &s->base;
}
