/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_HEAP_H
#define SQUELCH_BASE_HEAP_H

#include <stddef.h>

/*
 * What malloc will give later, up to so many bytes, lies on huge pages where the
 * kernel has them: what is kept of flows is looked at in no order, and on small
 * pages each look would miss the TLB. Memory is taken as it is used, not before.
 * Call once, when the large tables of fixed size are made: calloc gives those
 * pages nobody touched, but of this heap it would clear them.
 */
void heap_prepare(size_t bytes);

#endif
