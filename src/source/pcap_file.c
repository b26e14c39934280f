/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "packet/packet.h"
#include "source/paths.h"
#include "source/pcap_file.h"
#include "source/records.h"
#include "source/unpack.h"

#define NAME_SHOWN 256    /* bytes of a file name in messages; of longer ones the end */

/* Later stamps (after 2262) are set to this: deadlines can be added to it without overflow. */
#define STAMP_MAX_S ((uint64_t)INT64_MAX / NS_PER_S)

struct pcap_files {
	struct source base;
	struct paths paths;
	size_t at;                 /* next of paths */
	struct unpack *unpack;
	FILE *file;                /* of `unpack`; libpcap closes it */
	pcap_t *pcap;              /* NULL between files */
	struct records *records;
	bool plain;                /* packets are read from `records`; else from `pcap` */
	uint32_t fraction_ns;      /* of one unit of a plain file's stamps */
	char *filter;              /* NULL: everything */
	struct bpf_program program;
	bool any;                  /* a file was a capture, or an error told of one that is not */
	bool filtered;             /* `program` is compiled for this file */
	uint64_t number;           /* packets read from this file, also filtered out */
	uint16_t link;
	int fd;                    /* handed over by pcap_file_fd; -1 none */
};

__attribute__((format(printf, 3, 4)))
static enum source_next fail(struct pcap_files *s, const char *name, const char *fmt, ...)
{
	size_t len = strlen(name);
	char *to = s->base.error;
	int n = snprintf(to, SOURCE_ERROR_LEN, "%s%s: ", len > NAME_SHOWN ? "..." : "",
	    len > NAME_SHOWN ? name + len - NAME_SHOWN : name);
	va_list args;

	va_start(args, fmt);
	vsnprintf(to + n, SOURCE_ERROR_LEN - (size_t)n, fmt, args);
	va_end(args);
	return SOURCE_ERROR;
}

static uint64_t file_stopped(const struct pcap_files *s)
{
	if (s->plain)
		return records_stopped(s->records);
	return s->file == NULL ? 0 : (uint64_t)ftello(s->file);
}

/* The packet after the last good one could not be read, and reading stopped where the file is now. */
static enum source_next fail_damaged(struct pcap_files *s, const char *name, const char *what)
{
	const char *below = unpack_error(s->unpack);

	return fail(s, name, "packet %llu, byte %llu%s: %s", (unsigned long long)s->number + 1,
	    (unsigned long long)file_stopped(s),
	    unpack_packing(s->unpack) == NULL ? "" : " after decompression",
	    below == NULL ? what : below);
}

static void file_close(struct pcap_files *s)
{
	if (s->filtered)
		pcap_freecode(&s->program);
	s->filtered = false;
	if (s->pcap != NULL)
		pcap_close(s->pcap);
	else if (s->file != NULL)
		fclose(s->file);
	s->pcap = NULL;
	s->file = NULL;
	s->plain = s->base.more = false;
	unpack_close(s->unpack);
}

/* As written by either byte order; libpcap, sf-pcap.c and sf-pcapng.c. */
static const struct magic { uint32_t magic, fraction_ns; } magics[] = {
	{ 0xa1b2c3d4, 1000 },      /* microseconds */
	{ 0xa1b23c4d, 1 },         /* nanoseconds */
	/* odd ones, which libpcap reads for us */
	{ 0xa1b2cd34, 0 },         /* patched Linux libpcap of the nineties */
	{ 0xa1b234cd, 0 }, { 0xa12b3c4d, 0 },
	{ 0x0a0d0d0a, 0 },         /* pcapng; reads alike both ways */
};

/* What the file begins with; NULL when it is no capture. */
static const struct magic *magic_of(uint32_t begins)
{
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (begins == magics[i].magic || __builtin_bswap32(begins) == magics[i].magic)
			return &magics[i];
	return NULL;
}

