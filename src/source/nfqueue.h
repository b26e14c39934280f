/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SQUELCH_SOURCE_NFQUEUE_H
#define SQUELCH_SOURCE_NFQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/source.h"

/*
 * One netfilter queue. Frames are raw IP with `mark` and `token`; each must get
 * its verdict, in order, before the next is asked for. SOURCE_ERROR is given
 * for what passes by itself (the queue overran: packets went on without us).
 */
struct nfqueue_conf {
	uint16_t queue;
	bool gso;              /* take super-packets whole: for queues of TCP only */
	bool fail_open;        /* the kernel passes what does not fit into the queue */
	uint32_t length;       /* packets the kernel keeps for us */
	uint32_t receive_bytes; /* of the socket */
	struct ifaces *ifaces; /* shared by all queues; must outlive the source */
};

struct nfqueue_stats {
	uint64_t overruns;     /* ENOBUFS: the socket's buffer was full */
	uint64_t cut;          /* packets longer than what we were given of them */
	uint64_t refused;      /* verdicts the kernel did not take */
};

/* Names of interfaces by their index; bounded. */
struct ifaces;
struct ifaces *ifaces_new(void);
void ifaces_free(struct ifaces *);
/* As source.iface_names; grows in place while queues meet new interfaces. */
const char *const *ifaces_names(const struct ifaces *);

/* NULL with `error` filled when the queue cannot be bound. Needs CAP_NET_ADMIN, also for verdicts. */
struct source *nfqueue_open(const struct nfqueue_conf *, char error[static SOURCE_ERROR_LEN]);
/* Accepts the frame with this mark. Takes effect at nfqueue_flush or at the next receive. */
void nfqueue_verdict(struct source *, const struct frame *, uint32_t mark);
/* Sends what is still to be sent. */
void nfqueue_flush(struct source *);
/* Lets go of the queue: packets go on without us. The source may only be closed after that. */
void nfqueue_unbind(struct source *);
struct nfqueue_stats nfqueue_stats(const struct source *);

#endif
