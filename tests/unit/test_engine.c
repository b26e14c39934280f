/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine with a source that is a list of frames: what events say of time, file and reason. */
#include "event_make.h"

#include "engine.h"
#include "packet_build.h"

#define STEPS_MAX 8

struct step {
	enum source_next next;
	const char *file;
	uint64_t at_ns;
};

struct steps {
	struct source base;
	struct step step[STEPS_MAX];
	unsigned n, at;
	struct build packet;
};

static enum source_next steps_next(struct source *base, struct frame *frame)
{
	struct steps *s = (struct steps *)base;
	struct step *step = &s->step[s->at];

	if (s->at == s->n)
		return SOURCE_END;
	s->at++;
	base->file_name = step->file;
	*frame = (struct frame){ .mono_ns = step->at_ns, .wall_ns = T0_WALL + step->at_ns, .number = s->at,
		.data = s->packet.bytes, .caplen = s->packet.len, .len = s->packet.len, .link = LINK_RAW };
	return step->next;
}

static void steps_close(struct source *base)
{
	(void)base;
}
