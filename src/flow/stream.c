/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/stream.h"

#include <string.h>

#define STREAM_BYTES_MIN 2048 /* first allocation; doubled up to STREAM_BYTES_MAX */

/* Room for `need` bytes in the buffer. */
static bool stream_room(struct stream_dir *s, const struct stream_memory *m, uint32_t need)
{
	uint32_t cap = s->cap == 0 ? STREAM_BYTES_MIN : s->cap;
	uint8_t *fresh;

	if (need <= s->cap)
		return true;
	if (need > STREAM_BYTES_MAX)
		return false;
	while (cap < need)
		cap *= 2;
	fresh = budget_alloc(m->budget, m->payer, cap);
	if (fresh == NULL) {
		count(m->counts, COUNT_STREAM_REFUSED);
		return false;
	}
	if (s->buf != NULL)
		memcpy(fresh, s->buf, s->cap);
	budget_release(m->budget, m->payer, s->buf, s->cap);
	s->buf = fresh;
	s->cap = cap;
	return true;
}

/* Moves the stream to `seq`, forgetting what it had. */
static void stream_restart(struct stream_dir *s, uint32_t seq)
{
	s->have = 0;
	s->n_early = 0;
	s->next_seq = seq;
	s->synced = true;
}

/* Copies [from, to) of a segment, but never over bytes an earlier segment brought. */
static void copy_unclaimed(struct stream_dir *s, uint32_t from, uint32_t to, const uint8_t *data)
{
	uint32_t start = from;

	for (uint32_t at = from; at < to; ) {
		uint32_t skip_to = at;

		for (unsigned i = 0; i < s->n_early; i++)
			if (s->early[i].from <= at && at < s->early[i].to)
				skip_to = s->early[i].to;
		if (skip_to > at) {
			at = skip_to;
			continue;
		}
		uint32_t end = to;

		for (unsigned i = 0; i < s->n_early; i++)
			if (s->early[i].from > at && s->early[i].from < end)
				end = s->early[i].from;
		memcpy(s->buf + at, data + (at - start), end - at);
		at = end;
	}
}

/* Keeps a segment that came before its turn; false when it cannot be kept. */
static bool stream_early(struct stream_dir *s, const struct stream_memory *m, uint32_t gap,
    const uint8_t *data, uint32_t len)
{
	uint32_t from = s->have + gap, to = from + len;

	if (gap > STREAM_BYTES_MAX || len > STREAM_BYTES_MAX || s->n_early == STREAM_RANGES ||
	    !stream_room(s, m, to))
		return false;
	copy_unclaimed(s, from, to, data);
	s->early[s->n_early++] = (struct stream_range){ from, to };
	return true;
}

/* Joins early pieces that the bytes in order now reach. */
static void stream_join(struct stream_dir *s)
{
	for (unsigned i = 0; i < s->n_early; ) {
		struct stream_range r = s->early[i];

		if (r.from > s->have) {
			i++;
			continue;
		}
		if (r.to > s->have) {
			s->next_seq += r.to - s->have;
			s->have = r.to;
		}
		s->early[i] = s->early[--s->n_early];
		i = 0; /* an earlier one may be reached now */
	}
}

const uint8_t *stream_add(struct stream_dir *s, const struct stream_memory *m, uint32_t seq,
    const uint8_t *data, uint32_t len, uint32_t *n, bool *hole)
{
	int32_t gap;
	uint32_t behind; /* bytes of it that came before */

	*n = 0;
	*hole = false;
	if (!s->synced)
		stream_restart(s, seq);
	gap = (int32_t)(seq - s->next_seq);
	if (gap > 0) {
		if (stream_early(s, m, (uint32_t)gap, data, len))
			return NULL;
		count(m->counts, COUNT_STREAM_HOLES);
		*hole = true;
		stream_restart(s, seq);
	}
	behind = s->next_seq - seq;
	if (len <= behind)
		return NULL;
	data += behind;
	len -= behind;
	if (s->have == 0 && s->n_early == 0) { /* the usual case: nothing to copy */
		s->next_seq += len;
		*n = len;
		return data;
	}
	if (!stream_room(s, m, s->have + len)) {
		count(m->counts, COUNT_STREAM_HOLES);
		*hole = true;
		stream_restart(s, seq + behind + len);
		*n = len;
		return data;
	}
	copy_unclaimed(s, s->have, s->have + len, data);
	s->have += len;
	s->next_seq += len;
	stream_join(s);
	*n = s->have;
	return s->buf;
}

bool stream_keep(struct stream_dir *s, const struct stream_memory *m, const uint8_t *bytes,
    uint32_t n, uint32_t used)
{
	uint32_t rest = n - used;

	if (bytes == s->buf && s->buf != NULL) {
		uint32_t top = s->have;

		for (unsigned i = 0; i < s->n_early; i++)
			top = s->early[i].to > top ? s->early[i].to : top;
		memmove(s->buf, s->buf + used, top - used);
		for (unsigned i = 0; i < s->n_early; i++) {
			s->early[i].from -= used;
			s->early[i].to -= used;
		}
		s->have = rest;
		return true;
	}
	s->have = 0;
	if (rest == 0)
		return true;
	if (!stream_room(s, m, rest))
		return false;
	memcpy(s->buf, bytes + used, rest);
	s->have = rest;
	return true;
}

void stream_close(struct stream_dir *s, const struct stream_memory *m)
{
	budget_release(m->budget, m->payer, s->buf, s->cap);
	*s = (struct stream_dir){ 0 };
}
