/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source/capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "packet/packet.h"

#define SNAPLEN 262144 /* bytes; libpcap's own bound for the links we decode */

bool source_filter_check(const char *filter, char error[static SOURCE_ERROR_LEN])
{
	struct bpf_program program;
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	bool ok = dead != NULL &&
	    pcap_compile(dead, &program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0;

	if (ok)
		pcap_freecode(&program);
	else
		snprintf(error, SOURCE_ERROR_LEN, "filter \"%.200s\": %s", filter,
		    dead == NULL ? strerror(ENOMEM) : pcap_geterr(dead));
	if (dead != NULL)
		pcap_close(dead);
	return ok;
}

static bool set_filter(pcap_t *p, const char *filter)
{
	struct bpf_program program;
	bool ok;

	if (filter == NULL)
		return true;
	if (pcap_compile(p, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return false;
	ok = pcap_setfilter(p, &program) == 0;
	pcap_freecode(&program);
	return ok;
}

static bool set_up(pcap_t *p, const struct live_conf *c)
{
	(void)pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO); /* or microseconds */
	return pcap_set_snaplen(p, (int)c->snaplen) == 0 && pcap_set_promisc(p, c->promiscuous) == 0 &&
	    pcap_set_timeout(p, CAPTURE_READ_MS) == 0 && pcap_set_buffer_size(p, (int)(c->buffer_mib << 20)) == 0;
}

/* Closes it. libpcap's own words; for some codes it has two, of which the second tells more. */
static pcap_t *refuse(pcap_t *p, const char *name, int code, char error[static SOURCE_ERROR_LEN])
{
	const char *text = pcap_geterr(p), *kind = code < 0 ? pcap_statustostr(code) : "";
	bool both = kind[0] != '\0' && text[0] != '\0' && strcmp(kind, text) != 0;

	snprintf(error, SOURCE_ERROR_LEN, "%s: %s%s%s", name, both || text[0] == '\0' ? kind : "",
	    both ? ": " : "", text);
	pcap_close(p);
	return NULL;
}

pcap_t *capture_open(const char *name, const struct live_conf *c, char error[static SOURCE_ERROR_LEN])
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_create(name, text);
	int r;

	if (p == NULL) {
		snprintf(error, SOURCE_ERROR_LEN, "%s: %s", name, text);
		return NULL;
	}
	if (!set_up(p, c))
		return refuse(p, name, 0, error);
	r = pcap_activate(p);
	if (r < 0)
		return refuse(p, name, r, error);
	if (!packet_link_known(pcap_datalink(p))) {
		snprintf(error, SOURCE_ERROR_LEN, "%s: link type %d is not decoded", name, pcap_datalink(p));
		pcap_close(p);
		return NULL;
	}
	if (!set_filter(p, c->filter) || pcap_setnonblock(p, 1, text) != 0)
		return refuse(p, name, 0, error);
	return p;
}
