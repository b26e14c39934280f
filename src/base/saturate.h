/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_SATURATE_H
#define SQUELCH_BASE_SATURATE_H

#include <stdint.h>

/* Counts one more; a counter of a byte that is full stays so. */
static inline void saturate_up(uint8_t *n)
{
	*n += *n != UINT8_MAX;
}

#endif
