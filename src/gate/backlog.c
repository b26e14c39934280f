/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/backlog.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Of the network namespace we are in, whoever mounted /proc. */
static const char table[] = "/proc/self/net/netfilter/nfnetlink_queue";

#define TABLE_BYTES 16384 /* a line has at most 75: all of ours, and 150 queues of others */

/* --- a line --- */

enum column { QUEUE, PORT, WAITING, COPY_MODE, COPY_RANGE, DROPPED, USER_DROPPED, COLUMNS };

/* The number at *p, after blanks, and *p behind it. False: none, or none of 32 bits. */
static bool number(const char **p, const char *end, uint32_t *out)
{
	const char *s = *p, *digits;
	uint64_t n = 0;

	while (s < end && *s == ' ')
		s++;
	for (digits = s; s < end && *s >= '0' && *s <= '9' && n <= UINT32_MAX; s++)
		n = n * 10 + (uint64_t)(*s - '0');
	*p = s;
	*out = (uint32_t)n;
	return s > digits && n <= UINT32_MAX && (s == end || *s == ' ');
}

/* Which of our queues, counted from the first for UDP; -1: another's. */
static int index_of(const struct gate_conf *c, uint32_t queue)
{
	if (queue >= c->udp.first && queue - c->udp.first < c->udp.n)
		return (int)(queue - c->udp.first);
	if (queue >= c->tcp.first && queue - c->tcp.first < c->tcp.n)
		return (int)(c->udp.n + queue - c->tcp.first);
	return -1;
}

static void line(struct backlog *b, const char *p, const char *end)
{
	uint32_t n[COLUMNS], lost;
	int i;

	for (unsigned c = 0; c < COLUMNS; c++)
		if (!number(&p, end, &n[c]))
			return;
	i = index_of(b->conf, n[QUEUE]);
	if (i < 0 || i >= QUEUES_MAX)
		return;
	if (n[WAITING] >= b->conf->queue_length)
		atomic_fetch_add_explicit(&b->tally->full, 1, memory_order_relaxed);
	lost = n[DROPPED] + n[USER_DROPPED];
	atomic_fetch_add_explicit(&b->tally->lost, lost - b->lost[i], memory_order_relaxed);
	b->lost[i] = lost;
}

void backlog_read(struct backlog *b, const char *text, size_t len)
{
	const char *end = text + len, *stop;

	for (; text < end; text = stop + 1) {
		stop = memchr(text, '\n', (size_t)(end - text));
		if (stop == NULL)
			return; /* cut short: a number in it may be too */
		line(b, text, stop);
	}
}

/* --- the table --- */

void backlog_begin(struct backlog *b)
{
	if (b->fd < 0)
		b->fd = open(table, O_RDONLY | O_CLOEXEC);
	if (b->fd < 0)
		log_warn("queue", "%s: full queues are not counted", table);
	memset(b->lost, 0, sizeof b->lost);
	b->look_at_ns = 0;
}

void backlog_look(struct backlog *b, uint64_t now_ns)
{
	char text[TABLE_BYTES];
	size_t len = 0;
	ssize_t n;

	if (b->fd < 0 || now_ns < b->look_at_ns)
		return;
	b->look_at_ns = now_ns + BACKLOG_LOOK_NS;
	/* the kernel gives a page at a time */
	while (len < sizeof text && (n = pread(b->fd, text + len, sizeof text - len, (off_t)len)) > 0)
		len += (size_t)n;
	backlog_read(b, text, len);
}

void backlog_counts(const struct backlog_tally *t, struct counts *counts)
{
	count_add(counts, COUNT_QUEUE_FULL, atomic_load_explicit(&t->full, memory_order_relaxed));
	count_add(counts, COUNT_QUEUE_LOST, atomic_load_explicit(&t->lost, memory_order_relaxed));
}
