/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_CAPTURE_H
#define SQUELCH_SOURCE_CAPTURE_H

#include <pcap/pcap.h>
#include <stdbool.h>

#include "source/source.h"

/* What is asked of libpcap: an interface that is opened, and filters. */

#define CAPTURE_READ_MS 25 /* the kernel's timer for blocks that are not full; a new block may wait for two */

/*
 * Opens an interface as `conf` wants it: not blocking, filtered, of a link type
 * that is decoded. The caller closes it. NULL with `error` filled ("eth0: why").
 */
pcap_t *capture_open(const char *name, const struct live_conf *conf, char error[static SOURCE_ERROR_LEN]);

#endif
