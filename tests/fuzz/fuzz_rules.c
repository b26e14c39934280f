/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a rule file, and every question to the rules that come of them. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct policy *p)
{
	struct subject s = {
		.port = { 40000, 5060 }, .proto = 17, .dialed = "", .bits = 20, .wall_ns = 1774746000000000000u,
	};

	addr_from_v4(&s.ip[0], (const uint8_t[]){ 10, 8, 0, 1 });
	addr_from_v4(&s.ip[1], (const uint8_t[]){ 203, 0, 113, 10 });
	s.signaller = s.ip[1];
	for (int cls = 0; cls < CLASS_COUNT; cls++) {
		struct verdict v;

		s.cls = (enum voip_class)cls;
		v = policy_judge(p, &s);
		if (v.reason == NULL || v.action == ACTION_ALERT || v.n_alerts > ALERTS_MAX ||
		    (v.action != ACTION_PASS && v.rule == NULL))
			abort();
	}
	if (policy_next_change(p, s.wall_ns) <= s.wall_ns || policy_band(p, 0) > policy_band(p, 100))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct policy *p;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	p = policy_parse(text, "fuzz.rules", NULL);
	if (p != NULL)
		ask(p);
	policy_free(p);
	free(text);
	return 0;
}
