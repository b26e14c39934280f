/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_BASE_COND_H
#define SQUELCH_BASE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Conditions that are waited for until a moment of CLOCK_MONOTONIC, in nanoseconds: setting the clock moves no deadline. */
void cond_init(pthread_cond_t *);
/* As pthread_cond_wait, also in that it may return for nothing; false when the moment has come. */
bool cond_wait_until(pthread_cond_t *, pthread_mutex_t *, uint64_t until_ns);

#endif
