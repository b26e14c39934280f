/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect/vendor.h"

#include <assert.h>
#include <string.h>

#include "detect/rows.h"

/* A flow joined midway shows its application's mark within seconds: Discord's every 5 s, at most 200 packets a second. */
#define PAYLOADS_MAX 1024

const struct byte_range vendor_bytes[] = { { 0x00, 0xff }, { 1, 0 } };

static const struct vendor_app *const apps[] = {
	&vendor_zoom, &vendor_discord, &vendor_telegram, &vendor_imo, &vendor_snapchat,
	&vendor_mumble_voice, &vendor_mumble, &vendor_telegram_peer,
};
enum { APPS_N = sizeof apps / sizeof *apps };

struct vendor_flow {
	uint8_t app;      /* index into apps */
	bool proved;      /* until then another application may take the flow */
	_Alignas(8) uint8_t state[VENDOR_STATE];
};

static_assert(APPS_N <= 32, "a bit for each in detect_env.vendor_first");

void vendor_init(uint32_t first[static 256])
{
	static const struct byte_range any[] = { { 0x00, 0xff }, { 1, 0 } };

	for (unsigned i = 0; i < APPS_N; i++)
		for (const struct byte_range *r = apps[i]->first != NULL ? apps[i]->first : any; r->lo <= r->hi; r++)
			for (unsigned b = r->lo; b <= r->hi; b++)
				first[b] |= 1u << i;
}

/* The first application that takes this payload for its own; APPS_N none. */
static unsigned app_opened(const struct look *l)
{
	for (uint32_t left = l->env->vendor_first[l->data[0]]; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);

		if (apps[i]->opens(l))
			return i;
	}
	return APPS_N;
}

static void take(struct vendor_flow *v, unsigned app)
{
	memset(v, 0, sizeof *v);
	v->app = (uint8_t)app;
}

enum look_result vendor_look(struct look *l)
{
	struct vendor_flow *v = detect_state_find(l);
	unsigned app;
	bool fresh;

	if (l->depth != 0)
		return LOOK_MAYBE; /* wrappers themselves, never wrapped */
	if (v == NULL || !v->proved) {
		app = app_opened(l);
		if (app == APPS_N && v == NULL)
			return l->flow->dir[0].payloads + l->flow->dir[1].payloads > PAYLOADS_MAX ? LOOK_NO : LOOK_MAYBE;
		fresh = v == NULL;
		if (fresh && (v = detect_state(l, sizeof *v)) == NULL)
			return LOOK_MAYBE;
		if (fresh || (app != APPS_N && app != v->app))
			take(v, app);
	}
	v->proved |= apps[v->app]->look(l, v->state) == LOOK_YES;
	return v->proved ? LOOK_YES : LOOK_MAYBE;
}
