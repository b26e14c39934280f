/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * storm: many calls, or many flows, through a gateway, and what became of them.
 *
 *     storm NEAR FAR KEY=VALUE...
 *
 * NEAR and FAR are network namespaces with a device eth0 each; the gateway
 * between them must route INSIDE to NEAR and OUTSIDE to FAR. Frames are made
 * here and go through packet sockets, so that ten thousand phones need no
 * sockets of their own. Phones never hang up and never heed that they are not
 * heard. Prints one JSON object.
 *
 *     near_mac, far_mac   of the gateway, towards NEAR and FAR
 *     rate, seconds       new calls a second, for so long; then `tail` seconds go on
 *     sip=1               each call is set up by SIP first, at another server than its media's
 *     both=1              the far end speaks too
 *     ptime               milliseconds of speech in a packet (20)
 *     flows               other flows, spread evenly over `seconds`: a datagram or two each
 */
#include "storm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PTIME_MAX 60            /* ms */
#define STILL_NS (2 * NS_PER_S) /* heard so lately at the end: not cut */

struct options opt = { .tail = 5, .ptime = 20 };
struct end near_end, far_end;
struct call *calls;
uint32_t n_calls;

_Noreturn void fail(const char *what)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t); /* the clock of SO_TIMESTAMPNS */
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void mac_parse(const char *text, uint8_t mac[6])
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
		fail(text);
}

/* --- the storm --- */

#define NONE UINT32_MAX

/* Calls that talk, by the millisecond of their packets. */
static uint32_t talking[PTIME_MAX];

static void calls_step(uint64_t t)
{
	static uint32_t begun, set; /* calls begun, and of them those set up; in order of time */
	const uint64_t until_talk = opt.sip ? TALK_MS : 0;
	uint64_t now = now_ns();

	while (begun < n_calls && begun * 1000ull / opt.rate <= t)
		calls[begun++].begun_ms = t;
	for (uint32_t i = set; i < begun; i++)
		set_up(i, t - calls[i].begun_ms);
	for (; set < begun && t - calls[set].begun_ms >= until_talk; set++) {
		calls[set].next = talking[t % opt.ptime];
		talking[t % opt.ptime] = set;
	}
	for (uint32_t i = talking[t % opt.ptime]; i != NONE; i = calls[i].next)
		talk(i, now);
}

static void flows_step(uint64_t t)
{
	static uint32_t begun;
	uint64_t due = (t + 1) * opt.flows / (opt.seconds * 1000ull);

	while (begun < opt.flows && begun < due)
		scatter(begun++);
}

static uint64_t late_ms; /* the most that a millisecond began too late */

static void run(void)
{
	uint64_t begin = now_ns(), last = (opt.seconds + opt.tail) * 1000ull;

	for (uint64_t t = 0; t < last; t++) {
		uint64_t due = begin + t * NS_PER_MS, now = now_ns();

		if (now < due) {
			struct timespec wait = { 0, (long)(due - now) };

			nanosleep(&wait, NULL);
		} else if ((now - due) / NS_PER_MS > late_ms) {
			late_ms = (now - due) / NS_PER_MS;
		}
		calls_step(t);
		flows_step(t);
		flush(&near_end);
		flush(&far_end);
	}
}

/* --- what became of it --- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void report(void)
{
	uint64_t *lived = calloc(n_calls + 1, sizeof *lived), end = now_ns();
	uint32_t cut = 0, alive = 0, unheard = 0;

	if (lived == NULL)
		fail("memory");
	for (uint32_t i = 0; i < n_calls; i++) {
		uint64_t at = atomic_load(&calls[i].heard_ns);

		if (at == 0)
			unheard++;
		else if (at + STILL_NS > end)
			alive++;
		else
			lived[cut++] = at < calls[i].media_ns ? 0 : (at - calls[i].media_ns) / NS_PER_MS;
	}
	qsort(lived, cut, sizeof *lived, by_number);
	printf("{\"calls\": %u, \"cut\": %u, \"alive\": %u, \"unheard\": %u, \"p50_ms\": %llu, \"p95_ms\": %llu, \"max_ms\": %llu, "
	    "\"sent\": %llu, \"refused\": %llu, \"delivered\": %llu, \"others\": %llu, \"late_ms\": %llu}\n",
	    n_calls, cut, alive, unheard, (unsigned long long)lived[cut / 2], (unsigned long long)lived[cut * 95ull / 100],
	    (unsigned long long)(cut == 0 ? 0 : lived[cut - 1]), (unsigned long long)(near_end.sent + far_end.sent),
	    (unsigned long long)(near_end.refused + far_end.refused), (unsigned long long)atomic_load(&delivered),
	    (unsigned long long)atomic_load(&others), (unsigned long long)late_ms);
	free(lived);
}

static const struct { const char *key; uint32_t *to; } numbers[] = {
	{ "rate", &opt.rate }, { "seconds", &opt.seconds }, { "tail", &opt.tail }, { "sip", &opt.sip },
	{ "both", &opt.both }, { "ptime", &opt.ptime }, { "flows", &opt.flows },
};

static void option(const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t len = value == NULL ? 0 : (size_t)(value - arg);

	if (len == 8 && strncmp(arg, "near_mac", len) == 0) {
		mac_parse(value + 1, near_end.gateway);
		return;
	}
	if (len == 7 && strncmp(arg, "far_mac", len) == 0) {
		mac_parse(value + 1, far_end.gateway);
		return;
	}
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (len == strlen(numbers[i].key) && strncmp(arg, numbers[i].key, len) == 0) {
			*numbers[i].to = (uint32_t)strtoul(value + 1, NULL, 10);
			return;
		}
	errno = EINVAL;
	fail(arg);
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	for (int i = 3; i < argc; i++)
		option(argv[i]);
	errno = EINVAL;
	if (argc < 3 || opt.seconds == 0 || opt.ptime == 0 || opt.ptime > PTIME_MAX)
		fail("storm NEAR FAR rate=N seconds=N ...");
	n_calls = opt.rate * opt.seconds;
	calls = calloc(n_calls + 1, sizeof *calls);
	memset(talking, 0xff, sizeof talking);
	end_open(&near_end, argv[1]);
	threads[0] = hear_at(argv[1], false);
	end_open(&far_end, argv[2]);
	threads[1] = hear_at(argv[2], true);
	run();
	hear_stop();
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	report();
	return 0;
}
