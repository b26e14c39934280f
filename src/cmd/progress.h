/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_CMD_PROGRESS_H
#define SQUELCH_CMD_PROGRESS_H

#include "source/source.h"

/*
 * Wraps a source so that long work shows how far it is, on standard error when
 * that is a terminal. Takes over the source; returns it unwrapped when nobody
 * would see it.
 */
struct source *progress_watch(struct source *);

#endif
