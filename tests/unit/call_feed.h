/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_TESTS_CALL_FEED_H
#define SQUELCH_TESTS_CALL_FEED_H

#include "ice_feed.h"

/* What the tests of call protocols share: text to feed, facts to look for, other traffic to refuse. */

static inline void feed_text(struct feed *f, bool server, const char *text)
{
	feed(f, (struct feed_from){ .server = server }, text, strlen(text));
}

static inline void feed_tcp(struct feed *f, bool server, const void *bytes, size_t n)
{
	feed(f, (struct feed_from){ .server = server, .proto = IPPROTO_TCP }, bytes, n);
}

static inline struct addr feed_ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, strlen(text), &a));
	return a;
}

/* Whether `host` was told that media with remote:port will come; the fact in *out. */
static inline bool feed_announced(const struct feed *f, const char *host, const char *remote, uint16_t port, struct fact *out)
{
	struct addr h = feed_ip(host), r = feed_ip(remote);

	return facts_find(f->env.facts, FACT_ANNOUNCED, &h, &r, port, IPPROTO_UDP, f->frame.mono_ns, out);
}

/* A world of its own for each piece of a table. */
static inline float feed_bits_alone(const void *bytes, size_t n, uint8_t proto, enum voip_class cls)
{
	void *state;
	float bits;

	feed_setup(&state);
	feed(state, (struct feed_from){ .proto = proto }, bytes, n);
	bits = feed_bits(state, GROUP_SIGNALLING, cls);
	feed_teardown(&state);
	return bits;
}

/* Every beginning of a message, and the message with each byte changed: nothing may be read outside it. */
static inline void feed_damaged(const void *bytes, size_t n, uint8_t proto)
{
	uint8_t copy[2048];
	void *state;

	assert_true(n <= sizeof copy);
	for (size_t i = 1; i < n; i++)
		(void)feed_bits_alone(bytes, i, proto, CLASS_SIGNALLING);
	feed_setup(&state);
	for (size_t i = 0; i < n; i++) {
		memcpy(copy, bytes, n);
		copy[i] ^= (uint8_t)(0x55 + i);
		feed(state, (struct feed_from){ .proto = proto, .client_port = (uint16_t)(2000 + i % 30) }, copy, n);
	}
	feed_teardown(&state);
}

#endif