static int path_open(struct pcap_files *s, const char *name)
{
	int fd = s->fd;

	s->fd = -1;
	if (fd >= 0)
		return fd;
	return strcmp(name, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
	    : open(name, O_RDONLY | O_CLOEXEC);
}

static enum source_next file_filter(struct pcap_files *s, const char *name)
{
	if (s->filter == NULL)
		return SOURCE_EPOCH;
	if (pcap_compile(s->pcap, &s->program, s->filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return fail(s, name, "filter \"%s\": %s", s->filter, pcap_geterr(s->pcap));
	s->filtered = true;
	return SOURCE_EPOCH;
}

static enum source_next file_link(struct pcap_files *s, const char *name)
{
	int link = pcap_datalink(s->pcap);
	const char *text = pcap_datalink_val_to_name(link);

	if (!packet_link_known(link))
		return fail(s, name, "link type %d (%s) is not decoded", link,
		    text == NULL ? "unknown" : text);
	s->link = (uint16_t)link;
	return file_filter(s, name);
}

/*
 * Plain pcap files of today's version (2.4) are read by ourselves once libpcap
 * knows the header; older ones have their lengths the other way round.
 */
static bool records_begin(struct pcap_files *s, const struct magic *magic)
{
	enum { FILE_HEADER = 24, MAJOR = 2, MINOR = 4 };

	if (magic->fraction_ns == 0 || unpack_told(s->unpack) != FILE_HEADER ||
	    pcap_major_version(s->pcap) != MAJOR || pcap_minor_version(s->pcap) != MINOR)
		return false;
	s->fraction_ns = magic->fraction_ns;
	records_open(s->records, s->unpack, pcap_is_swapped(s->pcap) != 0, (uint32_t)pcap_snapshot(s->pcap));
	return true;
}

static enum source_next file_pcap(struct pcap_files *s, const char *name, const struct magic *magic)
{
	char text[PCAP_ERRBUF_SIZE];

	s->file = unpack_file(s->unpack, magic->fraction_ns != 0 ? UNPACK_EXACT : UNPACK_BUFFERED);
	if (s->file == NULL)
		return fail(s, name, "%s", strerror(errno));
	s->pcap = pcap_fopen_offline_with_tstamp_precision(s->file, PCAP_TSTAMP_PRECISION_NANO, text);
	if (s->pcap == NULL)
		return fail_damaged(s, name, text);
	s->plain = records_begin(s, magic);
	return file_link(s, name);
}

/* SOURCE_EPOCH: opened. SOURCE_END: passed over. */
static enum source_next file_open(struct pcap_files *s, const struct path *path)
{
	const struct magic *magic;
	int fd = -1;

	if (path->error != 0 || (fd = path_open(s, path->name)) < 0)
		return fail(s, path->name, "%s", strerror(path->error != 0 ? path->error : errno));
	if (!unpack_open(s->unpack, fd, &s->base.bytes_done))
		return fail_damaged(s, path->name, "");
	if ((magic = magic_of(unpack_magic(s->unpack))) != NULL)
		return file_pcap(s, path->name, magic);
	if (path->named)
		return fail(s, path->name, "is neither a pcap nor a pcapng capture");
	return SOURCE_END;
}

/* Opens the next file that can be. */
static enum source_next next_file(struct pcap_files *s)
{
	while (s->at < s->paths.n) {
		const struct path *path = &s->paths.list[s->at++];
		enum source_next r;

		s->number = 0;
		s->base.file_name = path->name;
		r = file_open(s, path);
		s->any |= r != SOURCE_END;
		if (r == SOURCE_EPOCH)
			return r;
		file_close(s);
		if (r == SOURCE_ERROR)
			return r;
	}
	s->base.file_name = NULL;
	if (s->any)
		return SOURCE_END;
	s->any = true; /* a folder that holds something, but nothing for us: most likely another was meant */
	return fail(s, s->paths.list[0].name, "is no capture, and neither is any other file there");
}

/* Fields of a hostile file: any number of seconds, more than a second of nanoseconds. */
static uint64_t stamp_ns(uint64_t s, uint64_t ns)
{
	if (s > STAMP_MAX_S - 1)
		s = STAMP_MAX_S - 1;
	if (ns >= NS_PER_S)
		ns = NS_PER_S - 1;
	return s * NS_PER_S + ns;
}

/* pcap has 32 bits of seconds, which libpcap hands on as signed; pcapng has 64 bits of any unit. */
static uint64_t timeval_ns(const struct timeval *ts)
{
	uint64_t s = (uint64_t)ts->tv_sec;

	if (ts->tv_sec < 0 && ts->tv_sec >= INT32_MIN)
		s = (uint32_t)ts->tv_sec;
	return stamp_ns(s, (uint64_t)ts->tv_usec);
}

static bool is_wanted(const struct pcap_files *s, const struct frame *f)
{
	struct pcap_pkthdr h;

	if (!s->filtered)
		return true;
	h = (struct pcap_pkthdr){ .caplen = f->caplen, .len = f->len };
	return pcap_offline_filter(&s->program, &h, f->data) != 0;
}

/* SOURCE_FRAME, SOURCE_END or SOURCE_ERROR. */
static enum source_next next_plain(struct pcap_files *s, struct frame *f)
{
	struct record r;

	switch (records_next(s->records, &r)) {
	case RECORDS_END:
		return SOURCE_END;
	case RECORDS_DAMAGED:
		return fail_damaged(s, s->base.file_name, records_what(s->records));
	case RECORDS_ONE:
		break;
	}
	f->data = r.data;
	f->caplen = r.caplen;
	f->len = r.len;
	f->wall_ns = stamp_ns(r.s, (uint64_t)r.fraction * s->fraction_ns);
	s->base.more = !s->filtered && records_more(s->records);
	return SOURCE_FRAME;
}

static enum source_next next_other(struct pcap_files *s, struct frame *f)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	int r = pcap_next_ex(s->pcap, &h, &data);

	if (r == PCAP_ERROR_BREAK)
		return SOURCE_END;
	if (r != 1)
		return fail_damaged(s, s->base.file_name, pcap_geterr(s->pcap));
	f->data = data;
	f->caplen = h->caplen;
	f->len = h->len;
	f->wall_ns = timeval_ns(&h->ts);
	return SOURCE_FRAME;
}

static enum source_next pcap_files_next(struct source *base, struct frame *f)
{
	struct pcap_files *s = (struct pcap_files *)base;

	if (s->pcap == NULL)
		return next_file(s);
	do {
		enum source_next r = s->plain ? next_plain(s, f) : next_other(s, f);

		if (r != SOURCE_FRAME) {
			file_close(s);
			return r == SOURCE_END ? next_file(s) : r;
		}
		s->number++;
	} while (!is_wanted(s, f));
	if (f->len < f->caplen)
		f->len = f->caplen;
	f->number = s->number;
	f->mono_ns = f->wall_ns;
	f->link = s->link;
	f->iface = f->oface = 0;
	f->token = 0;
	return SOURCE_FRAME;
}

static void pcap_files_close(struct source *base)
{
	struct pcap_files *s = (struct pcap_files *)base;

	if (s->unpack != NULL)
		file_close(s);
	unpack_free(s->unpack);
	records_free(s->records);
	paths_free(&s->paths);
	free(s->filter);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static const struct source_ops file_ops = { pcap_files_next, pcap_files_close };

static struct pcap_files *pcap_files_new(const char *filter, char error[static SOURCE_ERROR_LEN])
{
	struct pcap_files *s;

	if (filter != NULL && !source_filter_check(filter, error))
		return NULL;
	if ((s = calloc(1, sizeof *s)) == NULL)
		goto no_memory;
	s->base.ops = &file_ops;
	s->fd = -1;
	if ((s->unpack = unpack_new()) != NULL && (s->records = records_new()) != NULL &&
	    (filter == NULL || (s->filter = strdup(filter)) != NULL))
		return s;
	pcap_files_close(&s->base);
no_memory:
	snprintf(error, SOURCE_ERROR_LEN, "%s", strerror(ENOMEM));
	return NULL;
}

/* True when one of the paths can be opened; else `error` tells of the first. */
static bool paths_usable(struct pcap_files *s, char error[static SOURCE_ERROR_LEN])
{
	snprintf(error, SOURCE_ERROR_LEN, "no files to read");
	for (size_t i = 0; i < s->paths.n; i++) {
		const struct path *path = &s->paths.list[i];
		int e = path->error;

		if (e == 0 && strcmp(path->name, "-") != 0 && access(path->name, R_OK) != 0)
			e = errno;
		if (e == 0)
			return true;
		if (i == 0) {
			fail(s, path->name, "%s", strerror(e));
			memcpy(error, s->base.error, SOURCE_ERROR_LEN);
		}
	}
	return false;
}

struct source *source_files(char *const paths[], int n, const char *filter,
    char error[static SOURCE_ERROR_LEN])
{
	struct pcap_files *s = pcap_files_new(filter, error);
	bool ok = s != NULL;

	for (int i = 0; ok && i < n; i++)
		if (!(ok = paths_add(&s->paths, paths[i])))
			snprintf(error, SOURCE_ERROR_LEN, "%s", strerror(ENOMEM));
	if (ok && paths_usable(s, error)) {
		s->base.bytes_total = s->paths.endless ? 0 : s->paths.bytes;
		return &s->base;
	}
	if (s != NULL)
		pcap_files_close(&s->base);
	return NULL;
}

struct source *pcap_file_fd(int fd, const char *name, const char *filter,
    char error[static SOURCE_ERROR_LEN])
{
	struct pcap_files *s = pcap_files_new(filter, error);

	if (s == NULL) {
		close(fd);
		return NULL;
	}
	s->fd = fd;
	if (paths_add_endless(&s->paths, name))
		return &s->base;
	snprintf(error, SOURCE_ERROR_LEN, "%s", strerror(ENOMEM));
	pcap_files_close(&s->base);
	return NULL;
}
