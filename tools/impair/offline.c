/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "front.h"
#include "heap.h"

#include <err.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_S 1000000000
#define PPM 1e-6

struct rewrite {
	pcap_t *in;
	pcap_dumper_t *out;
	struct bpf_program up;
	struct heap under_way;
	struct impair_way ways[2];
	int64_t first;             /* ns, stamp of the first packet */
	unsigned snaplen;
};

/* As the sender's clock shows: one way fast, the other slow. */
static int64_t by_clock(const struct rewrite *r, int way, int64_t t)
{
	double ppm = r->ways[way].p.drift_ppm * (way == 0 ? 1 : -1);

	return t + (int64_t)((double)(t - r->first) * ppm * PPM);
}

/* Writes what has left before `t`. */
static void write_until(struct rewrite *r, int64_t t)
{
	const struct parcel *first;

	while ((first = heap_first(&r->under_way)) != NULL && first->at <= t) {
		struct parcel *p = heap_take(&r->under_way);
		struct pcap_pkthdr h = { .ts = { p->at / NS_PER_S, p->at % NS_PER_S }, .caplen = p->caplen, .len = p->len };

		pcap_dump((u_char *)r->out, &h, p->data);
		free(p);
	}
}

static void packet(struct rewrite *r, const struct pcap_pkthdr *h, const u_char *data)
{
	int64_t t = (int64_t)h->ts.tv_sec * NS_PER_S + h->ts.tv_usec; /* nanoseconds: asked for at opening */
	int way = pcap_offline_filter(&r->up, h, data) ? 0 : 1;
	unsigned caplen = r->snaplen != 0 && h->caplen > r->snaplen ? r->snaplen : h->caplen;
	int64_t now, out;

	if (r->first == 0)
		r->first = t;
	now = by_clock(r, way, t);
	if (impair_send(&r->ways[way], now, h->len, &out) == IMPAIR_PASS)
		heap_put(&r->under_way, out, way, data, caplen, h->len);
	/* The slower of the two clocks: nothing that comes later can leave before. */
	write_until(r, by_clock(r, 1, t) < by_clock(r, 0, t) ? by_clock(r, 1, t) : by_clock(r, 0, t));
}

static void open_files(struct rewrite *r, const struct impair_options *o, const char *from, const char *to)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *dead;

	r->in = pcap_open_offline_with_tstamp_precision(from, PCAP_TSTAMP_PRECISION_NANO, error);
	if (r->in == NULL)
		errx(1, "%s: %s", from, error);
	if (pcap_compile(r->in, &r->up, o->up, 1, PCAP_NETMASK_UNKNOWN) != 0)
		errx(1, "%s: %s", o->up, pcap_geterr(r->in));
	dead = pcap_open_dead_with_tstamp_precision(pcap_datalink(r->in), pcap_snapshot(r->in), PCAP_TSTAMP_PRECISION_NANO);
	if (dead == NULL)
		errx(1, "memory");
	r->out = pcap_dump_open(dead, to);
	if (r->out == NULL)
		errx(1, "%s: %s", to, pcap_geterr(dead));
	pcap_close(dead);
}

void impair_offline(const struct impair_options *o, const char *from, const char *to)
{
	struct rewrite r = { .snaplen = o->snaplen };
	struct pcap_pkthdr *h;
	const u_char *data;
	int got;

	open_files(&r, o, from, to);
	impair_open_pair(r.ways, o->profile, o->seed);
	while ((got = pcap_next_ex(r.in, &h, &data)) == 1)
		packet(&r, h, data);
	if (got == PCAP_ERROR)
		errx(1, "%s: %s", from, pcap_geterr(r.in));
	write_until(&r, INT64_MAX);
	if (pcap_dump_flush(r.out) != 0)
		err(1, "%s", to);
	pcap_dump_close(r.out);
	pcap_freecode(&r.up);
	pcap_close(r.in);
	free(r.under_way.items);
}
