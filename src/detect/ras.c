/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * H.225.0 RAS: how an H.323 endpoint finds and asks its gatekeeper, over UDP
 * (ports 1718 and 1719). Messages that ask for a gatekeeper or register with
 * one, and their confirmations, begin with a choice, a number and the object
 * identifier of the protocol; an endpoint registers again every minute or so,
 * so that a flow joined midway shows one. Other messages of a flow are left.
 */
#include "detect/rows.h"

#include <string.h>

#include "base/cursor.h"

/*
 * RasMessage: extension bit, five bits of choice; two bits of what follows.
 * gatekeeperRequest 0 and its confirmation 1, registrationRequest 3 and its confirmation 4.
 */
const struct byte_range ras_bytes[] = { { 0x00, 0x07 }, { 0x0c, 0x13 }, { 1, 0 } };

#define HEAD_MAX      4     /* octets before the identifier: choice, presence bits, number */
#define HEAD_MIN      3     /* at least */

/* {itu-t(0) recommendation(0) h(8) 2250 version(0) n} behind its length: 48 bits that nobody else writes. */
static const uint8_t object_id[] = { 6, 0, 8, 0x91, 0x4a, 0 };

#define BITS_OBJECT  14.0f  /* as in h323.c */
#define BITS_CHOICE   4.0f  /* one of four of 32 */
#define BITS_ANSWER   8.0f  /* the number (16) comes back in the confirmation */
#define VERSION_MAX   7     /* of the recommendation */

struct ras_flow {
	uint16_t asked[2];      /* number of the last request a direction */
	bool asking[2];
	bool answered;
};

/* Offset of the number of a message with the identifier; 0 none. */
static unsigned number_at(const struct look *l)
{
	for (unsigned head = HEAD_MIN; head <= HEAD_MAX; head++)
		if (l->len > head + sizeof object_id && memcmp(l->data + head, object_id, sizeof object_id) == 0
		    && l->data[head + sizeof object_id] <= VERSION_MAX)
			return head - 2;
	return 0;
}

static bool is_request(uint8_t first)
{
	uint8_t choice = first >> 2;

	return choice == 0 || choice == 3;
}

enum look_result ras_look(struct look *l)
{
	unsigned at = number_at(l);
	struct cursor c = cur_open(l->data, l->len);
	struct ras_flow *r;
	uint16_t number;

	if (at == 0 || (r = detect_state(l, sizeof *r)) == NULL)
		return LOOK_MAYBE;
	cur_skip(&c, at);
	number = cur_u16(&c);
	if (is_request(l->data[0])) {
		r->asking[l->dir] = true;
		r->asked[l->dir] = number;
	} else {
		r->answered |= r->asking[!l->dir] && r->asked[!l->dir] == number;
	}
	detect_evidence(l, CLASS_SIGNALLING, APP_H323, BITS_OBJECT + BITS_CHOICE + (r->answered ? BITS_ANSWER : 0),
	    r->answered ? "H.225.0 RAS, a gatekeeper answers" : "H.225.0 RAS", 0, 0);
	return LOOK_YES;
}
