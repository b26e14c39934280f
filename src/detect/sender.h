/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SENDER_H
#define SQUELCH_DETECT_SENDER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * When a TCP segment left its sender, by the sender's own clock. With time stamps
 * (RFC 7323) each segment says so, in ticks of a millisecond on Linux, Android and
 * Apple's systems; what the network did to it on the way does not show. Ticks of
 * other lengths, and stamps that do not run with the time, are not used: then the
 * time of arrival is all there is.
 */
struct sender_clock {
	uint64_t begun_ns;        /* arrival of the first segment with a stamp, */
	uint32_t first;           /* and the stamp */
	int32_t least_us;         /* delay of the fastest segment so far, beyond that one's */
	uint8_t state;
};

/*
 * The time `arrived_ns` (mono) of a segment with this stamp, as if all had taken as
 * long on the way as the fastest of the first; `arrived_ns` itself where stamps are
 * missing, not yet known to tell time, or known not to. A zeroed clock is ready.
 */
uint64_t sender_time(struct sender_clock *, uint64_t arrived_ns, bool stamped, uint32_t stamp);

#endif
