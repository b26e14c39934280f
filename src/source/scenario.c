/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <pcap/dlt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/scenario.h"

/* Bounds against a slip of the pen; a scenario is small. */
#define SHOTS_MAX 2000000
#define BYTES_MAX (512UL * 1024 * 1024)
#define SHOTS_FIRST 256       /* doubled when full */
#define BYTES_FIRST (64 * 1024)

static bool grow_shots(struct scenario *sc)
{
	size_t room = sc->room == 0 ? SHOTS_FIRST : sc->room * 2;
	struct shot *shots;

	if (sc->n_shots < sc->room)
		return true;
	if (room > SHOTS_MAX || (shots = reallocarray(sc->shots, room, sizeof *shots)) == NULL)
		return false;
	sc->shots = shots;
	sc->room = room;
	return true;
}

static bool grow_bytes(struct scenario *sc, size_t len)
{
	size_t room = sc->bytes_room == 0 ? BYTES_FIRST : sc->bytes_room;
	uint8_t *bytes;

	while (room - sc->n_bytes < len)
		room *= 2;
	if (room == sc->bytes_room)
		return true;
	if (room > BYTES_MAX || (bytes = realloc(sc->bytes, room)) == NULL)
		return false;
	sc->bytes = bytes;
	sc->bytes_room = room;
	return true;
}

bool scenario_add(struct scenario *sc, enum source_next what, uint64_t ns, uint16_t iface,
    const uint8_t *bytes, size_t len)
{
	if (!grow_shots(sc) || !grow_bytes(sc, len))
		return false;
	if (len > 0)
		memcpy(sc->bytes + sc->n_bytes, bytes, len);
	sc->shots[sc->n_shots] = (struct shot){
		ns, sc->n_bytes, sc->n_shots, (uint32_t)len, iface, (uint8_t)what
	};
	sc->n_shots++;
	sc->n_bytes += len;
	if (what == SOURCE_EPOCH)
		sc->epoch = sc->n_shots;
	return true;
}

static int by_time(const void *pa, const void *pb)
{
	const struct shot *a = pa, *b = pb;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void scenario_sort(struct scenario *sc)
{
	if (sc->n_shots > sc->epoch)
		qsort(sc->shots + sc->epoch, sc->n_shots - sc->epoch, sizeof *sc->shots, by_time);
}

static enum source_next scenario_next(struct source *base, struct frame *f)
{
	struct scenario *sc = (struct scenario *)base;
	const struct shot *shot = &sc->shots[sc->next];

	if (sc->next == sc->n_shots)
		return SOURCE_END;
	sc->next++;
	sc->number = shot->what == SOURCE_EPOCH ? 0 : sc->number + (shot->what == SOURCE_FRAME);
	base->bytes_done = shot->at + shot->len;
	*f = (struct frame){
		.data = sc->bytes + shot->at, .caplen = shot->len, .len = shot->len,
		.number = sc->number, .mono_ns = sc->wall_ns + shot->ns,
		.wall_ns = sc->wall_ns + shot->ns, .link = DLT_EN10MB, .iface = shot->iface,
	};
	return shot->what;
}

static void scenario_close(struct source *base)
{
	struct scenario *sc = (struct scenario *)base;

	for (unsigned i = 0; i < sc->n_ifaces; i++)
		free(sc->ifaces[i]);
	free(sc->shots);
	free(sc->bytes);
	free(sc->path);
	free(sc);
}

struct source *source_scenario(const char *path, char error[static SOURCE_ERROR_LEN])
{
	static const struct source_ops ops = { scenario_next, scenario_close };
	struct scenario *sc = calloc(1, sizeof *sc);

	snprintf(error, SOURCE_ERROR_LEN, "%s", strerror(ENOMEM));
	if (sc == NULL)
		return NULL;
	sc->base.ops = &ops;
	sc->n_ifaces = 1; /* 0 stays unknown */
	if ((sc->path = strdup(path)) == NULL ||
	    !scenario_add(sc, SOURCE_EPOCH, 0, 0, NULL, 0) || !script_read(sc, error)) {
		scenario_close(&sc->base);
		return NULL;
	}
	sc->base.file_name = sc->path;
	sc->base.bytes_total = sc->n_bytes;
	if (sc->n_ifaces > 1)
		sc->base.iface_names = (const char *const *)sc->ifaces;
	return &sc->base;
}
