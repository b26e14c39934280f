/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/count.h"

static const struct {
	const char *key, *help;
} counters[] = {
#define X(id, key, help) [COUNT_##id] = { key, help },
	COUNTERS(X)
#undef X
};

const char *count_key(enum counter id)
{
	return counters[id].key;
}

const char *count_help(enum counter id)
{
	return counters[id].help;
}
