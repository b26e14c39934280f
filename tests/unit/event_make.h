/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records as the engine makes them, and a sink whose lines can be read back. For the tests of src/event. */
#ifndef TEST_EVENT_MAKE_H
#define TEST_EVENT_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "event/event.h"

#define T0_WALL 1795295220123456000ULL /* 2026-11-21T21:07:00.123456 */

/* One sink at a time. */
static struct event_sink *sink;
static FILE *sink_file;
static char *sink_text;
static size_t sink_len;

static inline void sink_open(struct event_conf conf)
{
	free(sink_text);
	sink_text = NULL;
	sink_file = open_memstream(&sink_text, &sink_len);
	assert_non_null(sink_file);
	conf.eve = sink_file;
	sink = event_sink_new(&conf);
	assert_non_null(sink);
}

/* What all sinks wrote, for lines_satisfy_the_schema(). */
static FILE *lines_file;
static char *lines_text;
static size_t lines_len;

static inline void lines_keep(const char *text, size_t len)
{
	if (lines_file == NULL)
		lines_file = open_memstream(&lines_text, &lines_len);
	assert_non_null(lines_file);
	assert_int_equal(fwrite(text, 1, len, lines_file), len);
}

/*
 * The last test of a group, since Python takes half a second to begin: every line that the others wrote is an event
 * of docs/eve.schema.json. Without python3-jsonschema it is skipped with a message.
 */
static inline void lines_satisfy_the_schema(void **state)
{
	char name[] = "/tmp/eve.XXXXXX", command[4096];
	int fd = mkstemp(name), rc;

	(void)state;
	assert_true(fd >= 0);
	assert_non_null(lines_file);
	fclose(lines_file);
	assert_int_equal(write(fd, lines_text, lines_len), (ssize_t)lines_len);
	close(fd);
	free(lines_text);
	snprintf(command, sizeof command, "python3 '%s/tests/unit/validate_eve.py'"
	    " '%s/docs/eve.schema.json' %s", SOURCE_DIR, SOURCE_DIR, name);
	rc = system(command);
	unlink(name);
	if (rc == 77 << 8 || rc == 127 << 8) {
		print_message("not validated: no python3-jsonschema\n");
		skip();
	}
	assert_int_equal(rc, 0);
}

/* Ends the sink: its lines are in sink_text, and must satisfy the schema. */
static inline void sink_close(void)
{
	event_sink_free(sink);
	fclose(sink_file);
	lines_keep(sink_text, sink_len);
}

/* For cmocka, as teardown of the group. */
static inline int sink_forget(void **state)
{
	(void)state;
	free(sink_text);
	sink_text = NULL;
	return 0;
}

static inline struct addr ip4(int a, int b, int c, int d)
{
	const uint8_t bytes[4] = { (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d };
	struct addr out;

	addr_from_v4(&out, bytes);
	return out;
}

/* A UDP flow 10.8.1.`host`:port -> 198.51.100.`peer`:peer_port at `ms` after T0. */
static inline void make_flow(struct event *ev, enum event_type type, uint64_t ms, uint64_t id,
    int host, uint16_t port, int peer, uint16_t peer_port)
{
	memset(ev, 0, sizeof *ev);
	ev->type = type;
	ev->mono_ns = NS_PER_S + ms * NS_PER_MS;
	ev->wall_ns = T0_WALL + ms * NS_PER_MS;
	ev->flow.id = id;
	ev->flow.ip[0] = ip4(10, 8, 1, host);
	ev->flow.ip[1] = ip4(198, 51, 100, peer);
	ev->flow.port[0] = port;
	ev->flow.port[1] = peer_port;
	ev->flow.proto = 17;
	ev->flow.ip_v = 4;
	if (type == EVENT_VOIP || type == EVENT_FLOW) {
		ev->verdict.reason = "";
		ev->first_wall_ns = ev->last_wall_ns = ev->wall_ns;
	}
}

static inline unsigned times_in(const char *text, const char *what)
{
	unsigned n = 0;

	for (; text != NULL && (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

#define assert_in(text, what) \
	do { \
		if (strstr(text, what) == NULL) \
			fail_msg("%s\nnot in\n%s", what, text); \
	} while (0)
#define assert_not_in(text, what) \
	do { \
		if (strstr(text, what) != NULL) \
			fail_msg("%s\nin\n%s", what, text); \
	} while (0)

#endif
