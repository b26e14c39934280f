/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_TURN_TLS_H
#define SQUELCH_DETECT_TURN_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/detect.h"

/*
 * TURN inside of TLS, told by how long its first messages are. What a client of a relay says at first is the same
 * everywhere (RFC 8656, 5 and 7 to 9; RFC 8489, 9.2): it asks for an address and is refused, asks again with credentials
 * and is given one, then asks to let a peer in. Nothing of it can be read, but the lengths follow from each other: who
 * lets a peer in signs with the same credentials, and the answer to that is the one before without what it gave.
 */
enum turn_tls { TURN_TLS_NO, TURN_TLS_MAYBE, TURN_TLS_YES };

/* Takes an application record of the connection, its body as long as the header says. A zeroed opening is ready. */
enum turn_tls turn_tls_record(struct flow_opening *, bool from_client, uint32_t body);
/* Takes a segment with payload, as long as the answer is MAYBE, from the first of a connection whose SYN was seen. */
enum turn_tls turn_tls_segment(const struct look *);

#endif
