/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_EVENT_EVE_H
#define SQUELCH_EVENT_EVE_H

#include "event/event.h"
#include "event/json.h"

/* Events as lines of JSON with the names of Suricata's EVE; docs/eve.schema.json is the contract. */
#define EVE_SCHEMA_VERSION "1"

#define EVE_SENSOR_MAX 256 /* bytes kept of the sensor's name */

struct call;

/* A member of the line before, and what it says. */
struct eve_piece {
	size_t len;                  /* of text; 0 none */
	char of[EVE_SENSOR_MAX];
	char text[2 * EVE_SENSOR_MAX];
};

struct eve {
	struct json json;
	const char *const *ifaces;
	char sensor[EVE_SENSOR_MAX]; /* empty: left out */
	struct eve_piece sensor_said, file_name;
};

/* False without memory. */
bool eve_open(struct eve *, const struct event_conf *);
void eve_close(struct eve *);

/* `call_id` 0: the flow belongs to no call. */
void eve_voip(struct eve *, const struct event *, uint32_t call_id);
void eve_flow(struct eve *, const struct event *, uint32_t call_id);
void eve_call(struct eve *, const struct call *, uint64_t wall_ns);
/* START, STATS, STOP. */
void eve_status(struct eve *, const struct event *, const struct counts *);

/* eve_audit.c: a finding; and a host when the run ends. */
struct audit_row;
void eve_audit(struct eve *, const struct event *);
void eve_audit_host(struct eve *, const struct audit_row *, uint64_t wall_ns);

/* Shared by the files that write events. */
void eve_begin(struct eve *, const char *type, uint64_t wall_ns);
void eve_flow_head(struct eve *, const struct event *, uint32_t call_id, uint64_t number);
void eve_call_id(struct json *, uint32_t call_id);

#endif
