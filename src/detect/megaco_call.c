/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Megaco says about calls: a context is a call, its descriptions say where the media will be. */
#include "detect/megaco_call.h"

#include <stdio.h>
#include <string.h>

static void signal_send(const struct walk *w, enum call_phase phase, const struct sdp *sdp)
{
	const struct megaco_context *c = w->context;
	struct call_signal sig = { .call = c->call, .phase = phase, .app = APP_MEGACO, .from_caller = true };

	snprintf(sig.id, sizeof sig.id, "%s", c->id);
	snprintf(sig.to, sizeof sig.to, "%s", w->state->number.dialed);
	snprintf(sig.dialed, sizeof sig.dialed, "%s", w->state->number.dialed);
	if (sdp != NULL)
		call_signal_sdp(&sig, sdp);
	detect_signal(w->look, &sig);
}

void megaco_context_enter(struct walk *w, struct span value)
{
	struct megaco_state *s = w->state;
	struct megaco_context *c = NULL;
	char id[CALL_ID_LEN];
	uint32_t number;
	uint64_t call;

	w->context = NULL;
	if (!span_number(&value, 10, &number) || value.len > 0)
		return; /* the null context, all of them, or one to be chosen */
	call = call_hash_flow(w->look, "megaco", number, 0, id);
	for (unsigned i = 0; i < MEGACO_CONTEXTS && c == NULL; i++)
		if (s->context[i].call == call)
			c = &s->context[i];
	if (c == NULL) {
		c = &s->context[s->next_context];
		s->next_context = (uint8_t)((s->next_context + 1) % MEGACO_CONTEXTS);
		*c = (struct megaco_context){ .call = call };
		memcpy(c->id, id, sizeof c->id);
		w->context = c;
		s->number.call = call;
		signal_send(w, CALL_SETUP, NULL);
	}
	w->context = c;
}

void megaco_context_leave(struct walk *w)
{
	if (w->context == NULL)
		return;
	if (w->both_ways && w->context->remote.port != 0 && !w->context->answered) {
		w->context->answered = true;
		signal_send(w, CALL_ANSWERED, NULL);
	}
	w->context = NULL;
	w->both_ways = false;
}

void megaco_context_end(struct walk *w)
{
	if (w->context == NULL || w->reply)
		return;
	signal_send(w, CALL_ENDED, NULL);
	call_over(w->look, &w->state->number, w->context->call);
	*w->context = (struct megaco_context){ .call = 0 };
	w->context = NULL;
}

/* Several descriptions may stand one after the other, as alternatives. */
static struct span next_description(struct span *text)
{
	const uint8_t *at = text->len < 3 ? NULL : memmem(text->p + 1, text->len - 1, "\nv=", 3);
	struct span one = at == NULL ? *text : span_first(*text, (size_t)(at + 1 - text->p));

	*text = span_from(*text, one.len);
	return one;
}

void megaco_description_take(struct walk *w, enum node node, struct span text)
{
	struct megaco_context *c = w->context;

	if (c == NULL)
		return;
	while (text.len > 0) {
		struct span one = next_description(&text);
		struct fact f = call_fact(w->look, APP_MEGACO, c->call, w->state->number.dialed);
		struct call_endpoint end;
		struct sdp sdp;

		if (!sdp_parse(one.p, one.len, &sdp) || (end = call_sdp_end(&sdp)).port == 0)
			continue;
		*(node == NODE_LOCAL ? &c->local : &c->remote) = end;
		/* What is said is believed of the gateway only: a Local one by itself, a Remote one to it. */
		if ((node == NODE_LOCAL) == w->reply)
			call_announce_sdp(w->look, &f, &sdp);
		call_announce_pair(w->look, &f, &c->local, &c->remote);
		if (node == NODE_LOCAL && w->reply)
			signal_send(w, CALL_MEDIA, &sdp);
	}
}

/* dd/ce{ds="112"}: digits that matched the digit map (annex E.6). */
void megaco_digits_take(struct walk *w, struct span value)
{
	char dialed[DIALED_LEN];

	call_digits(value, dialed);
	call_dialed(w->look, &w->state->number, w->context == NULL ? 0 : w->context->call, dialed);
}
