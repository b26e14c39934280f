/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_DETECT_SKYPE_PROXY_H
#define SQUELCH_DETECT_SKYPE_PROXY_H

#include <stdbool.h>
#include <stdint.h>

/* How far one direction has come in talking to a proxy before the real stream begins. */
enum proxy_phase {
	PROXY_NONE,      /* nothing seen, or no proxy */
	PROXY_GREETED,   /* SOCKS5 methods offered or chosen (RFC 1928, 3) */
	PROXY_LOGIN,     /* name and password (RFC 1929), or the answer */
	PROXY_INSIDE,    /* the request or its answer is through */
};

/* Who speaks: their messages differ. */
enum proxy_side { PROXY_ANSWERS, PROXY_ASKS, PROXY_SIDES };

/*
 * Bytes of a proxy message at the start of `at`, with the phase after it; 0
 * when there is none. Takes HTTP CONNECT and its answer, SOCKS 4, 4a and 5.
 */
uint32_t proxy_message(const uint8_t *at, uint32_t n, enum proxy_side, enum proxy_phase *);

#endif
