/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "profile.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Where the figures come from. They are meant to be as bad as real access
 * networks are at bad times, not as one network is:
 *   wifi       others' bursts, scans and retries hold a packet for 10 to 30 ms
 *   wifi-bad   a crowded channel at the edge of its range; two losses in a row
 *   lte        an uplink grant every 5 ms (scheduling request periods of 5 to
 *              20 ms: 3GPP TS 36.213, 10.1.5), HARQ after 8 ms (36.213, 8),
 *              to 60 ms when a cell is full
 *   satellite  geostationary: 4 x 35,786 km at the speed of light is 477 ms,
 *              processing and TDMA make it 600 ms of round trip
 *   drift      quartz clocks are off by up to 100 ppm; both ends, opposite ways
 */
static const struct impair_profile profiles[] = {
	{ .name = "none", .what = "as it is" },
	{ .name = "wired", .what = "cable, a few hops", .rate_kbit = 100e3, .queue_ms = 50, .delay_ms = 8,
	  .wander_ms = 0.3, .wander_tau_ms = 50, .loss = 0.0005 },
	{ .name = "wifi", .what = "bursts of 10 to 30 ms", .contention_ms = 0.8, .stalls_per_s = 4, .stall_min_ms = 10,
	  .stall_max_ms = 30, .rate_kbit = 20e3, .queue_ms = 200, .delay_ms = 10, .wander_ms = 0.5, .wander_tau_ms = 50,
	  .loss = 0.003, .burst = 1.5 },
	{ .name = "wifi-bad", .what = "crowded, at the edge of its range", .contention_ms = 3, .stalls_per_s = 6,
	  .stall_min_ms = 10, .stall_max_ms = 80, .rate_kbit = 4e3, .queue_ms = 300, .delay_ms = 15, .wander_ms = 3,
	  .wander_tau_ms = 100, .loss = 0.03, .burst = 2 },
	{ .name = "lte", .what = "grants every 5 ms, retries, to 60 ms", .grant_ms = 5, .retry_p = 0.2, .retry_ms = 8,
	  .retry_max_ms = 56, .stalls_per_s = 0.5, .stall_min_ms = 20, .stall_max_ms = 60, .rate_kbit = 8e3,
	  .queue_ms = 300, .delay_ms = 25, .wander_ms = 1, .wander_tau_ms = 200, .loss = 0.002, .burst = 1.5 },
	{ .name = "satellite", .what = "geostationary, 600 ms of round trip, 20 ms of jitter", .rate_kbit = 2e3,
	  .queue_ms = 500, .delay_ms = 300, .wander_ms = 20, .wander_tau_ms = 300, .grant_ms = 2, .loss = 0.005, .burst = 3 },
	{ .name = "lossy", .what = "5 % lost in bursts", .rate_kbit = 50e3, .queue_ms = 100, .delay_ms = 20, .wander_ms = 2,
	  .wander_tau_ms = 50, .loss = 0.05, .burst = 3, .reorder_p = 0.002, .reorder_ms = 12 },
	{ .name = "drift", .what = "clocks off by 200 ppm, opposite ways", .rate_kbit = 100e3, .queue_ms = 50, .delay_ms = 8,
	  .wander_ms = 1, .wander_tau_ms = 50, .drift_ppm = 200 },
};

#define N_PROFILES (sizeof(profiles) / sizeof(profiles[0]))

#define FIELD(f) { #f, offsetof(struct impair_profile, f) }
static const struct { const char *name; size_t at; } fields[] = {
	FIELD(loss), FIELD(burst), FIELD(contention_ms), FIELD(stalls_per_s), FIELD(stall_min_ms), FIELD(stall_max_ms),
	FIELD(grant_ms), FIELD(retry_p), FIELD(retry_ms), FIELD(retry_max_ms), FIELD(rate_kbit), FIELD(queue_ms),
	FIELD(delay_ms), FIELD(wander_ms), FIELD(wander_tau_ms), FIELD(reorder_p), FIELD(reorder_ms), FIELD(drift_ppm),
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* A figure of a profile by its place in the table above. */
static double *figure(struct impair_profile *p, size_t i)
{
	return (double *)(void *)((char *)p + fields[i].at);
}

bool profile_find(const char *name, struct impair_profile *into)
{
	for (size_t i = 0; i < N_PROFILES; i++)
		if (strcmp(profiles[i].name, name) == 0) {
			*into = profiles[i];
			return true;
		}
	return false;
}

/* One NAME=VALUE of `len` bytes. */
static const char *set_one(struct impair_profile *p, const char *text, size_t len)
{
	size_t name = strcspn(text, "=");
	char *end;
	double value;

	if (name >= len)
		return "NAME=VALUE expected";
	for (size_t i = 0; i < N_FIELDS; i++) {
		if (strlen(fields[i].name) != name || strncmp(fields[i].name, text, name) != 0)
			continue;
		value = strtod(text + name + 1, &end);
		if (end == text + name + 1 || end != text + len || !isfinite(value))
			return "not a number";
		if (value < 0 && strcmp(fields[i].name, "drift_ppm") != 0)
			return "less than 0";
		*figure(p, i) = value;
		return NULL;
	}
	return "no such figure";
}

const char *profile_set(struct impair_profile *p, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		const char *error = set_one(p, text, len);

		if (error != NULL)
			return error;
		text += len;
		text += *text == ',';
	}
	return NULL;
}

#define SURVEY_S 3600
#define SURVEY_GAP_NS 20000000
#define SURVEY_BYTES 200
#define SURVEY_SEED 1

static void survey(const struct impair_profile *p)
{
	struct impair_way way;
	double sum = 0, squares = 0, most = 0;
	unsigned long n = 0, total = (unsigned long)(SURVEY_S * 1e9 / SURVEY_GAP_NS);

	impair_open(&way, p, SURVEY_SEED);
	for (unsigned long i = 0; i < total; i++) {
		int64_t now = (int64_t)i * SURVEY_GAP_NS, out;
		double ms;

		if (impair_send(&way, now, SURVEY_BYTES, &out) != IMPAIR_PASS)
			continue;
		ms = (double)(out - now) / 1e6;
		sum += ms;
		squares += ms * ms;
		most = ms > most ? ms : most;
		n++;
	}
	if (n == 0)
		return;
	printf("  measured: delay mean %.2f ms, sd %.2f ms, most %.1f ms, lost %.3f %%\n", sum / (double)n,
	       sqrt(squares / (double)n - sum / (double)n * sum / (double)n), most, 100 * (1 - (double)n / (double)total));
}

void profile_list(void)
{
	for (size_t i = 0; i < N_PROFILES; i++) {
		struct impair_profile p = profiles[i];

		printf("%s: %s\n ", p.name, p.what);
		for (size_t k = 0; k < N_FIELDS; k++)
			if (*figure(&p, k) != 0)
				printf(" %s=%g", fields[k].name, *figure(&p, k));
		printf("\n");
		survey(&p);
	}
}
