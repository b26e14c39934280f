/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mumble. In its list of servers the client asks each of them, unencrypted: 12
 * bytes, four of them zero, then its mark; the answer is 24 bytes with the
 * server's version, the mark, users, most users and bandwidth (Mumble's
 * protocol documentation, "ping"; measured in a labelled capture). That is no
 * call: class control.
 */
#include "detect/vendor.h"

#include "base/cursor.h"

#define ASK_LEN  12
#define TELL_LEN 24
#define BANDWIDTH_MAX 1000000u /* bit/s that a server may set */

/* Length and zero word (common), the mark of 64 bits back (echo), a version 1.x (16), users within their most (24). */
#define BITS_TOLD 32.0f

struct mumble_flow {
	uint64_t mark;
	bool asked;
};
static_assert(sizeof(struct mumble_flow) <= VENDOR_STATE, "fits the state of a vendor's flow");

static bool mumble_opens(const struct look *l)
{
	struct cursor c = cur_open(l->data, l->len);
	uint32_t zero = cur_u32(&c);
	uint64_t mark = cur_u64(&c);

	return l->len == ASK_LEN && l->wire == ASK_LEN && zero == 0 && mark != 0;
}

static bool told(const struct look *l, uint64_t mark)
{
	struct cursor c = cur_open(l->data, l->len);
	uint16_t major = cur_u16(&c);
	uint32_t users, most, bandwidth;
	bool same;

	cur_skip(&c, 2);
	same = cur_u64(&c) == mark;
	users = cur_u32(&c);
	most = cur_u32(&c);
	bandwidth = cur_u32(&c);
	return l->len == TELL_LEN && major == 1 && same && users <= most && most <= UINT16_MAX
	    && bandwidth != 0 && bandwidth <= BANDWIDTH_MAX;
}

static enum look_result mumble_look(struct look *l, void *state)
{
	struct mumble_flow *m = state;

	if (mumble_opens(l)) {
		struct cursor c = cur_open(l->data + 4, l->len - 4);

		m->mark = cur_u64(&c);
		m->asked = true;
		return LOOK_MAYBE;
	}
	if (!m->asked || !told(l, m->mark))
		return LOOK_MAYBE;
	detect_evidence(l, CLASS_CONTROL, APP_MUMBLE, BITS_TOLD, "Mumble server answers with its users", 0, 0);
	return LOOK_YES;
}

const struct vendor_app vendor_mumble = { APP_MUMBLE, mumble_opens, mumble_look };
