/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_GATE_GATE_H
#define SQUELCH_GATE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"

/*
 * The gateway. Two processes: a supervisor with all rights, which opens files
 * and watches, and one without, which does the work: a thread a queue, one that
 * writes events, one that clears marks, and one for control.
 */
#define QUEUES_MAX 64

struct queues { uint16_t first, n; };

struct gate_conf {
	const char *rules;         /* NULL: built in */
	const char *eve;           /* NULL none, "-" standard output */
	const char *user;          /* of the working process; NULL: squelch, else nobody */
	const char *ctl;           /* control socket; NULL none */
	const char *sensor;
	struct queues udp, tcp;
	uint32_t mark_mask;
	uint32_t queue_length, receive_bytes;
	float act_bits;
	bool redact, fail_closed;
	struct engine_conf engine; /* its bounds are for all workers together */
};

/* Runs until SIGTERM or SIGINT; SIGHUP reads the rules again and reopens the file of events. Returns an exit code. */
int gate_supervise(const struct gate_conf *);

#endif
