/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The time stamp option of TCP (RFC 7323, 3.2). */
#include "base/cursor.h"
#include "packet/packet.h"

#define OPTION_END     0   /* RFC 9293, 3.1 */
#define OPTION_NOP     1
#define OPTION_STAMP   8
#define OPTION_LEN_MIN 2
#define STAMP_LEN      10  /* kind, length, TSval, TSecr */

bool packet_stamp(const struct packet *pkt, uint32_t *ticks)
{
	struct cursor c = cur_open(pkt->payload - pkt->tcp_options, pkt->tcp_options);

	while (cur_left(&c) > 0) {
		uint8_t kind = cur_u8(&c), len;

		if (kind == OPTION_NOP)
			continue;
		if (kind == OPTION_END || (len = cur_u8(&c)) < OPTION_LEN_MIN)
			return false;
		if (kind == OPTION_STAMP && len == STAMP_LEN) {
			*ticks = cur_u32(&c);
			return !c.bad;
		}
		cur_skip(&c, len - OPTION_LEN_MIN);
	}
	return false;
}
