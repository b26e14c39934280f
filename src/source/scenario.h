/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_SCENARIO_H
#define SQUELCH_SOURCE_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/source.h"

#define SCENARIO_IFACES 16 /* names */

/* One thing the source will deliver. */
struct shot {
	uint64_t ns;       /* since the scenario's time 0 */
	size_t at;         /* its bytes in scenario.bytes */
	size_t order;      /* as written; decides between equal times */
	uint32_t len;
	uint16_t iface;
	uint8_t what;      /* enum source_next */
};

struct scenario {
	struct source base;
	char *path;
	uint64_t wall_ns;  /* of time 0 */
	struct shot *shots;
	size_t n_shots, room;
	uint8_t *bytes;
	size_t n_bytes, bytes_room;
	size_t epoch;      /* first shot after the last SOURCE_EPOCH */
	char *ifaces[SCENARIO_IFACES];
	unsigned n_ifaces;
	size_t next;       /* shot to be delivered */
	uint64_t number;   /* frames delivered in this epoch */
};

/* Adds to what will be delivered. False past the bounds, or without memory. */
bool scenario_add(struct scenario *, enum source_next what, uint64_t ns, uint16_t iface,
    const uint8_t *bytes, size_t len);
/* Puts the shots since the last epoch into the order of their times. */
void scenario_sort(struct scenario *);

/* Reads the packet lines of the file at scenario.path. False with `error` filled. */
bool script_read(struct scenario *, char error[static SOURCE_ERROR_LEN]);

#endif
