/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_SOURCE_H
#define SQUELCH_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/frame.h"

/*
 * Where packets come from. The engine cannot tell one source from another: it
 * pulls, and gets a frame, a tick (TICK_NS passed without one), or the start of
 * a new epoch, after which stamps have nothing to do with those before.
 */
enum source_next {
	SOURCE_FRAME,
	SOURCE_TICK,   /* only mono_ns and wall_ns of the frame are set */
	SOURCE_EPOCH,  /* a new file begins; source_file_name tells which */
	SOURCE_END,
	SOURCE_ERROR,  /* source_error tells; the source may be asked on: the next file follows */
};

struct source;

struct source_ops {
	enum source_next (*next)(struct source *, struct frame *);
	void (*close)(struct source *);
};

#define SOURCE_ERROR_LEN 512

/* Every source begins with this; the rest belongs to its ops. */
struct source {
	const struct source_ops *ops;
	const char *file_name;               /* of the current file, else NULL */
	const char *const *iface_names;      /* index frame.iface; [0] is NULL; NULL without interfaces */
	bool more;                           /* asked for the next frame, it leaves the data of those before in place */
	uint64_t bytes_done, bytes_total;    /* progress; total 0 when unknown */
	uint64_t lost_kernel, lost_iface;    /* packets that never came to us: our buffer was full, the driver's was */
	char error[SOURCE_ERROR_LEN];        /* why SOURCE_ERROR: file, packet number, byte offset */
};

static inline enum source_next source_next(struct source *s, struct frame *f)
{
	return s->ops->next(s, f);
}

void source_close(struct source *);  /* accepts NULL */

/*
 * Capture files, in the order given; "-" is standard input, a folder stands for
 * the capture files in it and below, sorted by name (files that are none are
 * passed over inside folders, an error when named). pcap and pcapng, plain or
 * compressed with gzip or zstd, told by content. `filter` is BPF, may be NULL;
 * packets it rejects still count in frame.number. Stamps (mono_ns and wall_ns
 * alike) are as recorded, only brought into the range of years that cannot
 * overflow: they may step back, and the engine clamps and counts that.
 * frame.len is never below caplen. An error in the middle of a file reads
 * "FILE: packet N, byte B: what": N is the first packet not delivered, B where
 * reading stopped (of a compressed file: "byte B after decompression").
 * Returns NULL with `error` filled when nothing can be opened or the filter is wrong.
 */
struct source *source_files(char *const paths[], int n, const char *filter,
    char error[static SOURCE_ERROR_LEN]);

/* False with `error` filled when a filter is wrong, as far as Ethernet can tell; source_files asks too. */
bool source_filter_check(const char *filter, char error[static SOURCE_ERROR_LEN]);

#define LIVE_IFACES_MAX 16

struct live_conf {
	const char *const *ifaces; /* they must outlive the source */
	unsigned n;                /* at most LIVE_IFACES_MAX */
	const char *filter;        /* BPF, NULL none */
	uint32_t snaplen;          /* bytes of a packet that are kept */
	uint32_t buffer_mib;       /* of the kernel, for each interface */
	bool promiscuous;
};

/*
 * Packets of interfaces, in the order of their stamps; frame.iface counts from 1
 * as they are given. Frames and ticks come some 100 ms late (pcap_live.c tells
 * why). An interface that goes down or vanishes is one SOURCE_ERROR, the others
 * go on; SOURCE_END when none is left. A signal makes `next` return a tick
 * early. NULL with `error` filled when one of them cannot be opened.
 */
struct source *source_live(const struct live_conf *, char error[static SOURCE_ERROR_LEN]);
/* Of a live source: brings lost_* up to date (they are so once a second anyway). */
void source_live_refresh(struct source *);
/* Of a live source: now, as mono_ns of its frames counts. */
uint64_t source_live_now(const struct source *);

/*
 * Packets of a scenario file (docs/SCENARIOS.md), for tests. NULL with `error`
 * ("FILE:LINE: what") when it is malformed.
 */
struct source *source_scenario(const char *path, char error[static SOURCE_ERROR_LEN]);

#endif
