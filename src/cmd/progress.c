/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY 65536 /* frames between two looks at the clock */
#define QUIET_S    1     /* work shorter than this shows nothing */

struct progress {
	struct source base;      /* first: this is a source */
	struct source *inner;
	uint64_t frames;
	time_t started, shown;
};

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void show(struct progress *p)
{
	const struct source *s = p->inner;
	time_t now = seconds();

	if (now - p->started < QUIET_S || now == p->shown)
		return;
	p->shown = now;
	fprintf(stderr, "\r%llu packets", (unsigned long long)p->frames);
	if (s->bytes_total != 0)
		fprintf(stderr, ", %u %%", (unsigned)(100.0 * (double)s->bytes_done / (double)s->bytes_total));
	fprintf(stderr, "\033[K");
	fflush(stderr);
}

static enum source_next progress_next(struct source *base, struct frame *frame)
{
	struct progress *p = (struct progress *)base;
	enum source_next next = source_next(p->inner, frame);

	base->more = p->inner->more;
	if (next == SOURCE_FRAME) {
		if (++p->frames % LOOK_EVERY == 0)
			show(p);
		return next;
	}
	if (p->shown != 0 && (next == SOURCE_ERROR || next == SOURCE_END))
		fprintf(stderr, "\r\033[K");
	base->file_name = p->inner->file_name;
	base->iface_names = p->inner->iface_names;
	if (next == SOURCE_ERROR)
		snprintf(base->error, sizeof base->error, "%s", p->inner->error);
	return next;
}

static void progress_close(struct source *base)
{
	source_close(((struct progress *)base)->inner);
	free(base);
}

struct source *progress_watch(struct source *inner)
{
	static const struct source_ops ops = { progress_next, progress_close };
	struct progress *p;

	if (!isatty(STDERR_FILENO) || (p = calloc(1, sizeof *p)) == NULL)
		return inner;
	p->base.ops = &ops;
	p->base.file_name = inner->file_name;
	p->base.iface_names = inner->iface_names;
	p->inner = inner;
	p->started = seconds();
	return &p->base;
}
